"""CPU and threads against their limits, on real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from udf.process.load import MAX_THREADS, Load


@contextmanager
def running(source: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        with process.stdout:
            process.stdout.readline()
            yield process.pid
    finally:
        process.kill()
        process.wait()


def _words(load: Load, at_most_s: float) -> str:
    end = time.monotonic() + at_most_s
    while time.monotonic() < end:
        if words := load.too_much():
            return words
        time.sleep(0.01)
    return ""


def test_a_loop_is_too_much() -> None:
    with running("print(flush=True)\nwhile True: pass") as pid:
        load = Load(pid, 10, window_s=1.0, every_s=0.1)
        assert load.too_much() == ""
        assert "% of a core over 1 s; 10 % are allowed" in _words(load, 10)


def test_short_work_is_not_too_much() -> None:
    source = "print(flush=True)\nimport time\nsum(range(10**6))\ntime.sleep(60)"
    with running(source) as pid:
        assert _words(Load(pid, 50, window_s=1.0, every_s=0.1), 2.0) == ""


def test_many_threads_are_too_much() -> None:
    source = (
        "import threading, time\nfor _ in range(70):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "print(flush=True)\ntime.sleep(60)"
    )
    with running(source) as pid:
        load = Load(pid, 400, every_s=0.05)
        assert _words(load, 5) == f"it has 71 threads; {MAX_THREADS} are allowed"


def test_a_process_that_is_gone_keeps_its_last_figures() -> None:
    with running("print(flush=True)\nimport time\ntime.sleep(60)") as pid:
        load = Load(pid, 50)
        before = load.cpu_s
        assert load.memory_bytes > 1_000_000
    assert load.cpu_s == before
    assert load.memory_bytes == 0
    assert os.getpid() != pid
