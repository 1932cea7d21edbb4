"""Bytes from a broken disk, another version, or an attacker: FrameError, and nothing else."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.compressed import MAX_BODY_BYTES
from schemas.errors import FrameError
from schemas.frames import MAX_FRAMES, decode_batch, decode_frame, encode_batch
from tests.unit.golden.make import batch, files
from tests.unit.golden.test_golden import same_batch

GOLDEN = files()
PLAIN, ZSTD = GOLDEN["batch_v1_plain.bin"], GOLDEN["batch_v1_zstd.bin"]
FRAME = GOLDEN["frame_v1_events.bin"]
MB = 1024 * 1024


@pytest.mark.parametrize(
    ("whole", "decode"),
    [(PLAIN, decode_batch), (ZSTD, decode_batch), (FRAME, decode_frame)],
    ids=["plain", "zstd", "frame"],
)
def test_every_truncation_and_every_extra_byte_is_refused(
    whole: bytes, decode: Callable[[bytes], object]
) -> None:
    decode(whole)
    for length in range(len(whole)):
        with pytest.raises(FrameError):
            decode(whole[:length])
    with pytest.raises(FrameError):
        decode(whole + b"\0")


def test_a_flipped_bit_of_a_compressed_batch_never_changes_a_value() -> None:
    """zstd's checksum sees it; some bits of its header may be anything (RFC 8878, 3.1.1.1.1)."""
    harmless = 0
    for position in range(4, len(ZSTD)):
        for bit in range(8):
            try:
                found = decode_batch(_flipped(ZSTD, position, bit))
            except FrameError:
                continue
            same_batch(found, batch())
            harmless += 1
    assert harmless < 16


def test_a_flipped_bit_of_a_plain_batch_never_breaks_the_reader() -> None:
    refused = 0
    for position in range(len(PLAIN)):
        for bit in range(8):
            try:
                _consistent(_flipped(PLAIN, position, bit))
            except FrameError:
                refused += 1
    assert refused > len(PLAIN)  # all of the structure; flipped values are values


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused(noise: bytes) -> None:
    for data in (noise, b"SP\1\0" + noise, b"SP\1\1" + noise):
        with pytest.raises(FrameError):
            decode_batch(data)
    with pytest.raises(FrameError):
        decode_frame(noise)


WRONG: list[Any] = [None, True, -1, 2**64 - 1, 1.5, "text", b"xyz", [], [1], {}, {"a": 1}, [[[]]]]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_every_field_of_every_wrong_type_is_refused(wrong: Any) -> None:
    fields = {"p": "w0", "n": 1, "c": 2, "f": []}
    decode_batch(_batch(fields))
    for name in fields:
        if (type(wrong) is type(fields[name]) and not wrong) or (name in "nc" and wrong == -1):
            continue
        if name == "p" and isinstance(wrong, str):
            continue
        with pytest.raises(FrameError):
            decode_batch(_batch({**fields, name: wrong}))
    frame = msgpack.unpackb(FRAME)
    for name in frame:
        if name in "qs" and wrong is None:
            continue
        with pytest.raises(FrameError):
            decode_batch(_batch({**fields, "f": [{**frame, name: wrong}]}))
    for value in (wrong, {wrong if isinstance(wrong, str | bytes) else 5: 1}):
        with pytest.raises(FrameError):
            decode_batch(b"SP\1\0" + msgpack.packb(value))


@pytest.mark.parametrize("name", ["p", "n", "c", "f"])
def test_a_missing_field_is_named(name: str) -> None:
    fields = {"p": "w0", "n": 1, "c": 2, "f": []}
    del fields[name]
    with pytest.raises(FrameError, match=f"'{name}' is missing"):
        decode_batch(_batch(fields))


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "SP"), (b"XX\1\0", "SP"), (b"SP\2\0", "format 2"), (b"SP\1\7", "codec 7")],
)
def test_other_formats_are_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        decode_batch(data)


def test_the_hint_for_a_newer_format_says_what_to_do() -> None:
    with pytest.raises(FrameError) as caught:
        decode_batch(b"SP\x09\x00")
    assert "Upgrade the hub" in caught.value.hint


