"""What stands at a function's outputs while it is taken out.

An output with a source (`passes`, `per`) gets the values of that input, unchanged and marked
UNCERTAIN_FUNCTION; any other gets one row with its last value, UNCERTAIN_LAST_USABLE. What is BAD
stays BAD. Pure; the gateway's host and a trial in the hub use the same.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.functions import Bindings, Output
from schemas.kinds import Array, Kind, blank
from schemas.quality import Quality
from udf.base import Batch, Column

_WIDENS = {("i", Kind.FLOAT), ("u", Kind.FLOAT), ("b", Kind.FLOAT), ("b", Kind.INT)}
"""Kinds of columns that become another kind without a change of any value."""


@dataclass(frozen=True, slots=True, eq=False)
class Last:
    """The last usable value of each tag of an output: values [N] and where there is one, bool [N];
    N is 1 without `per`."""

    values: Array
    known: NDArray[np.bool_]


def passed(
    batch: Batch, outputs: Sequence[Output], bindings: Bindings, last: Mapping[str, Last]
) -> dict[str, Column]:
    """The columns of a batch whose step is taken out, by output, each with its times.

    [S], or [S, N] with `per`, where there is a source that fits the output's kind; else one row,
    [1] or [1, N], at the time of the batch's last row. `last` is what `remember` keeps.
    """
    if not len(batch):
        return {}
    return {
        output.name: _through(batch, output) or _held(batch, output, bindings, last)
        for output in outputs
    }


def remember(last: MutableMapping[str, Last], columns: Mapping[str, Column]) -> None:
    """Keep the last usable value of each tag of the outputs that a batch made."""
    for name, column in columns.items():
        if not len(column.values):
            continue
        tags = column.values.reshape(len(column.values), -1)
        usable = column.usable.reshape(tags.shape)
        known = np.logical_or.reduce(usable, axis=0)
        newest = tags.shape[0] - 1 - np.argmax(usable[::-1], axis=0)
        values = tags[newest, np.arange(tags.shape[1])]
        before = last.get(name)
        if before is not None and before.known.shape == known.shape:
            values = np.where(known, values, before.values)
            known = np.logical_or(known, before.known)
        last[name] = Last(values, known)


def _through(batch: Batch, output: Output) -> Column | None:
    """The source's column as this output's; None without a source, or when it does not fit."""
    column = batch.columns.get(output.source) if output.source else None
    if column is None or (column.values.ndim == 2) != bool(output.per):
        return None
    values = _converted(column.values, output.kind)
    if values is None:
        return None
    quality = np.minimum(column.qualities(), np.uint8(Quality.UNCERTAIN_FUNCTION))
    return Column(values, quality, batch.times)


def _converted(values: Array, kind: Kind) -> Array | None:
    """The values in the dtype of a kind; None where that would change them: a number that is cut
    to an integer would not pass unchanged."""
    wire = np.dtype(kind.wire)
    if values.dtype == wire:
        return values
    same = {"f": Kind.FLOAT, "i": Kind.INT, "b": Kind.BOOL}.get(values.dtype.kind) is kind
    if same or (values.dtype.kind, kind) in _WIDENS:
        return values.astype(wire)
    if kind is Kind.TEXT:
        return values.astype(str).astype(object)
    return None


def _held(batch: Batch, output: Output, bindings: Bindings, last: Mapping[str, Last]) -> Column:
    """One row of the last usable values."""
    count = len(bindings.inputs.get(output.per, ())) if output.per else 1
    wire = output.kind.wire
    values, known = blank(wire, (count,)), np.zeros(count, dtype=np.bool_)
    found = last.get(output.name)
    if found is not None and found.known.shape == known.shape:
        known = found.known
        values = np.where(known, found.values, values).astype(wire)
    quality = np.where(known, np.uint8(Quality.UNCERTAIN_LAST_USABLE), np.uint8(Quality.BAD))
    shape = (1, count) if output.per else (1,)
    return Column(values.reshape(shape), quality.reshape(shape), batch.times[-1:])
