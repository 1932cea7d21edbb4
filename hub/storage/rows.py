"""Binary COPY rows made from numpy columns, without a Python object per value (text excepted).

Layout of a row: int16 number of fields, then per field int32 length (-1 is NULL) and the bytes, all
big-endian (PostgreSQL manual, "COPY", binary format). An array is int32 dimensions, int32 has-null,
oid of the element, int32 size, int32 first index, then the elements as fields (arrayfuncs.c,
array_recv). Rows of one shape have one length, so they are a structured numpy array; a NULL is made
by cutting its bytes out of the finished rows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.storage.database import PG_EPOCH_US
from schemas.kinds import Array
from schemas.quality import Quality

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NUL_SIGN = "\N{SYMBOL FOR NULL}"
"""Stands for the character U+0000, which PostgreSQL cannot keep in a text."""

Bytes = NDArray[np.uint8]
Quals = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Column:
    """A type of SQL column and its binary element."""

    name: str
    oid: int
    element: str
    """numpy type in COPY's byte order; empty for text."""

    @property
    def table(self) -> str:
        return f"block_{self.name}"


FLOAT8 = Column("float8", 701, ">f8")
FLOAT4 = Column("float4", 700, ">f4")
INT8 = Column("int8", 20, ">i8")
BOOL = Column("bool", 16, "?")
TEXT = Column("text", 25, "")
COLUMNS = (FLOAT8, FLOAT4, INT8, BOOL, TEXT)
_BY_WIRE = {"<f8": FLOAT8, "<f4": FLOAT4, "|b1": BOOL, "O": TEXT}


def column_of(wire: str) -> Column:
    """The column of a wire type; integers are widened to bigint."""
    return _BY_WIRE.get(wire, INT8)


