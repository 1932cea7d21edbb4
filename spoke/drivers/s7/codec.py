"""From a scan's image to columns: one numpy gather per column, no loop per value except text.

S7 CPUs store everything big-endian. STRING is: byte 0 maximum length, byte 1 actual length, then
one byte per character. Source: Siemens, *S7-1200/1500 Programming Guideline* and the STEP 7 help,
"Format of the data type STRING".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.addresses.s7 import STRING_HEADER_BYTES
from schemas.kinds import Array, blank
from spoke.drivers.s7.planner import ColumnPlan

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_ENCODING = "latin-1"  # one byte, one character, for every byte


def decode(plan: ColumnPlan, image: Image) -> tuple[Array, Mask | None]:
    """(values [N] in the column's wire type, which of them are out of range or None).

    Out of range are a uint64 above 2**63 - 1, and a text whose actual length is larger than its
    maximum or declared length. They have no value: 0 or "".
    """
    wire = plan.column.wire
    if wire == "O":
        return _texts(plan, image)
    if wire == "|b1":
        return ((image[plan.gather[:, 0]] >> plan.bits) & 1).astype(np.bool_), None
    raw = image[plan.gather].view(np.dtype(wire).newbyteorder(">"))[:, 0]
    values = raw.astype(wire)
    if wire == "<i8" and plan.unsigned.any():
        return _unsigned(values, plan.unsigned)
    return values, None


def _unsigned(values: NDArray[np.int64], unsigned: Mask) -> tuple[Array, Mask | None]:
    """A uint64 past the largest int64 shows as a negative number here."""
    beyond = unsigned & (values < 0)
    if not beyond.any():
        return values, None
    values[beyond] = 0
    return values, beyond


def _texts(plan: ColumnPlan, image: Image) -> tuple[Array, Mask | None]:
    data = image.tobytes()
    values = blank("O", (len(plan.lengths),))
    wrong = np.zeros(len(plan.lengths), dtype=np.bool_)
    for row, (first, declared) in enumerate(
        zip(plan.gather[:, 0].tolist(), plan.lengths.tolist(), strict=True)
    ):
        if declared < 0:
            continue
        maximum, actual = data[first], data[first + 1]
        if actual > min(maximum, declared):
            wrong[row] = True
            continue
        body = first + STRING_HEADER_BYTES
        # A database text cannot hold NUL, and in a STRING it means nothing.
        values[row] = data[body : body + actual].decode(_ENCODING).replace("\x00", "")
    return values, wrong if wrong.any() else None
