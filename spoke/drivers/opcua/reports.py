"""From values to frames: events of a report, one set of frames per group; scans of a poll."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ProtocolError, SpindleError
from schemas.frames import Frame
from schemas.kinds import blank
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.drivers.base import GroupLayout, scan_frame
from spoke.drivers.opcua.answers import Changes
from spoke.drivers.opcua.clocks import WRONG_CLOCK, SourceClocks, stamps_of
from spoke.drivers.opcua.codec import Converted, convert
from spoke.drivers.opcua.planner import GroupPlan, Items
from spoke.drivers.opcua.problems import Problems
from spoke.drivers.opcua.statuses import OVERFLOW, OVERFLOW_BITS
from spoke.drivers.opcua.values import Values, picked

Emit = Callable[[GroupLayout, list[Frame]], None]


class Reporter:
    """Makes frames and emits those of reports; keeps what is wrong with single tags by tag id."""

    def __init__(
        self,
        layouts: Sequence[GroupLayout],
        plans: Sequence[GroupPlan],
        problems: dict[int, SpindleError],
        clock: Clock,
    ) -> None:
        self._layouts = layouts
        self._clock = clock
        self._emit: Emit = _nowhere
        self.items = Items(layouts, plans)
        self.clocks = SourceClocks(len(self.items))
        self._problems = Problems(self.items, problems)
        self._muted = np.zeros(len(self.items), np.bool_)

    @property
    def lost(self) -> dict[int, SpindleError]:
        """Tags whose queue on the server overflowed since connect, by tag id."""
        return self._problems.lost

    def emit_to(self, emit: Emit) -> None:
        self._emit = emit

    def mute(self, indexes: Sequence[int]) -> None:
        """These items are polled instead; what the server may still report of them is dropped."""
        self._muted[list(indexes)] = True

    def report(self, changes: Changes) -> None:
        """Emit these changes, grouped by column, each column in the order of arrival."""
        if not len(changes):
            return
        indexes, values = self._known(changes)
        if not len(values):
            return
        gateway_ns = self._clock.time_ns()
        lost = values.status & OVERFLOW_BITS == OVERFLOW
        if lost.any():
            self._problems.overflow(indexes[lost])
        times, wrong = self.clocks.times(indexes, values, gateway_ns)
        stamps = stamps_of(values)
        by_group: dict[int, list[Frame]] = {}
        for (group, column), rows in self.items.by_column(indexes):
            found = self._convert(group, column, values, rows, indexes[rows])
            doubtful = wrong[rows] & (found.quality >= Quality.UNCERTAIN)
            if doubtful.any():
                found.quality[doubtful] = Quality.UNCERTAIN_CLOCK
                found.codes[doubtful & (found.codes == 0)] = WRONG_CLOCK
            self._problems.update(indexes[rows], found.codes, stamps[rows])
            tag_ids = self.items.tag_ids[indexes[rows]]
            by_group.setdefault(group, []).append(_events(tag_ids, found, times[rows], gateway_ns))
        for group, frames in by_group.items():
            self._emit(self._layouts[group], frames)

    def refuse(self, plans: Iterable[GroupPlan]) -> None:
        """Emit BAD_CONFIG_ERROR for the tags that have no node, so that they do not look idle."""
        gateway_ns = self._clock.time_ns()
        for plan in plans:
            by_column: dict[int, list[int]] = {}
            for column, position in plan.homeless:
                by_column.setdefault(column, []).append(position)
            frames = []
            for column, positions in sorted(by_column.items()):
                part = plan.layout.columns[column]
                count = len(positions)
                quality = np.full(count, Quality.BAD_CONFIG_ERROR, np.uint8)
                nothing = Converted(blank(part.wire, (count,)), quality, np.zeros(count, np.int64))
                times = np.full(count, gateway_ns, np.int64)
                frames.append(_events(part.tag_ids[positions], nothing, times, gateway_ns))
            if frames:
                self._emit(plan.layout, frames)

    def scan(self, plan: GroupPlan, values: Values) -> list[Frame]:
        """The frames of a poll: `values` are those of the plan's items."""
        time_ns = self._clock.time_ns()
        columns = plan.layout.columns
        arrays = [blank(part.wire, (len(part.tags),)) for part in columns]
        quality = [
            np.full(len(part.tags), Quality.BAD_CONFIG_ERROR, dtype=np.uint8) for part in columns
        ]
        indexes = np.arange(plan.first, plan.first + len(plan.items))
        stamps = stamps_of(values)
        for (group, column), rows in self.items.by_column(indexes):
            found = self._convert(group, column, values, rows, indexes[rows])
            positions = self.items.positions[indexes[rows]]
            arrays[column][positions] = found.values
            quality[column][positions] = found.quality
            self._problems.update(indexes[rows], found.codes, stamps[rows])
        return [
            scan_frame(part, array, time_ns, None if (codes == Quality.GOOD).all() else codes)
            for part, array, codes in zip(columns, arrays, quality, strict=True)
        ]

    def _convert(
        self,
        group: int,
        column: int,
        values: Values,
        rows: NDArray[np.intp],
        indexes: NDArray[np.intp],
    ) -> Converted:
        wire = self._layouts[group].columns[column].wire
        return convert(values, rows, wire, self.items.limits[indexes])

    def _known(self, changes: Changes) -> tuple[NDArray[np.intp], Values]:
        """The items of the handles; a server that reports other handles is not believed."""
        indexes = changes.handles.astype(np.intp) - 1
        if indexes.min() < 0 or indexes.max() >= len(self.items):
            raise ProtocolError("The server reported an item that was never asked for.")
        wanted = ~self._muted[indexes]
        if wanted.all():
            return indexes, changes.values
        return indexes[wanted], picked(changes.values, np.flatnonzero(wanted))


def _events(
    tag_ids: NDArray[np.int32], found: Converted, times: NDArray[np.int64], gateway_ns: int
) -> Frame:
    """An event frame: times [1], tag_ids [M], values, quality and source_times [1, M]."""
    shape = (1, len(tag_ids))
    good = bool((found.quality == Quality.GOOD).all())
    return Frame(
        tag_ids,
        np.array([gateway_ns], dtype=np.int64),
        found.values.reshape(shape),
        None if good else found.quality.reshape(shape),
        times.reshape(shape),
    )


def _nowhere(_layout: GroupLayout, _frames: list[Frame]) -> None:
    """Until somebody subscribes."""
