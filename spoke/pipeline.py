"""What happens to a frame between the driver and the batcher: truth first, then scaling and steps,
then what of it is worth storing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from schemas.frames import Frame, mark_not_finite
from schemas.quality import Quality
from spoke.by_exception import Reporter
from spoke.drivers.base import Column, GroupLayout
from spoke.functions.steps import Step, Steps

MAX_TEXT = 4096

Places = slice | NDArray[np.intp]
"""Which tags of a column a frame has: all of them, or some by position."""
_ALL = slice(None)


class Pipeline:
    """The steps of one device, column by column."""

    def __init__(self, groups: Iterable[GroupLayout], steps: Steps | None = None) -> None:
        self._ways: dict[int, _Way] = {}
        self._of_tag: dict[int, _Way] = {}
        for group in groups:
            for column in group.columns:
                way = _Way(column, steps.of(column) if steps else [])
                if way.needed:
                    self._ways[id(column.tag_ids)] = way
                    self._of_tag |= {tag.id: way for tag in column.tags}

    def apply(self, frame: Frame) -> tuple[Frame, Frame | None]:
        """(the frame as people see it, the part of it that is stored or None).

        Shapes of the first stay; scaled columns become float64. The second has fewer tags where a
        deadband holds some back, with `source_times`.
        """
        way, places = self._find(frame)
        if way is None:
            frame = _cut(mark_not_finite(frame))
            return frame, frame
        return way.apply(frame, places)

    def _find(self, frame: Frame) -> tuple[_Way | None, Places]:
        if not self._ways:
            return None, _ALL
        found = self._ways.get(id(frame.tag_ids))
        if found is not None or not frame.size:
            return found, _ALL
        first = self._of_tag.get(int(frame.tag_ids[0]))
        if first is None:  # events come column by column too: what holds for one tag holds for all
            return None, _ALL
        return first, first.places(frame.tag_ids)


class _Way:
    """Scale, clamp, steps and reporting of one column of N tags."""

    def __init__(self, column: Column, steps: list[Step]) -> None:
        tags = column.tags
        self._steps = steps
        self._column = column  # kept: its array's identity is the key
        self._order = np.argsort(column.tag_ids)
        self._sorted_ids = column.tag_ids[self._order]
        self._store = tags[0].store  # these three hold for a column as a whole: see `layouts`
        self._scaled = tags[0].scaled
        self._reporter = Reporter(column) if tags[0].deadband is not None else None
        factors = np.array([tag.factors for tag in tags])
        self._scale, self._offset = factors[:, 0], factors[:, 1]
        self._clamps = any(tag.clamp for tag in tags)
        self._low = np.array([tag.low if tag.clamp else -np.inf for tag in tags], dtype=np.float64)
        self._high = np.array([tag.high if tag.clamp else np.inf for tag in tags], dtype=np.float64)
        if column.wire[1:2] in ("i", "u") and not self._scaled:
            self._low, self._high = np.ceil(self._low), np.floor(self._high)
        elif column.wire == "<f4" and not self._scaled:  # 0.1 is in a range up to 0.1
            with np.errstate(over="ignore"):
                self._low = self._low.astype(np.float32).astype(np.float64)
                self._high = self._high.astype(np.float32).astype(np.float64)

    @property
    def needed(self) -> bool:
        special = self._scaled or self._clamps or not self._store or bool(self._steps)
        return special or self._reporter is not None

    def places(self, tag_ids: NDArray[np.int32]) -> NDArray[np.intp]:
        """The positions of these tags in the column."""
        return self._order[np.searchsorted(self._sorted_ids, tag_ids)]

    def apply(self, frame: Frame, places: Places) -> tuple[Frame, Frame | None]:
        if self._scaled:
            with np.errstate(over="ignore", invalid="ignore"):  # marked BAD below
                values = frame.values.astype(np.float64)
                values = values * self._scale[places] + self._offset[places]
            frame = Frame(frame.tag_ids, frame.times, values, frame.quality, frame.source_times)
        frame = _cut(mark_not_finite(frame))
        if self._clamps:
            frame = _clamp(frame, self._low[places], self._high[places])
        if self._steps:
            for step in self._steps:
                frame = step.apply(frame, places)
            frame = mark_not_finite(frame)
        if not self._store:
            return frame, None
        if self._reporter is None:
            return frame, frame
        return frame, self._reporter.changes(frame, places)


def _clamp(frame: Frame, low: NDArray[np.float64], high: NDArray[np.float64]) -> Frame:
    """Values outside [low, high] are held at its ends and uncertain; bad ones stay as they are."""
    numbers = frame.values.astype(np.float64)
    outside = (numbers < low) | (numbers > high)
    if frame.quality is not None:
        outside &= frame.quality >= Quality.UNCERTAIN
    if not outside.any():
        return frame
    values = frame.values.copy()
    values[outside] = np.clip(numbers, low, high)[outside].astype(values.dtype)
    quality = frame.qualities()
    quality[outside & (quality >= Quality.GOOD)] = Quality.UNCERTAIN_CLAMPED
    return Frame(frame.tag_ids, frame.times, values, quality, frame.source_times)


def _cut(frame: Frame) -> Frame:
    """Texts longer than MAX_TEXT are cut and uncertain: one of megabytes (OPC UA allows it) would
    not fit into a message, and would hold up everything behind it."""
    if frame.wire != "O" or not frame.size:
        return frame
    long = np.vectorize(len, otypes=[np.int64])(frame.values) > MAX_TEXT
    if not long.any():
        return frame
    values = frame.values.copy()
    values[long] = [text[:MAX_TEXT] for text in frame.values[long]]
    quality = frame.qualities()
    quality[long & (quality >= Quality.GOOD)] = Quality.UNCERTAIN
    return Frame(frame.tag_ids, frame.times, values, quality, frame.source_times)
