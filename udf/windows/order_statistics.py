"""Aggregates of a window's rows: extremes, first and last, spread, percentiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from udf.windows.aggregates import Aggregate
from udf.windows.limits import WindowError
from udf.windows.pieces import Floats, PieceGroup, RowGroup
from udf.windows.store import Field, Fields, add, extreme, first, last


@dataclass(frozen=True)
class Minimum(Aggregate):
    """The least usable row."""

    fields: ClassVar[dict[str, Field]] = {"min": Field("min", np.inf)}

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        extreme(fields["min"], rows, np.minimum, np.inf)

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        return np.where(np.isfinite(fields["min"]), fields["min"], np.nan)


@dataclass(frozen=True)
class Maximum(Aggregate):
    """The largest usable row."""

    fields: ClassVar[dict[str, Field]] = {"max": Field("max", -np.inf)}

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        extreme(fields["max"], rows, np.maximum, -np.inf)

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        return np.where(np.isfinite(fields["max"]), fields["max"], np.nan)


@dataclass(frozen=True)
class First(Aggregate):
    """The first usable row."""

    fields: ClassVar[dict[str, Field]] = {"first": Field("first", np.nan)}

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        first(fields["first"], rows, rows.values)

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        return fields["first"]


@dataclass(frozen=True)
class Last(Aggregate):
    """The last usable row."""

    fields: ClassVar[dict[str, Field]] = {"last": Field("last", np.nan)}

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        last(fields["last"], rows, rows.values)

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        return fields["last"]


@dataclass(frozen=True)
class Deviation(Aggregate):
    """Standard deviation of the usable rows; of a sample (n - 1) unless `population`.

    Sums are taken from the pane's first value, which keeps their digits where the mean is large
    against the spread. Source: Chan, Golub, LeVeque, *Algorithms for Computing the Sample
    Variance*, The American Statistician 37 (1983): shifted data.
    """

    population: bool = False
    fields: ClassVar[dict[str, Field]] = {
        "n": Field(),
        "base": Field("first", np.nan),
        "sum": Field(),
        "squares": Field(),
    }

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        first(fields["base"], rows, rows.values)
        away = np.where(rows.usable, rows.values - fields["base"][rows.spots], 0.0)
        add(fields["n"], rows.spots, rows.usable.astype(np.float64))
        add(fields["sum"], rows.spots, away)
        add(fields["squares"], rows.spots, away * away)

    def join(self, fields: Fields) -> Fields:
        joined = super().join(fields)
        away = np.nan_to_num(fields["base"] - joined["base"])
        count, sums = fields["n"], fields["sum"]
        joined["sum"] = (sums + count * away).sum(axis=0)[np.newaxis]
        squares = fields["squares"] + 2 * away * sums + count * away * away
        joined["squares"] = squares.sum(axis=0)[np.newaxis]
        return joined

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        count = fields["n"]
        freedom = count if self.population else count - 1
        spread = np.maximum(fields["squares"] - fields["sum"] ** 2 / count, 0.0)
        return np.sqrt(np.where(freedom > 0, spread, np.nan) / freedom)


@dataclass(frozen=True)
class Percentile(Aggregate):
    """A percentile of the usable rows, 0 to 100, linear between neighbours. Raises WindowError.

    Keeps the window's rows: at most MAX_KEPT values, else WindowError at run time. Source: Hyndman
    and Fan, *Sample Quantiles in Statistical Packages* (1996), definition 7.
    """

    percent: float = 50.0
    keeps_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:
            raise WindowError(
                f"There is no {self.percent:g}th percentile.", hint="Choose a number from 0 to 100."
            )

    def of(self, values: Floats) -> Floats:
        """[N] of values [K, N] where those that are not usable are NaN."""
        ordered = np.sort(values, axis=0)  # NaN last
        count = np.count_nonzero(~np.isnan(ordered), axis=0)
        place = np.maximum(count - 1, 0) * (self.percent / 100)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        columns = np.arange(values.shape[1])
        under, over = ordered[low, columns], ordered[high, columns]
        found: Floats = under + (over - under) * (place - low)
        return found
