"""Bindings and batches of the sample functions."""

from __future__ import annotations

import numpy as np

from schemas.functions import Bindings, TagInfo
from udf.base import Batch, Column

SECOND = 10**9


def bindings(inputs: str = "x", outputs: str = "y") -> Bindings:
    """One tag for each name."""
    ins, outs = inputs.split(), outputs.split()
    return Bindings(
        {name: (TagInfo(at, f"in {name}"),) for at, name in enumerate(ins, 1)},
        {name: (TagInfo(100 + at, f"out {name}"),) for at, name in enumerate(outs)},
    )


def rows(value: float, name: str = "x", count: int = 5) -> Batch:
    times = np.arange(1, count + 1, dtype=np.int64) * SECOND
    return Batch(times, {name: Column(np.full(count, value))})
