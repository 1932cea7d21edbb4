"""Frames and batches: what goes in comes out, and what does not fit never leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings

from schemas.errors import FrameError
from schemas.frames import (
    Batch,
    Frame,
    decode_batch,
    decode_frame,
    encode_batch,
    encode_frame,
    mark_not_finite,
    stack,
)
from schemas.kinds import WIRE_TYPES, Kind, blank, kind_of
from schemas.quality import Quality
from tests.unit.golden.test_golden import same_batch, same_frame
from tests.unit.schemas.strategies import batches, frames


@given(batches())
@settings(max_examples=150, deadline=None)
def test_a_batch_survives_the_wire(batch: Batch) -> None:
    batch = replace(batch, producer=batch.producer.encode("utf-8", "replace").decode())
    same_batch(decode_batch(encode_batch(batch)), batch)
    same_batch(decode_batch(memoryview(encode_batch(batch, compress=False))), batch)
    assert batch.size == sum(frame.values.size for frame in batch.frames)


@given(frames())
@settings(max_examples=100, deadline=None)
def test_a_frame_survives_the_spool(frame: Frame) -> None:
    same_frame(decode_frame(encode_frame(frame)), frame)


@given(frames())
@settings(max_examples=100, deadline=None)
def test_what_is_not_finite_is_never_good(frame: Frame) -> None:
    marked = mark_not_finite(frame)
    if frame.kind is not Kind.FLOAT or np.isfinite(frame.values).all():
        assert marked is frame
        return
    odd = ~np.isfinite(frame.values)
    before = np.full(frame.values.shape, 192) if frame.quality is None else frame.quality
    assert marked.quality is not None
    assert (marked.quality[odd] < Quality.UNCERTAIN).all()
    assert (marked.quality[~odd] == before[~odd]).all()
    assert (marked.quality[odd & (before < 64)] == before[odd & (before < 64)]).all()
    assert marked.source_times is frame.source_times


@pytest.mark.parametrize("wire", sorted(WIRE_TYPES))
def test_stacked_scans_keep_order_and_quality(wire: str) -> None:
    ids = np.array([4, 5], dtype=np.int32)
    bad = np.array([[192, 24]], dtype=np.uint8)
    scans = [
        Frame(ids, np.array([time]), blank(wire, (1, 2)), bad if time == 2 else None)
        for time in (1, 2, 3)
    ]
    found = stack(scans)
    assert found.times.tolist() == [1, 2, 3]
    assert found.values.shape == (3, 2)
    assert found.wire == wire
    assert found.quality is not None
    assert found.quality.tolist() == [[192, 192], [192, 24], [192, 192]]
    assert found.tag_ids is ids
    assert stack(scans[:1]) is scans[0]
    assert stack([scans[0], scans[2]]).quality is None


def test_nbytes_counts_what_a_batch_grows_by() -> None:
    ids, times = np.array([1, 2], dtype=np.int32), np.zeros(3, dtype=np.int64)
    quality = np.zeros((3, 2), dtype=np.uint8)
    assert Frame(ids, times, np.zeros((3, 2), "<f4"), quality).nbytes == 24 + 6 + 24
    texts = np.full((3, 2), "abcd", dtype=object)
    assert Frame(ids, times, texts, source_times=np.zeros((3, 2), "<i8")).nbytes == 24 + 72 + 48


def test_bytes_other_than_0_and_1_are_a_true_bool() -> None:
    frame = Frame(_ids(2), _ids(1).astype(np.int64), np.array([[True, False]]))
    data = encode_frame(frame).replace(b"\xc4\x02\x01\x00", b"\xc4\x02\x07\x00")
    assert decode_frame(data).values.view(np.uint8).tolist() == [[1, 0]]


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros((1, 3), "<f4")},
        {"values": np.zeros(2, "<f4")},
        {"values": np.zeros((1, 2), ">f4")},
        {"values": np.zeros((1, 2), "<u8")},
        {"values": np.zeros((1, 2), "<f2")},
        {"quality": np.zeros((2, 1), np.uint8)},
        {"source_times": np.zeros(2, np.int64)},
    ],
    ids=lambda change: str({key: (item.dtype.str, item.shape) for key, item in change.items()}),
)
def test_a_frame_that_nobody_could_read_is_refused_where_it_is_made(change: dict[str, Any]) -> None:
    good = Frame(_ids(2), np.zeros(1, np.int64), np.zeros((1, 2), "<f4"))
    with pytest.raises(FrameError, match="does not fit"):
        encode_frame(replace(good, **change))


def test_a_reader_skips_what_a_later_version_adds() -> None:
    frame = Frame(_ids(2), np.zeros(1, np.int64), np.zeros((1, 2), "<f4"))
    added = {"x": [1, {"y": [None] * 9}], "é": {"z": b"abc"}, "": 5}
    fields = {**added, **msgpack.unpackb(encode_frame(frame)), "later": [[]]}
    same_frame(decode_frame(msgpack.packb(fields)), frame)
    body = {"new": [added], "p": "w0", "n": 1, "c": 2, "f": [fields], "zz": added}
    same_batch(decode_batch(b"SP\1\0" + msgpack.packb(body)), Batch("w0", 1, 2, (frame,)))


def test_broken_utf8_is_readable_all_the_same() -> None:
    texts = np.array([["ab"]], dtype=object)
    data = encode_frame(Frame(_ids(1), np.zeros(1, np.int64), texts)).replace(b"ab", b"\xff\xc3")
    assert decode_frame(data).values[0, 0] == "\ufffd\ufffd"


def test_the_kind_of_every_wire_type() -> None:
    kinds = {wire: kind_of(wire) for wire in WIRE_TYPES}
    assert kinds["O"] is Kind.TEXT
    assert kinds["|b1"] is Kind.BOOL
    assert {wire for wire, kind in kinds.items() if kind is Kind.FLOAT} == {"<f4", "<f8"}


def _ids(count: int) -> Any:
    return np.arange(1, count + 1, dtype=np.int32)
