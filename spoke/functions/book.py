"""Keeps what a use has saved on the disk, one write at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Lock

from schemas.config.functions import FunctionConfig
from spoke.clock import Clock
from spoke.functions.saved import Saved, keep, resume
from spoke.functions.use import Use

_SAVE_S, _BYTES_PER_S = 10.0, 100_000
"""A large state is saved less often: a card wears out."""


class Book:
    """`saved` is what the use goes on with after a restart, once it is kept."""

    def __init__(self, path: Path, config: FunctionConfig, clock: Clock) -> None:
        self.saved: Saved = resume(path, config)
        self._path, self._clock = path, clock
        self._writing = Lock()
        self._next_s = 0.0

    @property
    def due(self) -> bool:
        """Time to save again."""
        return self._clock.monotonic() >= self._next_s

    def keep(self) -> None:
        """Write it as it is."""
        with self._writing:  # a write that was left to its thread ends first
            keep(self._path, self.saved)

    async def save(self, use: Use, position: int) -> None:
        """State, rows that wait, and position, as of now. Raises FunctionFault, LostError."""
        saved = self.saved
        self.later()
        if not saved.stopped:
            await use.snapshot_into(saved)
        saved.position = position
        saved.skipped = [pair for pair in saved.skipped if pair[1] > position]
        await asyncio.to_thread(self.keep)

    def later(self) -> None:
        """The next save is some time from now."""
        pause_s = max(_SAVE_S, len(self.saved.state or b"") / _BYTES_PER_S)
        self._next_s = self._clock.monotonic() + pause_s
