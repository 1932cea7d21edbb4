"""Between a tag's unit and the device's own numbers, one value at a time: for writes only."""

from __future__ import annotations

import math

import numpy as np

from schemas.config.devices import Access, TagConfig
from schemas.errors import WriteRefusedError
from schemas.kinds import INT_LIMITS, LARGEST_FLOAT, DataType, Kind

Value = float | int | bool | str

MAX_TEXT_BYTES = 4096

_FORMS = {DataType.FLOAT16: "<f2", DataType.FLOAT32: "<f4"}
_ROUNDING = 1e-6
"""Of one step: 3 x 0.1 is 0.30000000000000004."""


def to_raw(tag: TagConfig, value: Value) -> Value:
    """What to write for a value in the tag's unit. Raises WriteRefusedError, with the reason."""
    if tag.access is not Access.READ_WRITE:
        raise WriteRefusedError(
            f"{tag.name} is read-only.",
            hint="An engineer can set its access to rw, with write limits.",
        )
    if tag.data_type is DataType.BOOL:
        if not isinstance(value, bool):
            raise _takes(tag, "true or false")
        return value
    if tag.data_type is DataType.STRING:
        return _text(tag, value)
    if isinstance(value, bool | str) or not _is_finite(value):
        raise _takes(tag, "a number")
    _check_limits(tag, value)
    return _number(tag, value)


def to_unit(tag: TagConfig, raw: Value) -> Value:
    """A value of the device in the tag's unit."""
    if isinstance(raw, bool | str) or not tag.scaled:
        return raw
    scale, offset = tag.factors
    return raw * scale + offset


def same(tag: TagConfig, written: Value, read: Value) -> bool:
    """Is what was read back what was written, as exactly as the data type can hold it?"""
    if isinstance(written, str) or isinstance(read, str):
        return written == read
    form = _FORMS.get(tag.data_type)
    if form is None:
        return written == read
    return bool(np.array(written, dtype=form) == np.array(read, dtype=form))


def _text(tag: TagConfig, value: Value) -> str:
    if not isinstance(value, str):
        raise _takes(tag, "a text")
    try:
        length = len(value.encode())
    except UnicodeEncodeError:  # half of a character
        length = MAX_TEXT_BYTES + 1
    if length > MAX_TEXT_BYTES or "\0" in value:
        raise _takes(tag, f"a text without NUL of at most {MAX_TEXT_BYTES} bytes")
    return value


def _number(tag: TagConfig, value: float) -> float | int:
    scale, offset = tag.factors
    raw = (value - offset) / scale if tag.scaled else value
    if not _is_finite(raw):
        raise _takes(tag, f"what its scaling leaves of a {tag.data_type}")
    if tag.data_type.kind is Kind.FLOAT:
        if abs(raw) > LARGEST_FLOAT.get(tag.data_type, math.inf):
            raise _takes(tag, f"what a {tag.data_type} can hold")
        return float(raw)
    if not tag.scaled and raw != int(raw):
        raise _takes(tag, "a whole number")
    whole = round(raw)
    low, high = INT_LIMITS[tag.data_type]
    if not low <= whole <= high:
        raise _takes(tag, f"what {tag.data_type} can hold, {low} to {high} before scaling")
    if tag.scaled:  # 99 in steps of 10 would be 100
        _check_limits(tag, whole * scale + offset, slack=abs(scale) * _ROUNDING)
    return whole


def _check_limits(tag: TagConfig, value: float, slack: float = 0.0) -> None:
    """The narrower of the write limits and, where values are clamped, the range. `slack` is what
    the arithmetic of scaling may be off by."""
    lows = [tag.write_low, tag.low if tag.clamp else None]
    highs = [tag.write_high, tag.high if tag.clamp else None]
    low = max((item for item in lows if item is not None), default=-math.inf)
    high = min((item for item in highs if item is not None), default=math.inf)
    if low - slack <= value <= high + slack:
        return
    unit = f" {tag.unit}" if tag.unit else ""
    ends = (("at least", low), ("at most", high))
    allowed = [f"{word} {end:g}{unit}" for word, end in ends if math.isfinite(end)]
    raise WriteRefusedError(
        f"{tag.name}: {value:g}{unit} is outside its write limits.",
        hint=f"Allowed is {' and '.join(allowed)}.",
    )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float holds
        return False


def _takes(tag: TagConfig, wanted: str) -> WriteRefusedError:
    return WriteRefusedError(
        f"{tag.name} takes {wanted}.", hint=f"Its data type is {tag.data_type}; correct the value."
    )
