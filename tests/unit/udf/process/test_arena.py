"""Columns through a file in memory, and places that lie."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udf.process.arena import Reader, Writer, make, share


@pytest.fixture
def arena() -> Iterator[int]:
    descriptor = make("test")
    yield descriptor
    os.close(descriptor)


ARRAYS: list[np.ndarray[Any, Any]] = [
    np.arange(5.0),
    np.array([2**63 - 1, -(2**63)]),
    np.array([True, False, True]),
    np.array([0, 192, 255], dtype=np.uint8),
    np.arange(12.0).reshape(4, 3)[:, ::2],
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.empty((0, 7)),
    np.empty(0, dtype=np.int64),
    np.array(["", "größer", "🏭", "a\0b"], dtype=object),
    np.array([["a", "b"], ["c", "d"]], dtype=object),
    np.empty(0, dtype=object),
]


def test_all_arrays_of_a_message_come_back(arena: int) -> None:
    for _ in range(2):  # the second time over the first
        writer = Writer()
        places = [writer.add(array) for array in ARRAYS * 300]
        writer.write(arena)
        reader = Reader(arena, writer.size)
        for place, array in zip(places, ARRAYS * 300, strict=True):
            found = reader.take(place)
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)


def test_a_reader_keeps_what_it_has_when_the_next_message_comes(arena: int) -> None:
    first, second = Writer(), Writer()
    place = first.add(np.full(100, 1.0))
    first.write(arena)
    found = Reader(arena, first.size).take(place)
    second.add(np.full(100, 2.0))
    second.write(arena)
    assert found.tolist() == [1.0] * 100


def test_numbers_cannot_be_written_into(arena: int) -> None:
    writer = Writer()
    place = writer.add(np.arange(3.0))
    writer.write(arena)
    found = Reader(arena, writer.size).take(place)
    with pytest.raises(ValueError, match="WRITEABLE"):
        found.flags.writeable = True


def test_after_a_large_message_the_memory_is_given_back(arena: int) -> None:
    for count in (4_000_000, 10):
        writer = Writer()
        writer.add(np.zeros(count))
        writer.write(arena)
    assert os.fstat(arena).st_size < 1000


def test_a_bool_is_0_or_1_whatever_was_written(arena: int) -> None:
    writer = Writer()
    offset, _, shape = writer.add(np.array([0, 1, 255, 7], dtype=np.uint8))
    writer.write(arena)
    found = Reader(arena, writer.size).take([offset, "|b1", shape])
    assert found.view(np.uint8).tolist() == [0, 1, 1, 1]


def test_a_message_that_is_not_there_is_an_error(arena: int) -> None:
    with pytest.raises(ValueError, match="not there"):
        Reader(arena, 100)


junk = st.recursive(
    st.one_of(
        st.none(),
        st.integers(-(2**64), 2**64),
        st.sampled_from(["<f8", "|b1", "|u1", "<i8", "texts", "|O"]),
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(junk)
def test_no_place_makes_another_error_or_much_memory(place: Any) -> None:
    arena = make("test")
    try:
        writer = Writer()
        writer.add(np.arange(4))
        writer.write(arena)
        found = Reader(arena, writer.size).take(place)
    except ValueError:
        return
    finally:
        os.close(arena)
    assert found.nbytes <= 32


@pytest.mark.parametrize(
    "place",
    [
        [0, "texts", [4], [0, "|u1", [32]]],
        [[0, "<i8", [4]], "texts", [5], [0, "|u1", [32]]],
        [[0, "<i8", [4]], "texts", [4], [0, "|u1", [0]]],
        [[0, "<i8", [1]], "texts", [1], [[0, "<i8", [1]], "texts", [1], [0, "|u1", [1]]]],
        [[0, "<i8", [4]], "texts", [4], [0, "<i8", [4]]],
        [[0, "<f8", [4]], "texts", [4], [0, "|u1", [32]]],
        [0, "<f8", [2**40, 2**40]],
        [0, "<f8", [True]],
    ],
)
def test_places_that_lie(place: Any, arena: int) -> None:
    writer = Writer()
    writer.add(np.arange(4))
    writer.write(arena)
    with pytest.raises(ValueError):
        Reader(arena, writer.size).take(place)


def test_the_other_process_cannot_change_how_this_one_writes(arena: int) -> None:
    theirs = share(arena, write=True)
    fcntl.fcntl(theirs, fcntl.F_SETFL, os.O_APPEND)
    for _ in range(3):
        writer = Writer()
        writer.add(np.arange(10))
        writer.write(arena)
    os.close(theirs)
    assert os.fstat(arena).st_size == writer.size


def test_what_is_only_to_be_read_cannot_be_written(arena: int) -> None:
    theirs = share(arena, write=False)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(theirs, b"x")
    os.close(theirs)


def test_too_many_texts_are_not_made(arena: int) -> None:
    writer = Writer()
    place = writer.add(np.full(11, "a", dtype=object))
    writer.write(arena)
    assert Reader(arena, writer.size, 11).take(place).tolist() == ["a"] * 11
    with pytest.raises(ValueError, match="11 texts; at most 10"):
        Reader(arena, writer.size, 10).take(place)
