"""From data change notifications to event frames, one set of frames per group and report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from asyncua import ua

from schemas.errors import SpindleError, TagReadError
from schemas.frames import Frame
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.drivers.base import GroupLayout
from spoke.drivers.opcua.codec import (
    GOOD,
    Value,
    column,
    decode,
    overflowed,
    rule_for,
    source_time_ns,
)
from spoke.drivers.opcua.planner import GroupPlan, Item

Emit = Callable[[GroupLayout, list[Frame]], None]
Change = tuple[Item, ua.DataValue]


@dataclass(slots=True)
class _Rows:
    """The changes of one column, in the order in which the server sent them."""

    wire: str
    tag_ids: list[int] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def add(self, tag_id: int, value: Value, quality: int, time_ns: int) -> None:
        self.tag_ids.append(tag_id)
        self.values.append(value)
        self.quality.append(quality)
        self.times.append(time_ns)

    def frame(self, gateway_ns: int) -> Frame:
        """An event frame: times [1], tag_ids [M], values, quality and source_times [1, M]."""
        shape = (1, len(self.tag_ids))
        quality = None
        if any(code != GOOD for code in self.quality):
            quality = np.array(self.quality, dtype=np.uint8).reshape(shape)
        return Frame(
            np.array(self.tag_ids, dtype=np.int32),
            np.array([gateway_ns], dtype=np.int64),
            column(self.wire, self.values).reshape(shape),
            quality,
            np.array(self.times, dtype=np.int64).reshape(shape),
        )


class Reporter:
    """Emits what the server reports, and keeps what is wrong with single tags by tag id."""

    def __init__(
        self,
        layouts: Sequence[GroupLayout],
        problems: dict[int, SpindleError],
        emit: Emit,
        clock: Clock,
    ) -> None:
        self._layouts = layouts
        self._problems = problems
        self._emit = emit
        self._clock = clock
        self.lost: dict[int, SpindleError] = {}
        """Tags whose queue on the server overflowed since connect, by tag id."""

    def report(self, changes: Iterable[Change]) -> None:
        """Emit these changes, grouped by column, each column in the order of arrival."""
        gateway_ns = self._clock.time_ns()
        rows: dict[tuple[int, int], _Rows] = {}
        for item, data in changes:
            value, quality, problem = decode(item.rule, data)
            tag = item.rule.tag
            if problem is not None:
                self._problems[tag.id] = problem
            elif self._problems:
                self._problems.pop(tag.id, None)
            if overflowed(data):
                self.lost[tag.id] = _overflow(tag.name)
            time_ns, known = source_time_ns(data, gateway_ns)
            if not known and quality >= Quality.UNCERTAIN:
                quality = Quality.UNCERTAIN_CLOCK
            self._rows(rows, (item.group, item.column)).add(tag.id, value, quality, time_ns)
        self._send(rows, gateway_ns)

    def refuse(self, plans: Iterable[GroupPlan]) -> None:
        """Emit BAD_CONFIG_ERROR for the tags that have no node, so that they do not look idle."""
        gateway_ns = self._clock.time_ns()
        rows: dict[tuple[int, int], _Rows] = {}
        for plan in plans:
            group = self._layouts.index(plan.layout)
            for index, position in plan.homeless:
                tag = plan.layout.columns[index].tags[position]
                self._rows(rows, (group, index)).add(
                    tag.id, rule_for(tag).blank, Quality.BAD_CONFIG_ERROR, gateway_ns
                )
        self._send(rows, gateway_ns)

    def _rows(self, rows: dict[tuple[int, int], _Rows], place: tuple[int, int]) -> _Rows:
        found = rows.get(place)
        if found is None:
            wire = self._layouts[place[0]].columns[place[1]].wire
            found = rows[place] = _Rows(wire)
        return found

    def _send(self, rows: dict[tuple[int, int], _Rows], gateway_ns: int) -> None:
        by_group: dict[int, list[Frame]] = {}
        for (group, _), part in sorted(rows.items()):
            by_group.setdefault(group, []).append(part.frame(gateway_ns))
        for group, frames in by_group.items():
            self._emit(self._layouts[group], frames)


def _overflow(name: str) -> TagReadError:
    return TagReadError(
        f"{name}: the server's queue overflowed, so changes of this tag were lost.",
        hint="Raise 'Queue per tag' of the device or shorten its publishing interval.",
    )
