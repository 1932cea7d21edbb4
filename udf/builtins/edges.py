"""Edges of on/off signals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.kinds import Array, Kind
from udf.base import Parameters
from udf.builtins.blocks import accumulate
from udf.builtins.tagwise import Mask, Reading, Tagwise, Times, value_out, values_in
from udf.context import Context


class EdgeParameters(Parameters):
    edge: Annotated[Literal["rising", "falling", "both"], Field(title="Edge")] = "rising"
    """rising: false to true. falling: true to false."""


class _Edges(Tagwise[EdgeParameters]):
    Params = EdgeParameters
    inputs = values_in(Kind.BOOL)

    def prepare(self, ctx: Context) -> None:
        self._edge = ctx.params.edge

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return {"last": np.full(count, -1, dtype=np.int8)}  # none yet

    def _edges(self, reading: Reading) -> Mask:
        """[S, N] where the signal differs from its last usable value in the asked direction."""
        last, values = self.state["last"], reading.values.astype(np.bool_, copy=False)
        first = last < 0
        before: NDArray[np.bool_] = np.empty((len(values) + 1, *last.shape), dtype=np.bool_)
        before[0] = last == 1
        before[1:] = values
        if reading.absent is not None:
            for number, gone in enumerate(reading.absent, start=1):
                np.copyto(before[number], before[number - 1], where=gone)
        old, new = before[:-1], before[1:]
        if self._edge == "both":
            edges = old ^ new
        else:
            edges = new > old if self._edge == "rising" else old > new
        if first.any():
            self._begin(edges, first, reading.absent)
        np.copyto(last, new[-1].view(np.int8), where=self._seen(first, reading.absent))
        return edges

    def _begin(self, edges: Mask, first: Mask, absent: Mask | None) -> None:
        """The first usable value of a tag is no edge."""
        if absent is None:
            edges[0, first] = False
            return
        seen = np.logical_or.accumulate(~absent, axis=0)
        seen[1:] = seen[:-1].copy()
        seen[0] = False
        edges &= seen | ~first

    def _seen(self, first: Mask, absent: Mask | None) -> Mask:
        if absent is None:
            return np.ones(first.shape, dtype=np.bool_)
        return ~first | ~absent.all(axis=0)


class Edge(_Edges):
    """True in the row at which an on/off signal rises, falls, or either; else false.

    The first value is no edge. A value after bad ones is compared with the last one before them.
    Source: R_TRIG and F_TRIG of IEC 61131-3.
    """

    name, version, title = "edge", "1.0.0", "Edge"
    outputs = value_out("True at an edge.", Kind.BOOL)

    def apply(self, reading: Reading, times: Times) -> Reading:
        return Reading(self._edges(reading), reading.absent, reading.quality)


class EdgeCount(_Edges):
    """How many edges an on/off signal has had: strokes, starts, parts.

    It counts from 0 and keeps its count over restarts. While the signal is bad the count is bad,
    and goes on afterwards. Source: R_TRIG, F_TRIG and CTU of IEC 61131-3.
    """

    name, version, title = "edge_count", "1.0.0", "Count edges"
    outputs = value_out("Edges so far.", Kind.INT)

    def fresh(self, count: int, ctx: Context) -> dict[str, Any]:
        return {**super().fresh(count, ctx), "count": np.zeros(count, dtype=np.int64)}

    def apply(self, reading: Reading, times: Times) -> Reading:
        counts = self._edges(reading).astype(np.int64)
        accumulate(np.add, counts, counts, self.state["count"])
        self.state["count"][:] = counts[-1]
        return Reading(counts, reading.absent, reading.quality)