def pg_times(times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """ns since 1970 to µs since 2000, cut downwards."""
    return times_ns // 1000 - PG_EPOCH_US


def block_rows(
    column: Column,
    block_ids: NDArray[np.int32],
    times: NDArray[np.int64],
    values: Array,
    quality: Quals | None,
) -> Any:
    """Rows (block_id, time, values, quality) of K blocks with n tags each over S scans.

    block_ids [K]; times [S] of `pg_times`; values [S, K, n]; quality the same or None when all are
    good. A value with bad quality becomes NULL. The rows of one block follow each other, so that
    they share pages. Returns a buffer.
    """
    values = values.transpose(1, 0, 2)
    if quality is not None:
        quality = quality.transpose(1, 0, 2)
        if bool((quality == Quality.GOOD).all()):
            quality = None
    if column is TEXT:
        return _text_blocks(block_ids, times, values, quality)
    blocks, scans, tags = values.shape
    template, kind = _block_template(column, tags, quality is not None)
    rows = np.broadcast_to(template, (blocks * scans, template.size)).copy()
    fields = rows.view(kind).reshape(blocks, scans)
    fields["block"] = block_ids[:, None]
    fields["time"] = times
    fields["items"]["value"] = values
    if quality is None:
        return rows
    return _cut_blocks(fields, rows, quality)


@lru_cache(maxsize=512)
def _block_template(column: Column, tags: int, with_quality: bool) -> tuple[Bytes, np.dtype[Any]]:
    """One row with everything that never changes, and its type."""
    item = np.dtype([("size", ">i4"), ("value", column.element)])
    parts: list[Any] = [
        ("fields", ">i2"), ("block_size", ">i4"), ("block", ">i4"),
        ("time_size", ">i4"), ("time", ">i8"), ("array_size", ">i4"), ("dimensions", ">i4"),
        ("has_null", ">i4"), ("oid", ">i4"), ("length", ">i4"), ("first", ">i4"),
        ("items", item, (tags,)), ("quality_size", ">i4"),
    ]  # fmt: skip
    if with_quality:
        parts.append(("quality", "u1", (tags,)))
    kind = np.dtype(parts)
    row = np.zeros(1, kind)
    row["fields"], row["block_size"], row["time_size"] = 4, 4, 8
    row["array_size"] = 20 + tags * item.itemsize
    row["dimensions"], row["oid"], row["length"], row["first"] = 1, column.oid, tags, 1
    row["items"]["size"] = item["value"].itemsize
    row["quality_size"] = tags if with_quality else -1
    return row.view(np.uint8), kind


def _cut_blocks(fields: NDArray[Any], rows: Bytes, quality: Quals) -> Bytes:
    """Write the quality and cut out what is NULL: bad values, and the quality of all-good rows."""
    null = quality < Quality.UNCERTAIN
    counts = null.sum(axis=2)
    good = (quality == Quality.GOOD).all(axis=2)
    kind = fields.dtype
    size = kind["items"].base["value"].itemsize
    fields["quality"] = quality
    fields["items"]["size"][null] = -1
    fields["array_size"] -= (counts * size).astype(np.int32)
    fields["has_null"] = counts > 0
    fields["quality_size"][good] = -1
    keep = np.ones(rows.shape, dtype=np.bool_)
    start, width = _offset(kind, "items"), kind["items"].itemsize
    items = keep[:, start : start + width].reshape(len(rows), -1, 4 + size)
    items[:, :, 4:] = ~null.reshape(len(rows), -1, 1)
    keep[:, start : start + width] = items.reshape(len(rows), width)
    keep[:, _offset(kind, "quality") :] = ~good.reshape(-1, 1)
    return rows[keep]


def _offset(kind: np.dtype[Any], name: str) -> int:
    assert kind.fields is not None
    return int(kind.fields[name][1])


_POINT = np.dtype([
    ("fields", ">i2"), ("time_size", ">i4"), ("time", ">i8"), ("tag_size", ">i4"), ("tag", ">i4"),
    ("float_size", ">i4"), ("float", ">f8"), ("int_size", ">i4"), ("int", ">i8"),
    ("text_size", ">i4"), ("quality_size", ">i4"), ("quality", ">i2"),
    ("received_size", ">i4"), ("received", ">i8"),
])  # fmt: skip


def point_rows(
    tag_ids: NDArray[np.int32],
    times: NDArray[np.int64],
    received: NDArray[np.int64],
    column: Column,
    values: Array,
    quality: Quals | None,
) -> Any:
    """Rows (time, tag_id, value, value_int, value_text, quality, received), one per value.

    All arrays are flat and of one length. Returns a buffer.
    """
    if quality is None:
        quality = np.full(len(values), Quality.GOOD, dtype=np.uint8)
    if column is TEXT:
        return _text_points(tag_ids, times, received, values, quality)
    rows = np.zeros(len(values), dtype=_POINT)
    rows["fields"], rows["time_size"], rows["time"] = 7, 8, times
    rows["tag_size"], rows["tag"] = 4, tag_ids
    rows["text_size"], rows["quality_size"], rows["quality"] = -1, 2, quality
    rows["received_size"], rows["received"] = 8, received
    used, unused = ("int", "float") if column is INT8 else ("float", "int")
    null = quality < Quality.UNCERTAIN
    rows[used] = values
    rows[f"{used}_size"] = np.where(null, -1, 8)
    rows[f"{unused}_size"] = -1
    keep = np.ones((len(rows), _POINT.itemsize), dtype=np.bool_)
    start = _offset(_POINT, used)
    keep[:, start : start + 8] = ~null[:, None]
    start = _offset(_POINT, unused)
    keep[:, start : start + 8] = False
    return rows.view(np.uint8).reshape(keep.shape)[keep]


def _text(text: object) -> bytes:
    """As UTF-8; what PostgreSQL cannot keep becomes a visible sign."""
    data = str(text).encode("utf-8", "replace")
    if 0 in data:
        data = data.replace(b"\0", NUL_SIGN.encode())
    return struct.pack(">i", len(data)) + data


_NULL = b"\xff\xff\xff\xff"


def _text_blocks(
    block_ids: NDArray[np.int32], times: NDArray[np.int64], values: Array, quality: Quals | None
) -> bytes:
    parts: list[bytes] = []
    for block, block_id in enumerate(block_ids.tolist()):
        for scan, time in enumerate(times.tolist()):
            row = values[block, scan].tolist()
            codes = None if quality is None else quality[block, scan]
            parts.append(_text_block(block_id, time, row, codes))
    return b"".join(parts)


def _text_block(block_id: int, time: int, texts: list[Any], codes: Quals | None) -> bytes:
    null = [False] * len(texts) if codes is None else (codes < Quality.UNCERTAIN).tolist()
    items = b"".join(_NULL if bad else _text(text) for text, bad in zip(texts, null, strict=True))
    all_good = codes is None or bool((codes == Quality.GOOD).all())
    tail = _NULL if codes is None or all_good else struct.pack(">i", len(codes)) + codes.tobytes()
    head = struct.pack(
        ">hiiiqiiiiii",
        4, 4, block_id, 8, time, 20 + len(items), 1, int(any(null)), TEXT.oid, len(texts), 1,
    )  # fmt: skip
    return head + items + tail


def _text_points(
    tag_ids: NDArray[np.int32],
    times: NDArray[np.int64],
    received: NDArray[np.int64],
    values: Array,
    quality: Quals,
) -> bytes:
    columns = (tag_ids.tolist(), times.tolist(), received.tolist(), values.tolist())
    return b"".join(
        struct.pack(">hiqiiii", 7, 8, time, 4, tag, -1, -1)
        + (_NULL if code < Quality.UNCERTAIN else _text(text))
        + struct.pack(">ihiq", 2, code, 8, got)
        for tag, time, got, text, code in zip(*columns, quality.tolist(), strict=True)
    )
