"""From a scan's image to columns: one numpy gather per column, no loop per value except text.

S7 CPUs store everything big-endian. For the forms see `schemas/addresses/s7_types.py`; texts and
dates are in `texts.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from schemas.addresses.s7_types import Form
from schemas.kinds import Array, blank
from spoke.drivers.s7.planner import ColumnPlan
from spoke.drivers.s7.texts import decode_text

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]

_S5_STEPS_MS = np.array([10, 100, 1000, 10_000], dtype=np.int64)


def decode(plan: ColumnPlan, image: Image) -> tuple[Array, Mask | None]:
    """(values [N] in the column's wire type, which of them are out of range or None).

    Out of range are a uint64 above 2**63 - 1, BCD with a digit past 9, a time of day past midnight,
    a text whose actual length is larger than its maximum or declared length, and a date that no
    calendar has. They have no value: 0 or "".
    """
    wire = plan.column.wire
    if wire == "O":
        return _texts(plan, image)
    if wire == "|b1":
        return ((image[plan.gather[:, 0]] >> plan.bits) & 1).astype(np.bool_), None
    if plan.dense is not None:
        values = image[plan.dense].view(plan.raw).astype(wire)
    else:
        values = image.take(plan.gather).view(plan.raw)[:, 0].astype(wire)
    wrong = _check_unsigned(values, plan.unsigned) if plan.unsigned is not None else None
    for form, rows in plan.forms:
        numbers, beyond = _FORMS[form](values[rows].astype(np.int64))
        if beyond.any():
            numbers[beyond] = 0
            wrong = np.zeros(len(values), dtype=np.bool_) if wrong is None else wrong
            wrong[rows[beyond]] = True
        values[rows] = numbers
    return values, wrong


def _check_unsigned(values: Array, unsigned: Mask) -> Mask | None:
    """A uint64 past the largest int64 shows as a negative number here."""
    beyond: Mask = unsigned & (values.view(np.int64) < 0)
    if not beyond.any():
        return None
    values[beyond] = 0
    return beyond


def _digits(count: int) -> Callable[[Numbers], tuple[Numbers, Mask]]:
    def read(raw: Numbers) -> tuple[Numbers, Mask]:
        numbers = np.zeros_like(raw)
        wrong = np.zeros(len(raw), dtype=np.bool_)
        for place in range(count):
            digit = raw >> (4 * place) & 15
            numbers += digit * 10**place
            wrong |= digit > 9
        return numbers, wrong

    return read


_three_digits = _digits(3)


def _s5time(raw: Numbers) -> tuple[Numbers, Mask]:
    """Milliseconds. The two highest bits mean nothing."""
    numbers, wrong = _three_digits(raw)
    return numbers * _S5_STEPS_MS[raw >> 12 & 3], wrong


def _below(limit: int) -> Callable[[Numbers], tuple[Numbers, Mask]]:
    def read(raw: Numbers) -> tuple[Numbers, Mask]:
        return raw, (raw < 0) | (raw >= limit)

    return read


_FORMS: dict[Form, Callable[[Numbers], tuple[Numbers, Mask]]] = {
    Form.BCD16: _digits(4),
    Form.BCD32: _digits(8),
    Form.COUNTER: _three_digits,
    Form.S5TIME: _s5time,
    Form.TOD: _below(86_400_000),
    Form.LTOD: _below(86_400_000_000_000),
}


def _texts(plan: ColumnPlan, image: Image) -> tuple[Array, Mask | None]:
    data = image.tobytes()
    values = blank("O", (len(plan.texts),))
    wrong = np.zeros(len(plan.texts), dtype=np.bool_)
    for row, text in enumerate(plan.texts):
        if text is None:
            continue
        found = decode_text(text.form, data, text.at, text.length)
        if found is None:
            wrong[row] = True
        else:
            values[row] = found
    return values, wrong if wrong.any() else None
