"""Messages over pipes: late, gone, garbage, and what is too much."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import msgpack
import numpy as np
import pytest

from udf.process.channel import Channel, GarbageError, GoneError, LateError, pack, unpack


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    for descriptor in (read, write):
        os.set_blocking(descriptor, False)
    yield read, write
    for descriptor in (read, write):
        try:
            os.close(descriptor)
        except OSError:
            continue


def soon() -> float:
    return time.monotonic() + 5


def test_a_message_that_is_larger_than_a_pipe(pipe: tuple[int, int]) -> None:
    channel = Channel(*pipe, 10**7)
    message = {"data": b"x" * 1_000_000}
    thread = threading.Thread(target=channel.send, args=(pack(message), soon()))
    thread.start()
    assert channel.receive(soon()) == message
    thread.join()


def test_nobody_answers(pipe: tuple[int, int]) -> None:
    with pytest.raises(LateError):
        Channel(*pipe, 100).receive(time.monotonic() + 0.05)


def test_nobody_reads(pipe: tuple[int, int]) -> None:
    with pytest.raises(LateError):
        Channel(*pipe, 100).send(b"x" * 1_000_000, time.monotonic() + 0.05)


def test_half_a_message_is_late_too(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\x05\x00\x00\x00ab")
    with pytest.raises(LateError):
        Channel(*pipe, 100).receive(time.monotonic() + 0.05)


def test_the_other_side_is_gone(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\x05\x00\x00\x00ab")
    os.close(pipe[1])
    with pytest.raises(GoneError):
        Channel(*pipe, 100).receive(soon())


def test_writing_to_nobody(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    with pytest.raises(GoneError):
        Channel(*pipe, 100).send(b"x", soon())


def test_a_length_that_is_too_long_is_not_waited_for(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\xff\xff\xff\xff")
    with pytest.raises(GarbageError):
        Channel(*pipe, 100).receive(soon())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgpack.packb([1]),
        msgpack.packb({"a": [[]] * 60_000}),
        msgpack.packb({"a": [{}] * 60_000}),
        b"\x91" * 5000 + b"\xc0",
        b"\xdd\xff\xff\xff\xff",
        b"\x81\xa1a\xc7\x01\x05a",
        msgpack.packb({b"\xff": 1}),
        msgpack.packb({"a": b"1"})[:-1],
        b"\x81\xa1a\xa1\xff",
    ],
)
def test_garbage(data: bytes) -> None:
    try:
        found = unpack(data)
    except GarbageError:
        return
    assert isinstance(found, dict)  # odd, and harmless: an ext or bytes as a key


def test_numpy_scalars_travel_as_numbers() -> None:
    assert unpack(pack({"a": np.float64(1.5), "b": np.arange(2)})) == {"a": 1.5, "b": [0, 1]}


@pytest.mark.parametrize("value", [object(), 2**70])
def test_what_cannot_travel(value: object) -> None:
    with pytest.raises((TypeError, OverflowError)):
        pack({"a": value})
