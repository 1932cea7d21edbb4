"""What a function may know besides its batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schemas.functions import TagInfo
from schemas.kinds import Array, Value
from schemas.quality import Quality
from udf.effects import LogLine, Note

if TYPE_CHECKING:
    from udf.base import Column

MAX_NOTES = 1000
"""Log lines and events of one batch; what is beyond is counted in the last one."""


@dataclass(slots=True)
class Memory:
    """What lies between a Context and its engine, which owns it."""

    now_ns: int = 0
    first_ns: int = 0
    """Time of the first row at hand; that of the timer in `on_timer`."""
    last: dict[str, tuple[Array, NDArray[np.uint8]]] = field(default_factory=dict)
    newest: Mapping[str, Column] = field(default_factory=dict)
    """The rows at hand; their last one is in `last` as soon as somebody asks."""
    timers: dict[str, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    dropped: int = 0

    def saw(self, columns: Mapping[str, Column]) -> None:
        """The columns of a batch, of all inputs."""
        self.newest = columns

    def last_rows(self) -> dict[str, tuple[Array, NDArray[np.uint8]]]:
        """Values and qualities [N] of the last row by input, copies."""
        for name, column in self.newest.items():
            values = np.atleast_1d(column.values[-1]).copy()
            quality = np.full(values.shape, Quality.GOOD, dtype=np.uint8)
            if column.quality is not None:
                quality = np.atleast_1d(column.quality[-1]).copy()
            self.last[name] = values, quality
        self.newest = {}
        return self.last


class TimerPassed(BaseException):
    """A timer was set that is due among the rows at hand; no error: the engine cuts them there."""

    def __init__(self, name: str, at_ns: int) -> None:
        self.at_ns = at_ns
        super().__init__(f"timer {name!r}: {at_ns} is not after the row that sets it")


class Context:
    """What a function may know besides its batch. Made by the engine, one for each use."""

    def __init__(
        self, params: Any, tags: Mapping[str, tuple[TagInfo, ...]], memory: Memory
    ) -> None:
        self.params = params
        """The function's own Parameters."""
        self.tags = tags
        """The tags at each input and output, by its name."""
        self._memory = memory

    @property
    def now_ns(self) -> int:
        """Event time: that of the batch's last row, or of the timer."""
        return self._memory.now_ns

    def last(self, name: str) -> tuple[Value | None, Quality]:
        """The last value of an input with one tag and its quality; None while it is bad or was
        never seen."""
        values, quality = self.last_of(name)
        code = int(quality[0]) if len(quality) else 0
        value = values[:1].tolist()[0] if code >= Quality.UNCERTAIN else None
        return value, Quality(code) if code in set(Quality) else Quality.BAD

    def last_of(self, name: str) -> tuple[Array, NDArray[np.uint8]]:
        """The last values [N] of an input and their qualities [N]; empty before the first row."""
        empty = np.empty(0), np.empty(0, dtype=np.uint8)
        return self._memory.last_rows().get(name, empty)

    def log(self, message: object, level: str = "info") -> None:
        """A line in the function's live log. Not stored."""
        if self._room():
            self._memory.lines.append(LogLine(level, str(message)[:2000], self.now_ns))

    def event(self, message: str, level: str = "info", **detail: Any) -> None:
        """An event that is stored and shown: something that people should know of."""
        if self._room():
            self._memory.notes.append(Note(level, str(message)[:2000], self.now_ns, detail))

    def timer(self, name: str, at_ns: int) -> None:
        """Call `on_timer(name, ...)` as soon as event time reaches `at_ns`, before later rows.
        The same name again moves the timer.

        It may be due among the rows at hand: `process` is then left here, and called again with
        the rows before that time and the state of before. Raises ValueError where it is not after
        the row that sets it.
        """
        if at_ns <= self._memory.first_ns:
            raise ValueError(f"timer {name!r}: {at_ns} is not after {self._memory.first_ns}")
        if at_ns <= self.now_ns:
            raise TimerPassed(name, at_ns)
        self._memory.timers[name] = at_ns

    def cancel_timer(self, name: str) -> None:
        self._memory.timers.pop(name, None)

    def move_to(self, now_ns: int, last: Mapping[str, tuple[Array, NDArray[np.uint8]]]) -> None:
        """For the SDK, where it goes through a batch row by row."""
        self._memory.now_ns = now_ns
        self._memory.last_rows().update(last)

    def _room(self) -> bool:
        full = len(self._memory.lines) + len(self._memory.notes) >= MAX_NOTES
        self._memory.dropped += full
        return not full
