"""The line of a crash out of what faulthandler writes."""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
from pathlib import Path

import pytest

from udf.process.deaths import EXIT_GONE, EXIT_MEMORY, crash, fault_from
from udf.process.dump import drained, place

HOME = "/env/src/level.py"
CRASH = f"""Fatal Python error: Segmentation fault

Current thread 0x00007f (most recent call first):
  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at
  File "{HOME}", line 14 in helper
  File "{HOME}", line 9 in process
  File "/spindle/udf/engine.py", line 99 in _run
"""


def test_the_innermost_line_of_its_own() -> None:
    assert place(CRASH, HOME) == ("level.py", 14)


def test_the_thread_it_happened_in_comes_first() -> None:
    other = f'Thread 0x01 (most recent call first):\n  File "{HOME}", line 3 in wait\n\n'
    assert place(other + CRASH, HOME) == ("level.py", 14)


@pytest.mark.parametrize("dump", ["", "nonsense", CRASH.replace(HOME, "/other.py"), "Stack ("])
def test_no_line_of_its_own(dump: str) -> None:
    assert place(dump, HOME) == ("", 0)


def test_what_this_python_writes_is_understood(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("import ctypes, faulthandler\nfaulthandler.enable()\n\nctypes.string_at(0)\n")
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True)
    assert place(done.stderr, str(file)) == ("own.py", 4)


def test_a_dump_of_one_thread_is_understood() -> None:
    read, write = os.pipe()
    faulthandler.dump_traceback(write, all_threads=False)
    os.close(write)
    assert place(drained(read), __file__)[0] == "test_dump.py"
    assert drained(read) == ""
    os.close(read)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (-11, "crash", "SIGSEGV (memory"),
        (-9, "crash", "SIGKILL (by the system"),
        (-62, "crash", "signal 62"),
        (3, "crash", "with code 3"),
        (None, "crash", "closed its connection"),
        (EXIT_GONE, "crash", "closed its connection"),
        (EXIT_MEMORY, "memory", "no memory was left"),
    ],
)
def test_how_it_ended(code: int | None, kind: str, words: str) -> None:
    fault = crash(code, CRASH, HOME)
    assert (fault.kind, fault.line, fault.file) == (kind, 14, "level.py")
    assert words in fault.message


@pytest.mark.parametrize(
    "told",
    [None, 5, {}, {"kind": "crash", "line": "x"}, {"line": -1, "time_ns": 2**80, "message": {}}],
)
def test_a_told_fault_may_be_anything(told: object) -> None:
    fault = fault_from(told)
    assert fault.kind == "exception"
    assert fault.line == 0
    assert fault.time_ns == 0
