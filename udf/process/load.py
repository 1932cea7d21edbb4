"""CPU and threads of a function's process, against what it may use."""

from __future__ import annotations

import time
from collections import deque

import psutil

WINDOW_S = 10.0
MAX_THREADS = 64
_EVERY_S = 1.0


class Load:
    """Load(pid, cpu_percent): watches one process. Times are monotonic seconds."""

    def __init__(
        self, pid: int, cpu_percent: float, window_s: float = WINDOW_S, every_s: float = _EVERY_S
    ) -> None:
        self._window_s, self._every_s = window_s, every_s
        self._process = psutil.Process(pid)
        self._most = cpu_percent
        self._seen: deque[tuple[float, float]] = deque()
        self._cpu_s = 0.0
        self._seen.append((time.monotonic(), self.cpu_s))

    @property
    def cpu_s(self) -> float:
        """CPU seconds so far; the last known when it is gone."""
        try:
            times = self._process.cpu_times()
        except psutil.Error:
            return self._cpu_s
        self._cpu_s = times.user + times.system
        return self._cpu_s

    @property
    def memory_bytes(self) -> int:
        """Resident, 0 when it is gone."""
        try:
            return int(self._process.memory_info().rss)
        except psutil.Error:
            return 0

    def too_much(self) -> str:
        """In words, what it uses beyond its limits; empty when it keeps them. Looks once a second.

        CPU is the average of the last ten seconds, so short work may take a whole core.
        """
        now = time.monotonic()
        if now - self._seen[-1][0] < self._every_s:
            return ""
        cpu_s = self.cpu_s
        self._seen.append((now, cpu_s))
        while len(self._seen) > 1 and now - self._seen[1][0] >= self._window_s:
            self._seen.popleft()
        since, before = self._seen[0]
        percent = (cpu_s - before) / (now - since) * 100
        if now - since >= self._window_s and percent > self._most:
            average = f"{percent:.0f} % of a core over {now - since:.0f} s"
            return f"it took {average}; {self._most:g} % are allowed"
        threads = self._threads()
        if threads > MAX_THREADS:
            return f"it has {threads} threads; {MAX_THREADS} are allowed"
        return ""

    def _threads(self) -> int:
        try:
            return int(self._process.num_threads())
        except psutil.Error:
            return 0
