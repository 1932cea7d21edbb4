"""Numbers to other numbers or to texts, by a table of exact matches."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import AfterValidator, Field

from schemas.kinds import Array, Kind
from schemas.quality import Quality
from udf.base import Parameters
from udf.builtins.table import places
from udf.builtins.tagwise import Reading, Tagwise, Times, value_out
from udf.context import Context

P = TypeVar("P", bound=Parameters)


def _once(rows: tuple[tuple[float, Any], ...]) -> tuple[tuple[float, Any], ...]:
    seen: set[float] = set()
    for key, _ in rows:
        if key in seen:
            raise ValueError(f"{key:g} stands twice in the table; leave one of them out")
        seen.add(key)
    return rows


_rows = Field(title="Table", min_length=1, max_length=10_000)


class LookupParameters(Parameters):
    table: Annotated[tuple[tuple[float, float], ...], _rows, AfterValidator(_once)]
    """Pairs of (input, output). An input matches when it is exactly equal."""
    default: Annotated[float | None, Field(title="Default")] = None
    """The output for every other input; empty makes it bad, out of range."""


class LookupTextParameters(Parameters):
    table: Annotated[tuple[tuple[float, str], ...], _rows, AfterValidator(_once)]
    """Pairs of (input, text). An input matches when it is exactly equal."""
    default: Annotated[str | None, Field(title="Default")] = None
    """The text for every other input; empty makes it bad, out of range."""


class _Lookup(Tagwise[P]):
    _blank: Any
    _dtype: Any

    def prepare(self, ctx: Context) -> None:
        rows = sorted(ctx.params.table, key=lambda row: row[0])
        default = ctx.params.default
        self._known = default is not None
        self._keys = np.array([key for key, _ in rows], dtype=np.float64)
        self._found = np.array([self._blank if default is None else default], dtype=self._dtype)
        self._found = np.append(self._found, np.array([found for _, found in rows], self._dtype))

    def apply(self, reading: Reading, times: Times) -> Reading:
        at = places(self._keys, reading.values)
        match = self._keys.take(at - 1, mode="wrap") == reading.values
        np.multiply(at, match, out=at)  # 0 is the default
        result: Array = self._found.take(at)
        if self._known:
            return Reading(result, reading.absent, reading.quality)
        return reading.without(result, ~match, Quality.BAD_OUT_OF_RANGE)


class Lookup(_Lookup[LookupParameters]):
    """A number by a table: recipe number to set point, code to price.

    Source: a plain dictionary; values are compared as float64, so whole numbers match exactly.
    """

    name, version, title = "lookup_table", "1.0.0", "Lookup table"
    Params = LookupParameters
    outputs = value_out("The number that the table has.")
    _blank, _dtype = np.nan, np.float64


class LookupText(_Lookup[LookupTextParameters]):
    """A text by a table: status word to words, article number to name.

    Source: a plain dictionary; values are compared as float64, so whole numbers match exactly.
    """

    name, version, title = "lookup_text", "1.0.0", "Lookup text"
    Params = LookupTextParameters
    outputs = value_out("The text that the table has.", Kind.TEXT)
    _blank, _dtype = "", object
