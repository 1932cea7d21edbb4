"""New values of the tags of one input, typed as the input has them: what the Aligner works with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.functions import Input
from schemas.kinds import Array, Kind, blank
from schemas.quality import Quality

NEVER = -(2**62)
_INT_LIMIT = 2.0**63

Places = NDArray[np.intp]


@dataclass(slots=True, eq=False)
class Port:
    """An input and what each of its N tags had last."""

    input: Input
    places: dict[int, int]
    """Position by tag id."""
    values: Array
    quality: NDArray[np.uint8]
    times: NDArray[np.int64]

    def hold(self, update: Update) -> None:
        """Keep what the update ends with, where it is not older than what is held."""
        newer = update.times[-1] >= self.times[update.places]
        places = update.places[newer]
        self.values[places] = update.values[-1][newer]
        self.quality[places] = update.quality[-1][newer]
        self.times[places] = update.times[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """New values of some tags of a port: times [T] ascending, values and quality [T, n]."""

    port: Port
    places: Places
    times: NDArray[np.int64]
    values: Array
    quality: NDArray[np.uint8]

    def cut(self, start: int, end: int) -> Update:
        rows = slice(start, end)
        return Update(
            self.port, self.places, self.times[rows], self.values[rows], self.quality[rows]
        )


def make_port(item: Input, tag_ids: Sequence[int]) -> Port:
    count = len(tag_ids) if item.many else 1
    return Port(
        item,
        {tag_id: place for place, tag_id in enumerate(tag_ids)},
        blank(item.kind.wire, (count,)),
        np.zeros(count, dtype=np.uint8),
        np.full(count, NEVER, dtype=np.int64),
    )


def make_update(
    of: Port,
    places: Places,
    times: NDArray[np.int64],
    values: Array,
    quality: NDArray[np.uint8] | None,
) -> Update:
    """New values of a port, as `typed` has them."""
    return Update(of, places, times, *typed(of.input.kind, values, quality))


def typed(
    kind: Kind, values: Array, quality: NDArray[np.uint8] | None
) -> tuple[Array, NDArray[np.uint8]]:
    """(values, quality) as an input of this kind has them, in the same shape; a bad value is a
    blank."""
    if quality is None:
        quality = np.full(values.shape, Quality.GOOD, dtype=np.uint8)
    wire = kind.wire
    if wire == "O":
        found = values if values.dtype == object else values.astype(str).astype(object)
    elif values.dtype == object:
        found, quality = values, np.minimum(quality, np.uint8(Quality.BAD_CONFIG_ERROR))
    elif wire == "<i8" and values.dtype.kind == "f":
        found, quality = _whole(values, quality)
    else:
        found = values.astype(wire)
    bad = quality < Quality.UNCERTAIN
    if bad.any():
        found = np.where(bad, blank(wire, found.shape), 0 if found.dtype != wire else found)
    return found, quality


def ascending(found: Update) -> Iterable[Update]:
    """The same, in pieces where the gateway's clock was set back within a frame."""
    steps = np.flatnonzero(np.diff(found.times) <= 0) + 1
    bounds = [0, *steps.tolist(), len(found.times)]
    for start, end in pairwise(bounds):
        yield found.cut(start, end)


def in_order(updates: Sequence[Update]) -> list[Update]:
    """By time. Of one tag's values that came out of order, all are in one update afterwards."""
    if len(updates) < 2:
        return list(updates)
    groups: dict[tuple[int, bytes], list[Update]] = {}
    for item in updates:
        groups.setdefault((id(item.port), item.places.tobytes()), []).append(item)
    found: list[Update] = []
    for group in groups.values():
        mixed = any(later.times[0] <= first.times[-1] for first, later in pairwise(group))
        found.extend([_merged(group)] if mixed else group)
    return sorted(found, key=lambda item: int(item.times[0]))


def plain(values: Array) -> Any:
    """For udf.state."""
    return values.ravel().tolist() if values.dtype == object else values


def array(values: Any, of: Port) -> Array:
    """The opposite of `plain`, flat for texts."""
    if isinstance(values, list):
        found = np.empty(len(values), dtype=object)
        found[:] = values
        return found
    typed: Array = np.asarray(values)
    return typed if typed.dtype == of.values.dtype else typed.astype(of.values.dtype)


def _merged(group: Sequence[Update]) -> Update:
    """Of several values at one time the one that came last holds."""
    times = np.concatenate([item.times for item in group])
    order = np.argsort(times, kind="stable")
    keep = order[np.append(times[order][1:] != times[order][:-1], True)]
    values = np.concatenate([item.values for item in group])
    quality = np.concatenate([item.quality for item in group])
    return Update(group[0].port, group[0].places, times[keep], values[keep], quality[keep])


def _whole(values: Array, quality: NDArray[np.uint8]) -> tuple[Array, NDArray[np.uint8]]:
    """Floats as integers, cut towards zero; BAD where none is large enough."""
    numbers = values.astype(np.float64)
    fits = np.abs(numbers) < _INT_LIMIT  # False for NaN
    wrong = ~fits & (quality >= Quality.UNCERTAIN)
    quality = np.where(wrong, np.uint8(Quality.BAD_OUT_OF_RANGE), quality)
    return np.where(fits, numbers, 0.0).astype(np.int64), quality
