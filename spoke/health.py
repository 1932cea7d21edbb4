"""What a spoke says about itself every 5 s."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import psutil

from schemas.messages.health import SpokeHealth, StreamHealth
from spoke.clock import Clock
from spoke.functions.keeper import FunctionKeeper
from spoke.workers import Workers

VERSION = "0.1.0"
_JUMP_S = 1.0


class ClockWatch:
    """Notices jumps of the wall clock against the steady clock, which schedules never follow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = self._now()
        self.jump_s = 0.0

    def check(self) -> float:
        """Seconds that the wall clock jumped since the last call; 0 for ordinary drift."""
        offset = self._now()
        moved, self._offset_s = offset - self._offset_s, offset
        if abs(moved) < _JUMP_S:
            return 0.0
        self.jump_s += moved
        return moved

    def _now(self) -> float:
        return self._clock.time_ns() / 1e9 - self._clock.monotonic()


class HealthReport:
    def __init__(
        self,
        spoke: str,
        folder: Path,
        workers: Workers,
        functions: FunctionKeeper,
        clock: Clock,
    ) -> None:
        self._spoke = spoke
        self._folder = folder
        self._workers, self._functions = workers, functions
        self._clock = clock
        self._started_ns = clock.time_ns()
        self._before: tuple[float, int, int] | None = None
        self._processes: dict[int, psutil.Process] = {}

    def make(
        self,
        revision: int,
        errors: tuple[dict[str, Any], ...],
        stream: StreamHealth,
        jump_s: float,
    ) -> SpokeHealth:
        devices = self._workers.devices()
        values = sum(device.values for device in devices)
        sent = self._workers.total("acknowledged_bytes")
        values_per_s, bytes_per_s = self._rates(values, sent)
        cpu, memory = self._usage()
        return SpokeHealth(
            spoke=self._spoke,
            version=VERSION,
            time_ns=self._clock.time_ns(),
            started_ns=self._started_ns,
            revision=revision,
            devices=tuple(
                sorted((*devices, *self._functions.devices()), key=lambda device: device.id)
            ),
            functions=self._functions.functions(),
            stream=StreamHealth(
                **{name: getattr(stream, name) for name in stream.__slots__}
                | {"bytes_per_s": bytes_per_s}
            ),
            values_per_s=values_per_s,
            skipped=sum(device.skipped for device in devices),
            cpu_percent=cpu,
            memory_bytes=memory,
            disk_free_bytes=shutil.disk_usage(self._folder).free,
            clock_jump_s=jump_s,
            workers=len(self._workers.pids()),
            worker_restarts=self._workers.restarts + self._functions.restarts,
            revision_errors=errors,
        )

    def _rates(self, values: int, sent: int) -> tuple[float, float]:
        """Values and bytes per second since the last report; 0 after a worker started anew."""
        now = self._clock.monotonic()
        before, self._before = self._before, (now, values, sent)
        if before is None or now <= before[0]:
            return 0.0, 0.0
        seconds = now - before[0]
        return max(0.0, values - before[1]) / seconds, max(0.0, sent - before[2]) / seconds

    def _usage(self) -> tuple[float, int]:
        """CPU in percent of one core and resident memory of supervisor, workers, function host."""
        pids = {psutil.Process().pid, *self._workers.pids(), *self._functions.pids()}
        before, self._processes = self._processes, {}
        cpu, memory = 0.0, 0
        for pid in pids:
            try:
                process = before.get(pid) or psutil.Process(pid)
                cpu += process.cpu_percent()
                memory += process.memory_info().rss
            except psutil.Error:  # it ended in the meantime
                continue
            self._processes[pid] = process
        return cpu, memory
