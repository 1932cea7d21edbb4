"""Makes what a function returned a column of its output, or says why it does not fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.functions import Output
from schemas.kinds import Array, Kind
from schemas.quality import Quality
from udf.base import Column

_FITS = {Kind.FLOAT: "biuf", Kind.INT: "biu", Kind.BOOL: "biu", Kind.TEXT: "UO"}
"""The kinds of numpy types that become each kind without a loss that nobody would see."""


class MisfitError(Exception):
    """It has another shape or type than was declared."""


def fitted(
    output: Output,
    values: Array,
    quality: NDArray[np.uint8] | None,
    times: NDArray[np.int64],
    shape: tuple[int, ...],
) -> Column:
    """A column of `shape`. What is not finite becomes BAD, out of range. Raises MisfitError."""
    if values.shape != shape:
        raise MisfitError(
            f"output {output.name!r} has the shape {values.shape}, and {shape} belong there"
        )
    if quality is not None:
        quality = np.asarray(quality, dtype=np.uint8)
        if quality.shape != shape:
            raise MisfitError(f"the quality of {output.name!r} has the shape {quality.shape}")
    values = _typed(output, values)
    if output.kind is Kind.FLOAT:
        values, quality = _finite(values, quality)
    return Column(values, quality, times)


def _typed(output: Output, values: Array) -> Array:
    wanted = np.dtype(output.kind.wire)
    text = output.kind is Kind.TEXT
    if values.dtype == wanted and not text:
        return values
    if values.size and values.dtype.kind not in _FITS[output.kind]:
        raise MisfitError(f"output {output.name!r} is {output.kind}, not {values.dtype}")
    if text:
        values = values.astype(object)
        strange = [item for item in values.ravel() if not isinstance(item, str)]
        if strange:
            raise MisfitError(f"output {output.name!r} is text, and {strange[0]!r} is in it")
        return values
    return values.astype(wanted)


def _finite(
    values: Array, quality: NDArray[np.uint8] | None
) -> tuple[Array, NDArray[np.uint8] | None]:
    """A bad value never looks good: the rule of schemas/frames.py."""
    wrong = ~np.isfinite(values.astype(np.float64, copy=False))
    if not wrong.any():
        return values, quality
    found = np.full(values.shape, Quality.GOOD, np.uint8) if quality is None else quality.copy()
    found[wrong & (found >= Quality.UNCERTAIN)] = Quality.BAD_OUT_OF_RANGE
    return np.where(wrong, np.nan, values.astype(np.float64, copy=False)), found
