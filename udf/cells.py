"""Cells of recorded values: one time, value or quality as text, and back (udf/recorded.py)."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from schemas.kinds import Kind, Value

_SECOND_NS = 1_000_000_000
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)", re.ASCII
)
_DIGITS = re.compile(r"\d{1,19}", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,19}(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_BOOLS = {"true": True, "false": False, "1": True, "0": False}


def read_time(text: str) -> int:
    """ns UTC. Raises ValueError."""
    text = text.strip()
    if _DIGITS.fullmatch(text):
        return _int64(int(text))
    found = _ISO.fullmatch(text)
    if found is None:
        zone = " (a zone is missing)" if _ISO.fullmatch(f"{text}Z") else ""
        raise ValueError(f"{text[:40]!r} is not a time{zone}")
    day, clock, fraction, zone = found.groups()
    moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone == 'Z' else zone}")
    seconds = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return _int64(seconds * _SECOND_NS + int((fraction or "0").ljust(9, "0")))


def read_value(kind: Kind, text: str) -> Value:
    """Raises ValueError."""
    if kind is Kind.TEXT:
        return text
    text = text.strip()
    if kind is Kind.BOOL:
        if text.lower() not in _BOOLS:
            raise ValueError(f"{text[:40]!r} is neither true nor false")
        return _BOOLS[text.lower()]
    if kind is Kind.INT:
        if not _WHOLE.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is not a whole number")
        return _int64(int(text.partition(".")[0]))
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        comma = ", it has a comma" if "," in text else ""
        raise ValueError(f"{text[:40]!r} is not a finite number{comma}")
    return float(text)


def read_quality(text: str) -> int:
    """Raises ValueError."""
    if not _DIGITS.fullmatch(text) or int(text) > 255:
        raise ValueError(f"{text[:40]!r} is not a quality, 0 to 255")
    return int(text)


def time_text(time_ns: int) -> str:
    """ISO 8601 in UTC with as many digits as it needs."""
    seconds, fraction = divmod(time_ns, _SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{fraction:09d}".rstrip("0") if fraction else "") + "Z"


def value_text(value: Value) -> str:
    """As `read_value` reads it; floats exactly."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return str(value)


def _int64(number: int) -> int:
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} is too large")
    return number
