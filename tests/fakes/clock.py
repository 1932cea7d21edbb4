"""One clock for the fakes."""

from __future__ import annotations

import time

NS = 1_000_000_000
STARTED_NS = time.time_ns()


def now_ns() -> int:
    return time.time_ns()
