"""What a function asked for besides its outputs: events, alarms, and writes to PLCs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence

from schemas.errors import SpindleError
from schemas.events import LEVELS, Event
from schemas.functions import Bindings, TagInfo
from schemas.kinds import Value
from spoke.clock import Clock
from udf.effects import Alarm, Effect, Note, Write
from udf.state import pack

_MAX_WRITES, _MAX_ALARMS, _MAX_DETAIL_BYTES = 20, 200, 16 * 1024
_BURST, _PER_S, _TELL_S = 600, 1.0, 60.0
"""Events of a use: so many at once, and so many a second for ever. They lie in the stream between
the measured values, which they must not push out of it."""

Ask = Callable[[int, Value], Awaitable[str]]
"""Write a value to a tag by id, once; what became of it in words. Raises SpindleError."""


class Budget:
    """What a use may tell; what is beyond is counted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left, self._since_s = float(_BURST), clock.monotonic()
        self._over, self._tell_s = 0, 0.0

    def takes(self) -> bool:
        now_s = self._clock.monotonic()
        self._left = min(_BURST, self._left + (now_s - self._since_s) * _PER_S)
        self._since_s = now_s
        if self._left < 1:
            self._over += 1
            return False
        self._left -= 1
        return True

    def left_out(self) -> int:
        """How many since this was last told, which is told once a minute at most."""
        if not self._over or self._clock.monotonic() < self._tell_s:
            return 0
        over, self._over = self._over, 0
        self._tell_s = self._clock.monotonic() + _TELL_S
        return over


class Effects:
    """Of one use. Writes are asked for in `tasks`, so nothing waits for a PLC."""

    def __init__(self, use_id: int, ask: Ask, tasks: asyncio.TaskGroup, clock: Clock) -> None:
        self._id, self._ask, self._tasks, self._clock = use_id, ask, tasks, clock
        self._later: list[Event] = []
        self._writing = 0
        self._budget = Budget(clock)

    def later(self, event: Event) -> None:
        """Goes with the next message of the use."""
        self._later.append(event)

    def taken(self) -> list[Event]:
        """The events that wait for a message; they are the caller's now."""
        events, self._later = self._later, []
        return events

    def events(self, effects: Sequence[Effect], alarms: MutableMapping[str, bool]) -> list[Event]:
        """The events of a batch, with those that waited. `alarms` is the state of each by name; an
        alarm that is in its state already is no event."""
        found = self.taken()
        for effect in effects:
            if isinstance(effect, Note):
                if self._budget.takes():
                    found.append(self._note(effect))
            elif (
                isinstance(effect, Alarm)
                and alarms.get(effect.name, False) != effect.active
                and self._budget.takes()
                and _turned(effect, alarms)
            ):
                found.append(self._alarm(effect))
        if left_out := self._budget.left_out():
            text = f"{left_out} more events and alarms were left out: there were too many"
            found.append(self._event(self._clock.time_ns(), "warning", "gap", text))
        return found

    def settle(self, effects: Sequence[Effect], alarms: MutableMapping[str, bool]) -> None:
        """The same for rows that are worked through again: they were told of already."""
        for effect in effects:
            if isinstance(effect, Alarm):
                _turned(effect, alarms)

    def write(self, effects: Sequence[Effect], bindings: Bindings) -> None:
        """Start the writes of a batch whose message is in the stream: at most once each."""
        for effect in effects:
            if isinstance(effect, Write):
                tag = bindings.writes.get(effect.port)
                if tag is None:
                    text = f"asked to write to {effect.port!r}, and no tag is bound to it"
                    self._refused(text)
                elif self._writing >= _MAX_WRITES:
                    self._refused(f"asked for more than {_MAX_WRITES} writes at a time")
                else:
                    self._writing += 1
                    self._tasks.create_task(self._write(tag, effect.value))

    async def _write(self, tag: TagInfo, value: Value) -> None:
        try:
            outcome, level = await self._ask(tag.id, value), "info"
        except SpindleError as error:
            outcome, level = error.message, "error"
        finally:
            self._writing -= 1
        text = f"Write {value!r} to {tag.device} / {tag.name}: {outcome}"
        if level == "info" or self._budget.takes():  # what was written is always told
            self.later(self._event(self._clock.time_ns(), level, "write", text, tag=tag.id))

    def _refused(self, text: str) -> None:
        if self._budget.takes():
            self.later(self._event(self._clock.time_ns(), "error", "write", text))

    def _note(self, note: Note) -> Event:
        level = note.level if note.level in LEVELS else "info"
        detail = {str(name): value for name, value in note.detail.items()}
        try:
            size = len(pack(detail))
        except TypeError:
            size = 0
        if not 0 < size <= _MAX_DETAIL_BYTES:
            detail = {"left_out": f"a detail has at most {_MAX_DETAIL_BYTES:,} bytes"}
        return Event(note.time_ns, self._id, level, "event", note.message, detail)

    def _alarm(self, alarm: Alarm) -> Event:
        level = alarm.level if alarm.level in LEVELS else "error"
        text = alarm.message or (
            f"{alarm.name} is active" if alarm.active else f"{alarm.name} is over"
        )
        return self._event(
            alarm.time_ns,
            level if alarm.active else "info",
            "alarm",
            text,
            name=alarm.name,
            active=alarm.active,
        )

    def _event(self, time_ns: int, level: str, kind: str, text: str, **detail: object) -> Event:
        return Event(time_ns, self._id, level, kind, text, dict(detail))


def _turned(alarm: Alarm, alarms: MutableMapping[str, bool]) -> bool:
    """Whether it is a change; `alarms` has the active ones, so many that a file can hold them."""
    if alarms.get(alarm.name, False) == alarm.active:
        return False
    if not alarm.active:
        del alarms[alarm.name]
    elif len(alarms) >= _MAX_ALARMS:
        return False
    else:
        alarms[alarm.name] = True
    return True
