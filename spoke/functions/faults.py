"""Counts the faults of a use, tells of them, and stops it when there are too many."""

from __future__ import annotations

import logging
from dataclasses import replace

from schemas.events import Event
from schemas.functions import Fault
from spoke.clock import Clock
from spoke.functions.figures import Figures
from spoke.functions.journal import Journal
from spoke.functions.saved import Saved
from spoke.functions.use import Wiring

_log = logging.getLogger(__name__)
_NAMED = 20


class Faults:
    def __init__(
        self, wiring: Wiring, saved: Saved, journal: Journal, figures: Figures, clock: Clock
    ) -> None:
        self._wiring, self._saved, self._clock = wiring, saved, clock
        self._journal, self._figures = journal, figures

    def count(self, fault: Fault) -> list[Event]:
        """The events that tell of a fault; sets `stopped` of what is saved, when it is one too
        many."""
        saved, device, config = self._saved, self._wiring.device, self._wiring.config
        now = self._clock.time_ns()
        fault = replace(
            fault,
            function=fault.function or config.function,
            version=config.version or fault.version,
            tags=fault.tags or tuple(tag.name for tag in device.tags[:_NAMED]),
            time_ns=now,
        )
        self._journal.fault(fault)
        saved.faults, saved.faults_ever = list(self._journal.faults), saved.faults_ever + 1
        self._figures.fault(fault, saved.faults_ever)
        detail = {
            "kind": fault.kind,
            "function": fault.function,
            "version": fault.version,
            "line": fault.line,
            "tags": list(fault.tags),
            "traceback": fault.traceback[-1500:],
        }
        events = [Event(now, device.id, "error", "fault", fault.words, detail)]
        recent = self._journal.recent_faults(now)
        if recent >= config.limits.faults and not saved.stopped:
            saved.stopped = True
            text = (
                f"{fault.function} {fault.version} was stopped after {recent} faults within ten "
                "minutes. Its values pass unchanged, uncertain, until somebody starts it again."
            )
            events.append(Event(now, device.id, "error", "stopped", text, detail))
            _log.error("%s: %s", device.name, text, extra={"action": "function.stopped"})
        return events
