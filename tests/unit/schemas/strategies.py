"""Hypothesis strategies for frames and batches of every kind and shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from schemas.frames import Batch, Frame
from schemas.kinds import WIRE_TYPES, Array

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=12) | st.text(st.characters(categories=["Cs", "So", "Lo"]), max_size=4)


def _column(wire: str, shape: tuple[int, int]) -> st.SearchStrategy[Array]:
    count = shape[0] * shape[1]
    if wire == "O":
        return st.lists(TEXT, min_size=count, max_size=count).map(
            lambda texts: _texts(texts, shape)
        )
    if wire == "|b1":
        cells: st.SearchStrategy[Any] = st.booleans()
    elif wire[1] == "f":
        cells = st.floats(width=8 * int(wire[2]))  # type: ignore[arg-type]
    else:
        info = np.iinfo(wire)
        cells = st.integers(int(info.min), int(info.max))
    return st.lists(cells, min_size=count, max_size=count).map(
        lambda values: np.array(values, dtype=wire).reshape(shape)
    )


def _texts(texts: list[str], shape: tuple[int, int]) -> Array:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column.reshape(shape)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    scans, tags = draw(st.integers(0, 4)), draw(st.integers(0, 5))
    shape, count = (scans, tags), scans * tags
    wire = draw(st.sampled_from(sorted(WIRE_TYPES)))
    ids = draw(st.lists(st.integers(1, 2**31 - 1), min_size=tags, max_size=tags))
    times = draw(st.lists(INT64, min_size=scans, max_size=scans))
    quality = draw(st.none() | st.lists(st.integers(0, 255), min_size=count, max_size=count))
    sources = draw(st.none() | st.lists(INT64, min_size=count, max_size=count))
    return Frame(
        np.array(ids, dtype=np.int32),
        np.array(times, dtype=np.int64),
        draw(_column(wire, shape)),
        None if quality is None else np.array(quality, dtype=np.uint8).reshape(shape),
        None if sources is None else np.array(sources, dtype=np.int64).reshape(shape),
    )


def batches() -> st.SearchStrategy[Batch]:
    """Numbers and times go to the ends of 64 bits."""
    return st.builds(
        Batch, st.text(max_size=20), INT64, INT64, st.lists(frames(), max_size=3).map(tuple)
    )
