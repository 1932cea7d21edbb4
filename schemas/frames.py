"""The columnar frame and the batch, the two things that travel from a driver to the database.

A **frame** is S scans of N tags of one wire type in one scan group; a **batch** is one message: the
frames of many devices, numbered by their producer. Arrays travel as msgpack `bin`.

Wire format 1, all integers little-endian::

    bytes 0-1  "SP"          byte 2  format version      byte 3  codec: 0 plain, 1 zstd+checksum
    then msgpack {"p": producer, "n": number, "c": created ns, "f": [frame, ...]}, and
    "e": bin where there are events (schemas/events.py)
    frame     {"i": int32[N] tag ids, "t": int64[S] ns UTC, "k": dtype, "v": [S, N] values,
               "q": uint8[S, N] or nil when all good, "s": int64[S, N] source times or nil}
    text      "k" is "O" and "v" is [uint32[S*N + 1] offsets, utf-8]; "k" stands before "v"

A reader ignores keys that it does not know. Golden bytes of every released version are in
`tests/unit/golden/` and decode for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import msgpack
import numpy as np
import zstandard
from numpy.typing import NDArray

from schemas.compressed import decompress
from schemas.errors import FrameError
from schemas.events import Event, pack_events, unpack_events
from schemas.kinds import WIRE_TYPES, Array, Kind, kind_of
from schemas.quality import Quality
from schemas.reader import Field, Reader, plain, read_map, whole

FORMAT_VERSION = 1
MAX_FRAMES = 256 * 1024
_MAGIC = b"SP"
_PLAIN, _ZSTD = 0, 1
_ZSTD_LEVEL = 3


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """S scans x N tags of one wire type.

    tag_ids int32[N]; times int64[S] ns UTC, the gateway's clock; values [S, N];
    quality uint8[S, N] or None when every value is good; source_times int64[S, N] ns UTC where
    the protocol has them, else None. With source times a frame is a list of events: S is 1, a tag
    may occur more than once, and the hub stores points instead of blocks.
    """

    tag_ids: NDArray[np.int32]
    times: NDArray[np.int64]
    values: Array
    quality: NDArray[np.uint8] | None = None
    source_times: NDArray[np.int64] | None = None

    @property
    def wire(self) -> str:
        return "O" if self.values.dtype == object else self.values.dtype.str

    @property
    def kind(self) -> Kind:
        return kind_of(self.wire)

    def qualities(self) -> NDArray[np.uint8]:
        """The quality of each value, in an array of one's own."""
        if self.quality is None:
            return np.full(self.values.shape, Quality.GOOD, dtype=np.uint8)
        return self.quality.copy()

    @property
    def size(self) -> int:
        """Number of values, S x N."""
        return int(self.values.size)

    @property
    def nbytes(self) -> int:
        """Bytes of times, values and quality, what a batch grows by; a text counts its length."""
        if self.values.dtype == object:
            body = sum(map(len, self.values.ravel().tolist())) + 8 * self.values.size
        else:
            body = self.values.nbytes
        quality = 0 if self.quality is None else self.quality.nbytes
        sources = 0 if self.source_times is None else self.source_times.nbytes
        return int(body + quality + sources + self.times.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One message. `number` counts up by one per producer and never restarts."""

    producer: str
    number: int
    created_ns: int
    frames: tuple[Frame, ...]
    events: tuple[Event, ...] = ()

    @property
    def size(self) -> int:
        return sum(frame.size for frame in self.frames)


def encode_batch(batch: Batch, *, compress: bool = True) -> bytes:
    """The message of a batch. Costs about 1 ns per value plain; zstd-3 runs at 100-200 MB/s.

    Raises FrameError for a frame that no reader could read.
    """
    fields: dict[str, Any] = {
        "p": batch.producer,
        "n": batch.number,
        "c": batch.created_ns,
        "f": [_pack_frame(frame) for frame in batch.frames],
    }
    if batch.events:
        fields["e"] = pack_events(batch.events)
    body: bytes = msgpack.packb(fields)
    if not compress:
        return _MAGIC + bytes((FORMAT_VERSION, _PLAIN)) + body
    packed = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compress(body)
    return _MAGIC + bytes((FORMAT_VERSION, _ZSTD)) + packed


def decode_batch(message: bytes | bytearray | memoryview) -> Batch:
    """The batch in a message; the arrays are read-only views of it.

    Raises FrameError for anything else than a whole, consistent batch of a known version. What it
    allocates is bounded by the bytes that are really there (at most MAX_BODY_BYTES of them),
    whatever they claim.
    """
    body = _body(bytes(message))
    fields = whole(body, "batch", lambda reader: read_map(reader, _BATCH))
    try:
        producer, number, created = fields["p"], fields["n"], fields["c"]
        frames = fields["f"]
    except KeyError as error:
        raise FrameError(f"Not a batch: {error} is missing.") from error
    if not (isinstance(producer, str) and _is_int64(number) and _is_int64(created)):
        raise FrameError("Not a batch: its header has the wrong types.")
    return Batch(producer, number, created, frames, unpack_events(fields.get("e", b"")))


def encode_frame(frame: Frame) -> bytes:
    """One frame alone, for the spool. Raises FrameError like `encode_batch`."""
    return cast(bytes, msgpack.packb(_pack_frame(frame)))


def decode_frame(data: bytes) -> Frame:
    """The frame of `encode_frame`. Raises FrameError."""
    return whole(data, "frame", _read_frame)


def stack(frames: Sequence[Frame]) -> Frame:
    """One frame of all scans; the frames must have the same tags and wire type, oldest first."""
    if len(frames) == 1:
        return frames[0]
    quality = None
    if any(frame.quality is not None for frame in frames):
        quality = np.concatenate([frame.qualities() for frame in frames])
    return Frame(
        frames[0].tag_ids,
        np.concatenate([frame.times for frame in frames]),
        np.concatenate([frame.values for frame in frames]),
        quality,
    )


def mark_not_finite(frame: Frame) -> Frame:
    """NaN and infinity that a device sent as good become BAD, out of range: a bad value never
    looks good, whatever the device says."""
    if frame.wire not in ("<f4", "<f8"):
        return frame
    finite = np.isfinite(frame.values)
    if finite.all():
        return frame
    quality = frame.qualities()
    quality[~finite & (quality >= Quality.UNCERTAIN)] = Quality.BAD_OUT_OF_RANGE
    return Frame(frame.tag_ids, frame.times, frame.values, quality, frame.source_times)


def _pack_frame(frame: Frame) -> dict[str, Any]:
    shape = (frame.times.size, frame.tag_ids.size)
    beside = (frame.quality, frame.source_times)
    fits = all(array is None or array.shape == shape for array in (frame.values, *beside))
    if not fits or frame.wire not in WIRE_TYPES:
        raise FrameError(
            f"A frame of {frame.wire} {frame.values.shape} does not fit {shape[0]} x {shape[1]}.",
            hint="This is a defect of the driver or function that made it; please report it.",
        )
    return {
        "i": _bin(frame.tag_ids, "<i4"),
        "t": _bin(frame.times, "<i8"),
        "k": frame.wire,
        "v": _pack_text(frame.values) if frame.wire == "O" else _bin(frame.values, frame.wire),
        "q": None if frame.quality is None else _bin(frame.quality, "|u1"),
        "s": None if frame.source_times is None else _bin(frame.source_times, "<i8"),
    }


def _bin(array: Array, wire: str) -> memoryview:
    column = np.ascontiguousarray(array, dtype=wire).reshape(-1).view(np.uint8)
    return column.data


def _pack_text(values: Array) -> list[Any]:
    encoded = [str(text).encode("utf-8", "replace") for text in values.flat]
    offsets = np.zeros(len(encoded) + 1, dtype="<u4")
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return [_bin(offsets, "<u4"), b"".join(encoded)]


def _body(data: bytes) -> bytes | memoryview:
    body = memoryview(data)[4:]
    if len(data) < 4 or data[:2] != _MAGIC:
        raise FrameError("Not a Spindle batch: it does not start with 'SP'.")
    if data[2] != FORMAT_VERSION:
        raise FrameError(
            f"Batch format {data[2]} is not known here; this version reads {FORMAT_VERSION}.",
            hint="Upgrade the hub before its gateways.",
        )
    if data[3] == _PLAIN:
        return body
    if data[3] != _ZSTD:
        raise FrameError(f"Batch codec {data[3]} is not known here.")
    return decompress(body)


def _read_frames(reader: Reader, _before: dict[str, Any]) -> tuple[Frame, ...]:
    count = reader.read_array_header()
    if count > MAX_FRAMES:
        raise FrameError(f"The batch claims {count} frames; at most {MAX_FRAMES} pass.")
    return tuple(_read_frame(reader) for _ in range(count))


def _read_values(reader: Reader, before: dict[str, Any]) -> Any:
    if before.get("k") != "O":
        return reader.unpack()
    if reader.read_array_header() != 2:
        raise FrameError("A text column has two parts.")
    return reader.unpack(), reader.unpack()


_FRAME: dict[str, Field] = dict.fromkeys("itkqs", plain) | {"v": _read_values}
_BATCH: dict[str, Field] = dict.fromkeys("pnce", plain) | {"f": _read_frames}


def _is_int64(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _read_frame(reader: Reader) -> Frame:
    item = read_map(reader, _FRAME)
    wire = item["k"]
    if wire not in WIRE_TYPES:
        raise FrameError(f"Column type {wire!r} is not known here.")
    tag_ids = np.frombuffer(item["i"], dtype="<i4")
    times = np.frombuffer(item["t"], dtype="<i8")
    shape = (len(times), len(tag_ids))
    values = _text_column(item["v"], shape) if wire == "O" else _column(item["v"], wire, shape)
    quality = item["q"]
    sources = item.get("s")
    return Frame(
        tag_ids,
        times,
        values,
        None if quality is None else _column(quality, "|u1", shape),
        None if sources is None else _column(sources, "<i8", shape),
    )


def _column(data: Any, wire: str, shape: tuple[int, int]) -> Any:
    if wire == "|b1":  # any byte but 0 is true; numpy would keep a 2 as it is
        return _column(data, "|u1", shape) != 0
    array = np.frombuffer(data, dtype=wire)
    if array.size != shape[0] * shape[1]:
        raise FrameError(f"A column has {array.size} values where {shape[0]} x {shape[1]} belong.")
    return array.reshape(shape)


def _text_column(data: Any, shape: tuple[int, int]) -> Array:
    offsets, blob = np.frombuffer(data[0], dtype="<u4"), bytes(data[1])
    count = shape[0] * shape[1]
    ordered = offsets.size == count + 1 and offsets[0] == 0 and offsets[-1] == len(blob)
    if not ordered or bool(np.any(offsets[1:] < offsets[:-1])):
        raise FrameError("A text column's offsets do not fit its bytes.")
    bounds = offsets.tolist()
    texts = np.empty(count, dtype=object)
    texts[:] = [blob[start:end].decode("utf-8", "replace") for start, end in pairwise(bounds)]
    return texts.reshape(shape)
