"""Many DataValues as columns, whatever they were decoded with.

Numbers of built-in types: OPC 10000-6, section 5.1.2. A value of a type that no column holds (a
date, a text with a locale) is in `texts` as a person would write it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

MISSING = np.iinfo(np.int64).min
"""In place of a time that the server did not send."""
NO_VALUE, ARRAY = 0, 0x80
TEXT = 12

WIDTHS = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8}
"""Bytes of the numeric built-in types, Boolean to Double."""
_FORMS = dict(zip(WIDTHS, "?bBhHiIqQfd", strict=True))

_EPOCH_TICKS = 116_444_736_000_000_000  # from 1601 to 1970, in 100 ns
_FIRST, _LAST = _EPOCH_TICKS - 9 * 10**16, _EPOCH_TICKS + 9 * 10**16  # what int64 ns can hold


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """M values. A row of `types` is the built-in type, 0 for none, with ARRAY where it is one."""

    types: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    """[M] a number's bytes, little-endian, the rest 0."""
    status: NDArray[np.uint32]
    source_ns: NDArray[np.int64]
    """[M] ns UTC, to the microsecond, or MISSING."""
    server_ns: NDArray[np.int64]
    texts: dict[int, str]
    """Row: text."""

    def __len__(self) -> int:
        return len(self.types)


def picked(values: Values, rows: NDArray[np.intp]) -> Values:
    """Some of the rows."""
    return Values(
        values.types[rows],
        values.bits[rows],
        values.status[rows],
        values.source_ns[rows],
        values.server_ns[rows],
        {
            place: values.texts[row]
            for place, row in enumerate(rows.tolist())
            if row in values.texts
        },
    )


def empty(count: int) -> Values:
    """Good values of nothing, to be filled."""
    return Values(
        np.zeros(count, np.uint8),
        np.zeros(count, np.uint64),
        np.zeros(count, np.uint32),
        np.full(count, MISSING, np.int64),
        np.full(count, MISSING, np.int64),
        {},
    )


def joined(parts: Sequence[Values]) -> Values:
    """All rows, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    texts: dict[int, str] = {}
    start = 0
    for part in parts:
        texts |= {start + row: text for row, text in part.texts.items()}
        start += len(part)
    if not parts:
        return empty(0)
    return Values(
        np.concatenate([part.types for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.status for part in parts]),
        np.concatenate([part.source_ns for part in parts]),
        np.concatenate([part.server_ns for part in parts]),
        texts,
    )


def from_data_values(found: Sequence[Any]) -> Values:
    """The same for what asyncua decoded."""
    values = empty(len(found))
    for row, data in enumerate(found):
        if data.StatusCode is not None:
            values.status[row] = data.StatusCode.value
        for stamp, times in (
            (data.SourceTimestamp, values.source_ns),
            (data.ServerTimestamp, values.server_ns),
        ):
            if stamp is not None:
                times[row] = ns_of(np.array([ua.datetime_to_win_epoch(_aware(stamp))]))[0]
        put_variant(values, row, data.Value)
    return values


def put_variant(values: Values, row: int, variant: Any) -> None:
    """Fill in type and value of one row."""
    if variant is None:
        return
    kind = int(getattr(variant.VariantType, "value", variant.VariantType))
    values.types[row] = kind | (ARRAY if variant.is_array and kind else 0)
    if variant.is_array or not kind:
        return
    if kind in WIDTHS:
        packed = struct.pack(f"<{_FORMS[kind]}", variant.Value)
        values.bits[row] = int.from_bytes(packed, "little")
    else:
        values.texts[row] = text_of(variant.Value)


def ns_of(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """ns UTC of DateTimes, to the microsecond that asyncua and PostgreSQL keep.

    `ticks` count 100 ns from 1601 (OPC 10000-6, section 5.2.2.5); 0 is no time. What int64 cannot
    hold becomes the nearest that it can: years that no clock shows.
    """
    clipped = np.clip(ticks, _FIRST, _LAST)
    return np.where(ticks > 0, (clipped - _EPOCH_TICKS) // 10 * 1000, MISSING)


def text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, ua.LocalizedText):
        return str(value.Text or "")
    if isinstance(value, datetime):
        return _aware(value).isoformat()
    return str(value)


def _aware(stamp: datetime) -> datetime:
    return stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