HEAD = b"\x84\xa1p\xa2w0\xa1n\x01\xa1c\x02\xa1f"
ONE = HEAD + b"\x91\x86"


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"\xdd\xff\xff\xff\xff",
        HEAD + b"\xdd" + (MAX_FRAMES + 1).to_bytes(4, "big") + b"\x80" * (MAX_FRAMES + 1),
        HEAD + b"\x91\xdf\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        ONE + b"\xa1i\xc6\xff\xff\xff\xff",
        ONE + b"\xa1i\xdb\xff\xff\xff\xff",
        ONE + b"\xa1i\xc9\xff\xff\xff\xff\x01",
        ONE + b"\xa1k\xa1O\xa1v\xdd\xff\xff\xff\xff",
        b"\x85\xa1x" + b"\x91" * 200_000 + b"\x01" + HEAD[1:] + b"\x90",
        b"\x85\xa1x" + b"\x81\xa1y" * 100_000 + b"\x01" + HEAD[1:] + b"\x90",
        ONE + b"\xa1i" + b"\xdd\x00\x10\x00\x00" * 400,
        ONE + b"\xa1i" + b"\xdd\x00\x10\x00\x00" + b"\x80" * 2**20,
    ],
    ids=range(12),
)
def test_huge_claims_and_deep_nesting_cost_nothing(body: bytes) -> None:
    peak = _peak(b"SP\1\0" + body)
    assert peak < 8 * len(body) + 2 * MB


@pytest.mark.parametrize("claim", [2**26 + 1, 2**32, 2**62])
def test_a_claim_of_gigabytes_is_refused_before_anything_is_allocated(claim: int) -> None:
    frame = b"\x28\xb5\x2f\xfd\xe0" + claim.to_bytes(8, "little") + b"\x01\x00\x00"
    with pytest.raises(FrameError, match="claims"):
        decode_batch(b"SP\1\1" + frame)
    assert _peak(b"SP\1\1" + frame) < MB


@pytest.mark.parametrize(
    "unit", [b"\x80", b"\x90", b"\xc0", b"\xa0"], ids=["{}", "[]", "nil", "''"]
)
def test_a_bomb_of_tiny_things_takes_no_more_than_its_body(unit: bytes) -> None:
    """4 kB of zstd, 24 MB of empty containers: msgpack alone would make 64 bytes of each."""
    count = 24 * MB
    body = b"\x85\xa1x\xdd" + count.to_bytes(4, "big") + unit * count + HEAD[1:] + b"\x90"
    bomb = b"SP\1\1" + zstandard.ZstdCompressor().compress(body)
    assert len(bomb) < 16_000
    assert _peak(bomb) < 4 * len(body)
    inside = HEAD + b"\xdd" + count.to_bytes(4, "big") + unit * count
    assert _peak(b"SP\1\1" + zstandard.ZstdCompressor().compress(inside)) < 4 * len(body)


def test_a_body_over_the_limit_is_refused() -> None:
    packed = zstandard.ZstdCompressor().compress(bytes(MAX_BODY_BYTES + 1))
    with pytest.raises(FrameError, match="at most"):
        decode_batch(b"SP\1\1" + packed)


def test_a_stream_without_a_size_is_refused() -> None:
    packed = zstandard.ZstdCompressor(write_content_size=False).compress(PLAIN[4:])
    with pytest.raises(FrameError, match="claims"):
        decode_batch(b"SP\1\1" + packed)


def _peak(data: bytes) -> int:
    """Bytes allocated at most while the data is refused or read."""
    tracemalloc.start()
    try:
        decode_batch(data)
    except FrameError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


def _batch(fields: dict[str, Any]) -> bytes:
    return b"SP\1\0" + msgpack.packb(fields)


def _flipped(data: bytes, position: int, bit: int) -> bytes:
    return data[:position] + bytes((data[position] ^ (1 << bit),)) + data[position + 1 :]


def _consistent(data: bytes) -> None:
    """Decode; what is taken must encode again: all shapes and types fit."""
    found = decode_batch(data)
    encode_batch(found, compress=False)
    assert all(
        frame.values.shape == (len(frame.times), len(frame.tag_ids)) for frame in found.frames
    )
    assert len(found.frames) <= len(batch().frames)
