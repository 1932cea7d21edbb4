"""Collects frames of many devices into batches: one fsync then pays for thousands of values."""

from __future__ import annotations

import logging
from collections.abc import Callable

from schemas.frames import Batch, Frame, stack
from spoke.clock import Clock
from spoke.publish.spool import Spool

_log = logging.getLogger(__name__)


class Batcher:
    """A batch closes `max_age_s` after its first frame or at `max_bytes`, whichever is first.

    `close_due` is called by the worker's loop; `emit` takes the closed batch.
    """

    def __init__(
        self,
        producer: str,
        spool: Spool,
        emit: Callable[[Batch], None],
        clock: Clock,
        *,
        max_age_s: float,
        max_bytes: int,
    ) -> None:
        self._producer = producer
        self._spool = spool
        self._emit = emit
        self._clock = clock
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes
        self._number = 1
        self._scans: dict[tuple[int, str], list[Frame]] = {}
        self._events: list[Frame] = []
        self._bytes = 0
        self._opened = 0.0
        self._unkept = False

    def add(self, frame: Frame) -> None:
        """Take one frame; it is in the spool when this returns, unless the disk takes nothing:
        then it is in memory only, because the stream may have room. Raises FrameError."""
        if not frame.size:
            return
        self._keep(frame)
        if not self._bytes:
            self._opened = self._clock.monotonic()
        if frame.source_times is None:
            # The tag ids of a column are one array for its life: its identity is the key.
            self._scans.setdefault((id(frame.tag_ids), frame.wire), []).append(frame)
        else:
            self._events.append(frame)
        self._bytes += frame.nbytes
        if self._bytes >= self._max_bytes:
            self.close()

    def _keep(self, frame: Frame) -> None:
        try:
            self._spool.append(self._number, frame)
        except OSError as error:
            if not self._unkept:
                _log.error(
                    "The spool takes no data (%s): a crash now would lose the newest values",
                    error,
                    extra={"action": "spool.full"},
                )
            self._unkept = True
        else:
            if self._unkept:
                _log.info("The spool takes data again", extra={"action": "spool.resume"})
            self._unkept = False

    @property
    def due_in_s(self) -> float:
        """Seconds until the open batch must close; `max_age_s` when there is none."""
        if not self._bytes:
            return self._max_age_s
        return max(0.0, self._opened + self._max_age_s - self._clock.monotonic())

    def close_due(self) -> None:
        if self._bytes and self.due_in_s <= 0:
            self.close()

    def close(self) -> None:
        """Close the open batch now, if there is one."""
        if not self._bytes:
            return
        frames = (*(stack(scans) for scans in self._scans.values()), *self._events)
        batch = Batch(self._producer, self._number, self._clock.time_ns(), frames)
        self._spool.seal()
        self._scans, self._events, self._bytes = {}, [], 0
        self._number += 1
        self._emit(batch)
