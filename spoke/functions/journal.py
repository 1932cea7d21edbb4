"""What a use tells people: its log, its faults, its figures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from schemas.functions import Fault
from schemas.messages.functions import FunctionLookReply, FunctionLookRequest
from udf.effects import LogLine

_LINES, _FAULTS, _ANSWER, _COUNTED = 1000, 20, 200, 1000
FAULTS_NS = 600 * 10**9
"""Faults count for ten minutes."""


class Journal:
    """In memory only, bounded; faults are events in the stream as well."""

    def __init__(self, faults: Iterable[dict[str, Any]] = ()) -> None:
        self._lines: deque[dict[str, Any]] = deque(maxlen=_LINES)
        self._number = 0
        self.faults: deque[dict[str, Any]] = deque(faults, maxlen=_FAULTS)
        self._times = deque((fault["time_ns"] for fault in self.faults), maxlen=_COUNTED)

    def log(self, lines: Iterable[LogLine]) -> None:
        for line in lines:
            self._number += 1
            self._lines.append(
                {
                    "number": self._number,
                    "time_ns": line.time_ns,
                    "level": line.level,
                    "message": line.message,
                }
            )

    def say(self, time_ns: int, message: str, level: str = "info") -> None:
        """A line of the gateway itself."""
        self.log([LogLine(level, message, time_ns)])

    def fault(self, fault: Fault) -> None:
        self.faults.append(asdict(fault))
        self._times.append(fault.time_ns)
        self.say(fault.time_ns, fault.traceback or fault.words, "error")

    def recent_faults(self, now_ns: int) -> int:
        """Of the last ten minutes."""
        return sum(now_ns - time_ns < FAULTS_NS for time_ns in self._times)

    def look(
        self, request: FunctionLookRequest, compared: Iterable[dict[str, Any]] = ()
    ) -> FunctionLookReply:
        newer = [line for line in self._lines if line["number"] > request.log_after]
        return FunctionLookReply(
            log=tuple(newer[-_ANSWER:]), faults=tuple(self.faults), compared=tuple(compared)
        )
