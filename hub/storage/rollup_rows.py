"""Roll-ups as numpy columns: read from COPY, reduced to minutes or hours, written for COPY.

A value that is not usable is NaN here, so every row of blocks of one size has one length, and a
whole answer is one array. No Python object per value or row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.storage.database import PG_EPOCH_US
from hub.storage.rows import HEADER, TRAILER

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = ("block_id", "time", "min", "max", "sum", "count", "last")
_ARRAY = ("min", "max", "sum", "count", "last")
_FLOAT8, _INT4 = 701, 23
RAW_TYPES = {"float8": ">f8", "float4": ">f4", "int8": ">f8"}
"""Type of an element in the answer to RAW; integers with bad values between them come as floats."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """R rows of n tags: block_ids [R], times [R] in µs since 1970, the others [R, n]."""

    block_ids: Ints
    times: Ints
    low: Floats
    high: Floats
    total: Floats
    count: Ints
    last: Floats

    def __len__(self) -> int:
        return len(self.times)

    def pick(self, places: NDArray[Any]) -> Rolled:
        """Some of the rows."""
        return Rolled(
            self.block_ids[places],
            self.times[places],
            self.low[places],
            self.high[places],
            self.total[places],
            self.count[places],
            self.last[places],
        )


def reduce(rows: Rolled, level_s: int) -> Rolled:
    """One row per block and minute or hour, in the order of both."""
    if not len(rows):
        return rows
    order = np.lexsort((rows.times, rows.block_ids))
    if bool((np.diff(order) != 1).any()):
        rows = rows.pick(order)
    width = level_s * 1_000_000
    starts_at = rows.times // width * width
    new = (np.diff(starts_at) != 0) | (np.diff(rows.block_ids) != 0)
    starts = np.concatenate(([0], np.flatnonzero(new) + 1))
    return Rolled(
        rows.block_ids[starts],
        starts_at[starts],
        np.fmin.reduceat(rows.low, starts),
        np.fmax.reduceat(rows.high, starts),
        np.add.reduceat(rows.total, starts),
        np.add.reduceat(rows.count, starts),
        _last(rows, starts),
    )


def _last(rows: Rolled, starts: NDArray[np.intp]) -> Floats:
    """The newest usable value per group and tag: NaN where there is none."""
    usable = ~np.isnan(rows.last)
    ends = np.append(starts[1:], len(rows)) - 1
    newest_rows: Floats = rows.last[ends]
    if bool(usable[ends].all()):
        return newest_rows
    places = np.where(usable, np.arange(len(rows))[:, None], -1)
    newest = np.maximum.reduceat(places, starts)
    found = np.take_along_axis(rows.last, newest, axis=0)
    return np.where(newest < 0, np.nan, found)


def read_raw(answer: bytes, column_type: str, tags: int) -> Rolled:
    """The answer to a COPY of (block_id, time, values without NULL) as rows of one value each."""
    fields = _decode(answer, _raw_type(RAW_TYPES[column_type], tags))
    values: Floats = fields["values"]["value"].astype(np.float64)
    bad = np.isnan(values)
    count = np.ones(values.shape, dtype=np.int64)
    total = values
    if bool(bad.any()):
        count, total = (~bad).astype(np.int64), np.where(bad, 0.0, values)
    return Rolled(*_keys(fields), values, values, total, count, values)


def read_rolled(answer: bytes, tags: int) -> Rolled:
    """The answer to a COPY of COLUMNS of a roll-up table."""
    fields = _decode(answer, _rolled_type(tags))
    floats = {name: fields[name]["value"].astype(np.float64) for name in _ARRAY}
    count = fields["count"]["value"].astype(np.int64)
    return Rolled(
        *_keys(fields), floats["min"], floats["max"], floats["sum"], count, floats["last"]
    )


def write_rolled(rows: Rolled) -> bytes:
    """What COPY reads, header and trailer included."""
    tags = rows.low.shape[1]
    out = np.broadcast_to(_template(tags), len(rows)).copy()
    out["block"], out["time"] = rows.block_ids, rows.times - PG_EPOCH_US
    columns = (rows.low, rows.high, rows.total, rows.count, rows.last)
    for name, column in zip(_ARRAY, columns, strict=True):
        out[name]["value"] = column
    return HEADER + out.tobytes() + TRAILER


def _keys(fields: NDArray[Any]) -> tuple[Ints, Ints]:
    return fields["block"].astype(np.int64), fields["time"].astype(np.int64) + PG_EPOCH_US


def _decode(answer: bytes, kind: np.dtype[Any]) -> NDArray[Any]:
    """Raises ValueError when the rows have not the length they must have."""
    body = len(answer) - len(HEADER) - len(TRAILER)
    if body % kind.itemsize:
        raise ValueError(f"{body} bytes are no rows of {kind.itemsize}")
    return np.frombuffer(answer, kind, body // kind.itemsize, len(HEADER))


_KEY: list[Any] = [
    ("fields", ">i2"), ("block_size", ">i4"), ("block", ">i4"), ("time_size", ">i4"),
    ("time", ">i8"),
]  # fmt: skip


def _array(name: str, element: str, tags: int) -> list[Any]:
    """An array as COPY writes it (arrayfuncs.c, array_send), under this name."""
    item = np.dtype([("size", ">i4"), ("value", element)])
    head = ("size", "dimensions", "has_null", "oid", "length", "first")
    return [*((f"{name}_{part}", ">i4") for part in head), (name, item, (tags,))]


@lru_cache(maxsize=512)
def _raw_type(element: str, tags: int) -> np.dtype[Any]:
    return np.dtype([*_KEY, *_array("values", element, tags)])


@lru_cache(maxsize=256)
def _rolled_type(tags: int) -> np.dtype[Any]:
    parts = list(_KEY)
    for name in _ARRAY:
        parts += _array(name, ">i4" if name == "count" else ">f8", tags)
    return np.dtype(parts)


@lru_cache(maxsize=256)
def _template(tags: int) -> NDArray[Any]:
    """One row with everything that never changes."""
    row = np.zeros((), _rolled_type(tags))
    row["fields"], row["block_size"], row["time_size"] = len(COLUMNS), 4, 8
    for name in _ARRAY:
        oid, size = (_INT4, 4) if name == "count" else (_FLOAT8, 8)
        row[f"{name}_size"] = 20 + tags * (4 + size)
        row[f"{name}_dimensions"], row[f"{name}_oid"] = 1, oid
        row[f"{name}_length"], row[f"{name}_first"] = tags, 1
        row[name]["size"] = size
    return row
