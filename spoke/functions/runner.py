"""A use at work: reads the stream, aligns rows, runs the function, publishes, keeps its state.

**Effectively once.** The state on disk belongs to a position of the stream, and the last outputs in
the stream say theirs. After a crash the use goes on from its saved state; until it reaches the
outputs' position it is silent. Each read ends where an earlier one ended that mattered (`between`).

**A fault** takes the step out for the rows that made it: they pass (udf/passing.py), marked, with
an event. Then the function starts anew from its saved state and works through the rows since then,
without those. After a crash the rows are tried once more first: somebody else may have killed it.
Too many faults stop it until somebody starts it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from schemas.errors import ConfigError, SpindleError
from schemas.events import Event
from schemas.functions import Fault
from schemas.messages.functions import FunctionLookReply, FunctionLookRequest
from schemas.messages.health import DeviceHealth, FunctionHealth
from spoke.clock import Clock
from spoke.functions.ahead import Ahead
from spoke.functions.book import Book
from spoke.functions.effects import Effects
from spoke.functions.faults import Faults
from spoke.functions.figures import Figures
from spoke.functions.journal import Journal
from spoke.functions.piece import Piece, piece
from spoke.functions.publisher import Publisher
from spoke.functions.shadow import Shadow
from spoke.functions.slots import LostError, Slots
from spoke.functions.tap import AWAY, Tap
from spoke.functions.use import Use, Wiring
from spoke.publish.live import Live
from udf.base import Batch, Column
from udf.engine import Emission
from udf.faults import FunctionFault

_log = logging.getLogger(__name__)

_AGAIN_S, _REFUSED_S, _LOOK_S = 1.0, 30.0, 0.05


class Runner:
    def __init__(
        self,
        wiring: Wiring,
        tap: Tap,
        slots: Slots,
        publisher: Publisher,
        live: Live,
        effects: Effects,
        folder: Path,
        clock: Clock,
    ) -> None:
        """`folder` is where states are kept."""
        self._book = Book(folder / f"{wiring.device.id}.state", wiring.config, clock)
        self.wiring = wiring
        self._id = wiring.device.id
        self._tap, self._slots, self._publisher = tap, slots, publisher
        self._live, self._effects, self._clock = live, effects, clock
        self._saved = self._book.saved
        self._journal = Journal(self._saved.faults)
        self._figures = Figures(self._id, wiring.config, self._saved, clock)
        self._faults = Faults(wiring, self._saved, self._journal, self._figures, clock)
        self._use = Use(wiring, slots)
        self._position = 0
        self._settled = False
        """The state and `_position` belong together; not so in the middle of a step."""
        self._ahead = Ahead(clock)
        self._shadow: Shadow | None = None
        self.pace_s = 0.25
        """At least so long from one read to the next at the end of the stream."""

    def look(self, request: FunctionLookRequest) -> FunctionLookReply:
        return self._journal.look(request, self._shadow.compared() if self._shadow else ())

    def health(self) -> tuple[FunctionHealth, DeviceHealth]:
        recent = self._journal.recent_faults(self._clock.time_ns())
        slot, shadow = self._use.slot, self._shadow.health if self._shadow else None
        health = self._figures.health(recent, slot.memory_bytes, slot.contained, shadow)
        return health, self._figures.device()

    async def run(self) -> None:
        """Run until cancelled; then the state is saved."""
        try:
            while True:
                await self._session()
        finally:
            await asyncio.shield(self._end())

    # --- one life -------------------------------------------------------------------------------
    async def _session(self) -> None:
        try:
            await self._start()
            while True:
                await self._step()
        except LostError:
            self._say("Its process ended; starting again")
        except FunctionFault as error:  # it cannot even start
            await self._not_started(error)
        except ConfigError as error:
            await self._rest("refused", error, _REFUSED_S)
        except SpindleError as error:
            await self._rest("waiting", error, _AGAIN_S)
        except AWAY:
            await self._rest("waiting", None, _AGAIN_S)
        except Exception as error:  # noqa: BLE001 - a defect of ours ends this use alone
            _log.exception("%s", self.wiring.device.name, extra={"action": "function.defect"})
            text = f"the gateway could not go on: {type(error).__name__}: {error}"
            await self._not_started(FunctionFault(Fault("exception", text[:500])))

    async def _not_started(self, error: FunctionFault) -> None:
        """Told at once: there may never be a message to tell it with. One that is stopped already
        is tried now and then, and its faults count no more."""
        saved = self._saved
        if saved.stopped:
            await self._rest("stopped", error, _REFUSED_S)
            return
        events = self._faults.count(error.fault)
        self._book.keep()
        self._figures.enter("stopped" if saved.stopped else "waiting", error)
        with suppress(*AWAY):
            await self._publisher.tell(events)
        await self._clock.sleep(_AGAIN_S)

    async def _rest(self, state: str, error: SpindleError | None, seconds: float) -> None:
        self._figures.enter(state, error)
        await self._clock.sleep(seconds)

    async def _start(self) -> None:
        """Open the function with the state that is saved, and find the place in the stream."""
        saved, config = self._saved, self.wiring.config
        await self._use.prepare()
        while not self._tap.epoch:
            await self._clock.sleep(_LOOK_S)
        if saved.epoch != self._tap.epoch:
            self._begin(first=not saved.epoch)
        saved.emitted = max(saved.emitted, await self._publisher.emitted(saved.epoch))
        if saved.fresh:
            saved.position, saved.fresh = max(saved.position, saved.emitted), False
        self._position = saved.position
        if not saved.stopped:
            await self._open()
        self._settled = True
        if config.shadow is not None and self._shadow is None:
            bindings = self._use.bindings
            self._shadow = Shadow(self._id, config, bindings, self._slots, self._clock)
        self._book.later()
        self._figures.enter("stopped" if saved.stopped else "running")

    def _begin(self, *, first: bool) -> None:
        """A new use starts at the end of the stream; one that was there before, at the beginning
        of the stream that took the old one's place."""
        tap, saved = self._tap, self._saved
        saved.epoch, saved.emitted, saved.skipped = tap.epoch, 0, []
        saved.position = self._position = tap.last_seq if first else tap.epoch_seq - 1
        self._book.keep()

    async def _open(self) -> None:
        problem = await self._use.open(self._saved)
        if problem:
            self._say(f"Its state was not taken, it starts anew: {problem}")

    async def _end(self) -> None:
        try:
            if self._settled:
                await self._book.save(self._use, self._position)
        except SpindleError as error:
            _log.warning("State not saved: %s", error, extra={"action": "function.state"})
        await self._use.close()
        if self._shadow is not None:
            await self._shadow.close()

    # --- one step -------------------------------------------------------------------------------
    async def _step(self) -> None:
        started = self._clock.monotonic()
        limit = self._saved.between(self._position)
        entries = await self._tap.after(self._position, self._saved.epoch, limit)
        if self._tap.epoch != self._saved.epoch:
            await self._book.save(self._use, self._position)
            self._begin(first=False)
            self._say("The gateway's stream was made anew")
            return
        self._settled = False
        await self._work(piece(entries, self._position, self._publisher.own))
        self._settled = True
        if self._book.due:
            await self._book.save(self._use, self._position)
        if entries[-1].seq >= self._tap.last_seq:
            await self._clock.sleep(self.pace_s - (self._clock.monotonic() - started))

    async def _work(self, read: Piece) -> None:
        position = read.position
        if read.missed:
            self._tell(f"{read.missed} messages left the buffer before they were processed")
        late = self._use.late
        batch = self._use.rows(read.messages)
        if (
            batch is None
            and self._use.late > late
            and self._ahead.found(self._use.newest_ns, read.made_ns)
        ):
            await self._start_anew(read.before)
            batch = self._use.rows(read.messages)
        self._figures.late = self._use.late
        silent = position <= self._saved.emitted
        if batch is None:
            self._position = position
            return
        self._figures.took(batch)
        if self._saved.stopped or self._saved.skips(position):
            self._position = position
            if not silent:
                await self._pass(batch, position, [])
            return
        try:
            emission, cpu_s = await self._use.process(batch)
        except FunctionFault as error:
            await self._fault(error.fault, batch, read.before, position)
            return
        self._position = position
        self._figures.ran(cpu_s)
        if silent:
            self._effects.settle(emission.effects, self._saved.alarms)
        else:
            await self._put(emission, position)
            if self._shadow is not None:
                await self._shadow.compare(batch, emission)

    async def _start_anew(self, position: int) -> None:
        """Event time is no guide for the state that there is."""
        self._tell("A clock was set back: the function starts anew")
        saved = self._saved
        saved.state, saved.aligner, saved.position = None, None, position
        await self._use.open(saved)
        self._book.keep()

    async def _put(self, emission: Emission, position: int) -> None:
        """Publish; what should happen besides happens after that, and never twice."""
        self._journal.log(emission.log)
        events = self._effects.events(emission.effects, self._saved.alarms)
        await self._publish(emission.columns, events, position)
        self._effects.write(emission.effects, self._use.bindings)

    async def _pass(self, batch: Batch, position: int, events: Sequence[Event]) -> None:
        """The step is taken out for these rows. A last value that stands is said once."""
        columns = self._use.passed(batch, again=not events)
        await self._publish(columns, [*self._effects.taken(), *events], position)

    async def _publish(
        self, columns: Mapping[str, Column], events: Sequence[Event], position: int
    ) -> None:
        pairs = self._use.frames(columns)
        stored = [frame for _, frame in pairs if frame is not None]
        if stored or events:
            await self._publisher.put(self._saved.epoch, position, stored, events)
            self._saved.emitted = position
        for seen, _ in pairs:
            self._live.put(self._id, seen)
            self._figures.made(seen)

    async def _fault(self, fault: Fault, batch: Batch, before: int, position: int) -> None:
        """The rows after `before` up to `position` made a fault."""
        saved = self._saved
        events = self._faults.count(fault)
        if fault.kind == "crash" and saved.again != [before, position] and not saved.stopped:
            saved.again = [before, position]
            for event in events:
                self._effects.later(event)
        else:
            if position > saved.emitted:
                await self._pass(batch, position, events)
            else:  # in a replay: its values are in the stream, only this is new
                for event in events:
                    self._effects.later(event)
            saved.skipped.append([before, position])
        if saved.stopped:
            saved.position = self._position = position
            saved.skipped = []
            self._book.keep()
            self._figures.enter("stopped", FunctionFault(fault))
            return
        self._book.keep()
        self._position = saved.position
        await self._open()

    def _tell(self, text: str) -> None:
        """In the log, and as an event with the next message."""
        self._say(text)
        self._effects.later(Event(self._clock.time_ns(), self._id, "warning", "gap", text))

    def _say(self, text: str) -> None:
        self._journal.say(self._clock.time_ns(), text, "warning")
