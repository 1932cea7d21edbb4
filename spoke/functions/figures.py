"""What a use has done, for the health message."""

from __future__ import annotations

from dataclasses import asdict

from schemas.config.functions import FunctionConfig
from schemas.errors import SpindleError
from schemas.frames import Frame
from schemas.functions import Fault
from schemas.messages.health import DeviceHealth, FunctionHealth, ShadowHealth
from spoke.clock import Clock
from spoke.functions.saved import Saved
from udf.base import Batch


class Figures:
    def __init__(self, use_id: int, config: FunctionConfig, saved: Saved, clock: Clock) -> None:
        """Faults of an earlier run count on: whoever watches a new version must not miss one."""
        self._id, self._config, self._clock = use_id, config, clock
        self._state = "connecting"
        self._error: SpindleError | None = None
        self._since_ns = clock.time_ns()
        self._batches = self._values_in = self._values_out = self._newest_ns = 0
        self._cpu_s = self._slowest_s = 0.0
        self._fault = saved.faults[-1] if saved.faults else None
        self._faults_ever = saved.faults_ever
        self.late = 0

    def enter(self, state: str, error: SpindleError | None = None) -> None:
        """One of STATES of schemas/messages/health.py, or `stopped`."""
        if state != self._state:
            self._state, self._since_ns = state, self._clock.time_ns()
        self._error = error

    def took(self, batch: Batch) -> None:
        self._values_in += sum(column.values.size for column in batch.columns.values())
        self._newest_ns = int(batch.times[-1])

    def ran(self, cpu_s: float) -> None:
        self._batches += 1
        self._cpu_s += cpu_s
        self._slowest_s = max(self._slowest_s, cpu_s)

    def made(self, frame: Frame) -> None:
        self._values_out += frame.size

    def fault(self, fault: Fault, ever: int) -> None:
        self._fault, self._faults_ever = asdict(fault), ever

    def health(
        self,
        recent: int,
        memory_bytes: int = 0,
        contained: tuple[str, ...] = (),
        shadow: ShadowHealth | None = None,
    ) -> FunctionHealth:
        """`recent` is the number of faults in the last ten minutes."""
        lag_ns = self._clock.time_ns() - self._newest_ns if self._newest_ns else 0
        return FunctionHealth(
            id=self._id,
            state=self._state,
            version=self._config.version,
            package=self._config.package,
            since_ns=self._since_ns,
            batches=self._batches,
            values_in=self._values_in,
            values_out=self._values_out,
            cpu_s=self._cpu_s,
            slowest_s=self._slowest_s,
            faults=recent,
            faults_ever=self._faults_ever,
            fault=self._fault,
            lag_s=max(0.0, lag_ns / 1e9),
            late=self.late,
            memory_bytes=memory_bytes,
            contained=contained,
            shadow=shadow,
        )

    def device(self) -> DeviceHealth:
        """The same as a device: its tags are like those of any other."""
        return DeviceHealth(
            id=self._id,
            state="refused" if self._state == "stopped" else self._state,
            error=None if self._error is None else self._error.as_dict(),
            since_ns=self._since_ns,
            last_good_ns=self._newest_ns,
            scans=self._batches,
            values=self._values_out,
        )
