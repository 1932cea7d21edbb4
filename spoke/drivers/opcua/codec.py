"""From OPC UA's types to a tag's: whole columns at once.

Integers go into any integer or float tag that holds them, floats into float tags; what the tag's
type cannot hold is BAD_OUT_OF_RANGE, never another number. A value of another sort (text for a
number, an array) is BAD_CONFIG_ERROR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from schemas.config.devices import ManifestTag
from schemas.errors import SpindleError, TagReadError
from schemas.kinds import INT_LIMITS, LARGEST_FLOAT, Array, Kind, blank, kind_of
from schemas.quality import Quality
from spoke.drivers.opcua.statuses import CODE, GOOD, SEVERITY_SHIFT, quality_of, status_error
from spoke.drivers.opcua.values import ARRAY, NO_VALUE, TEXT, WIDTHS, Values

MISMATCH = 1 << 40
"""A problem code: the built-in type that the server has is in the lower byte."""

_BOOLEAN, _DATE, _GUID, _LOCALIZED = 1, 13, 14, 21
_FORMS = dict(
    zip(
        WIDTHS,
        ("?", *(f"<{x}" for x in ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])),
        strict=True,
    )
)
_INTEGERS = frozenset(range(2, 10))
_ACCEPTED = {
    Kind.BOOL: frozenset({_BOOLEAN}),
    Kind.INT: _INTEGERS,
    Kind.FLOAT: _INTEGERS | {10, 11},
    Kind.TEXT: frozenset({TEXT, _DATE, _GUID, _LOCALIZED}),
}


@dataclass(frozen=True, slots=True, eq=False)
class TypeLimits:
    """What each of N tags can hold: [N] of the lowest and highest integer, and of the largest
    float."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    largest: NDArray[np.float64]

    def __getitem__(self, rows: Any) -> TypeLimits:
        return TypeLimits(self.low[rows], self.high[rows], self.largest[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """Values [M] of one wire type with quality [M] and problem codes [M].

    A problem code is 0, a bad or uncertain status code without its flags, or MISMATCH + type.
    """

    values: Array
    quality: NDArray[np.uint8]
    codes: NDArray[np.int64]


def limits_of(tags: list[ManifestTag]) -> TypeLimits:
    ranges = [INT_LIMITS.get(tag.data_type, (0, 0)) for tag in tags]
    return TypeLimits(
        np.array([low for low, _ in ranges], np.int64),
        np.array([high for _, high in ranges], np.int64),
        np.array([LARGEST_FLOAT.get(tag.data_type, np.inf) for tag in tags], np.float64),
    )


def convert(values: Values, rows: NDArray[np.intp], wire: str, limits: TypeLimits) -> Converted:
    """These rows of values as a column; `limits` [len(rows)] are those of the rows' tags."""
    kind = kind_of(wire)
    out = blank(wire, (len(rows),))
    quality, codes = _statuses(values.status[rows])
    types = values.types[rows]
    usable = quality >= Quality.UNCERTAIN
    for number in np.flatnonzero(np.bincount(types)).tolist():
        here = np.flatnonzero((types == number) & usable)
        if not here.size:
            continue
        if number == NO_VALUE:
            quality[here] = Quality.BAD
        elif number not in _ACCEPTED[kind]:
            quality[here], codes[here] = Quality.BAD_CONFIG_ERROR, MISMATCH + number
        elif kind is Kind.TEXT:
            out[here] = [values.texts.get(row, "") for row in rows[here].tolist()]
        else:
            raw = _numbers(values.bits[rows[here]], number)
            out[here], fits = _fitted(raw, wire, kind, limits[here])
            quality[here[~fits]] = Quality.BAD_OUT_OF_RANGE
    return Converted(out, quality, codes)


def problem_of(code: int, tag: ManifestTag) -> SpindleError:
    """A problem code in words."""
    if code < MISMATCH:
        return status_error(code, tag.name, tag.address)
    number = code - MISMATCH
    name = _type_name(number & ~ARRAY & 0x3F)
    found = f"an array of {name}" if number & ARRAY else name
    return TagReadError(
        f"{tag.name}: the server has {found} at {tag.address}, which is no {tag.data_type}.",
        hint="Set the tag's data type to the server's; single elements of arrays need a node.",
    )


def _statuses(status: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Quality and problem code of status codes."""
    quality = np.full(len(status), Quality.GOOD, np.uint8)
    codes = np.zeros(len(status), np.int64)
    if status.any():
        known, places = np.unique(status, return_inverse=True)
        quality = np.array([quality_of(code) for code in known.tolist()], np.uint8)[places]
        wrong = status >> SEVERITY_SHIFT != GOOD
        codes[wrong] = status[wrong] & CODE
    return quality, codes


def _numbers(bits: NDArray[np.uint64], number: int) -> NDArray[Any]:
    numbers: NDArray[Any]
    if number == _BOOLEAN:
        numbers = bits != 0
        return numbers
    numbers = bits.astype(f"<u{WIDTHS[number]}").view(_FORMS[number])
    return numbers


def _fitted(
    raw: NDArray[Any], wire: str, kind: Kind, limits: TypeLimits
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """(the numbers in the column's type, nothing in place of those that do not fit; which fit)"""
    if kind is Kind.BOOL:
        return raw, np.ones(len(raw), np.bool_)
    with np.errstate(all="ignore"):
        if kind is Kind.FLOAT:
            wide = raw.astype(np.float64)
            fits = np.isfinite(wide) & (np.abs(wide) <= limits.largest)
            return np.where(fits, wide, np.nan).astype(wire), fits
        if raw.dtype == np.uint64:
            fits = raw <= limits.high.astype(np.uint64)
        else:
            signed = raw.astype(np.int64)
            fits = (signed >= limits.low) & (signed <= limits.high)
        return np.where(fits, raw, 0).astype(wire), fits


def _type_name(number: int) -> str:
    try:
        return str(ua.VariantType(number).name)
    except ValueError:
        return f"type {number}"
