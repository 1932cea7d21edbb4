"""What happens to a frame between the driver and the batcher: truth first, then scaling."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from schemas.frames import Frame, mark_not_finite
from schemas.quality import Quality
from spoke.drivers.base import Column, GroupLayout

MAX_TEXT = 4096

Factors = tuple[NDArray[np.float64], NDArray[np.float64]]


class Pipeline:
    """Steps of one device: scale and offset per column, and values that cannot be real."""

    def __init__(self, groups: Iterable[GroupLayout]) -> None:
        self._by_column: dict[int, Factors] = {}
        self._by_tag: dict[int, tuple[float, float]] = {}
        for group in groups:
            for column in group.columns:
                self._learn(column)

    def _learn(self, column: Column) -> None:
        if not column.tags[0].scaled:  # a column is scaled as a whole or not at all
            return
        scale = np.array([tag.scale for tag in column.tags])
        offset = np.array([tag.offset for tag in column.tags])
        self._by_column[id(column.tag_ids)] = (scale, offset)
        self._by_tag.update({tag.id: (tag.scale, tag.offset) for tag in column.tags})

    def apply(self, frame: Frame) -> Frame:
        """The frame as it is stored. Shapes stay; scaled columns become float64."""
        factors = self._factors(frame)
        if factors is not None:
            scale, offset = factors
            with np.errstate(over="ignore", invalid="ignore"):  # marked BAD below
                values = frame.values.astype(np.float64) * scale + offset
            frame = Frame(frame.tag_ids, frame.times, values, frame.quality, frame.source_times)
        return _cut(mark_not_finite(frame))

    def _factors(self, frame: Frame) -> Factors | None:
        if not self._by_column:
            return None
        found = self._by_column.get(id(frame.tag_ids))
        if found is not None or frame.source_times is None:
            return found
        if not frame.size or int(frame.tag_ids[0]) not in self._by_tag:
            return None  # events come column by column too: one scaled tag means all are
        pairs = np.array([self._by_tag[tag_id] for tag_id in frame.tag_ids.tolist()])
        return pairs[:, 0], pairs[:, 1]


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
    quality = np.full(values.shape, Quality.GOOD, np.uint8)
    if frame.quality is not None:
        quality = frame.quality.copy()
    quality[long & (quality >= Quality.GOOD)] = Quality.UNCERTAIN
    return Frame(frame.tag_ids, frame.times, values, quality, frame.source_times)
