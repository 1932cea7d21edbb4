"""What faulthandler wrote when a function's process crashed or hung: the line it was at.

Its form is that of CPython's Python/traceback.c: a head for each thread, then its frames, the
innermost first.
"""

from __future__ import annotations

import os
import re
import select
import time
from pathlib import PurePath

from udf.faults import is_own

_HEAD = re.compile(r"^(Current thread 0x|Thread 0x|Stack \()", re.MULTILINE)
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)
_KEPT_BYTES = 64 * 1024
_QUIET_S = 0.02


def drained(descriptor: int, wait_s: float = 0.0) -> str:
    """What is in the pipe now; waits for the first of it, and until no more comes."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    end, found = time.monotonic() + wait_s, b""
    while len(found) < _KEPT_BYTES:
        pause_s = _QUIET_S if found else max(0.0, end - time.monotonic())
        if not poll.poll(pause_s * 1000 if wait_s else 0):
            break
        try:
            part = os.read(descriptor, _KEPT_BYTES)
        except OSError:
            break
        if not part:
            break
        found += part
    return found.decode("utf-8", "replace")


def place(dump: str, home: str) -> tuple[str, int]:
    """File name and line of the innermost frame of the function's own; ("", 0) for none."""
    starts = [head.start() for head in _HEAD.finditer(dump)]
    parts = [dump[start:end] for start, end in zip(starts, [*starts[1:], len(dump)], strict=False)]
    for part in sorted(parts, key=lambda part: part.startswith("Thread")):
        for file, line in _FRAME.findall(part):
            if is_own(file, home):
                return PurePath(file).name, int(line)
    return "", 0
