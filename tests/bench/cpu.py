"""CPU seconds and memory of process trees, for benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """CPU seconds (user + system) and resident bytes of a process and all its children."""

    cpu_s: float
    memory_bytes: int


def usage(pid: int) -> Usage:
    """Children that ended in the meantime count as far as their parent reaped them."""
    root = psutil.Process(pid)
    cpu, memory = 0.0, 0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
            memory += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        cpu += times.user + times.system
        if process.pid == pid:
            cpu += times.children_user + times.children_system
    return Usage(cpu, memory)
