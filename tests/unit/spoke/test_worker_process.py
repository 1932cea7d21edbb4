"""A worker as a process, without nats-server and with a supervisor that dies."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def test_a_worker_whose_supervisor_was_killed_ends_in_order(tmp_path: Path) -> None:
    """Its pipes break one after the other; the first one must not keep it from flushing."""
    settings = {
        "SPINDLE_SPOKE_NAME": "a",
        "SPINDLE_SPOKE_DATA_DIR": str(tmp_path),
        "SPINDLE_SPOKE_NATS_URL": "nats://127.0.0.1:1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "spoke.worker", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **settings},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(4)  # it reports
    process.stdout.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(2.5)  # two more reports, into nothing
    process.stdin.close()
    assert process.wait(15) == 0
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
