"""How a function's process ended, in words; and the fault that it tells of itself."""

from __future__ import annotations

import signal
from typing import Any

from schemas.functions import Fault
from udf.process.dump import place

EXIT_MEMORY = 71
"""Exit code of a process that had no memory left to say so."""
EXIT_GONE = 72
"""Exit code of a process whose pipes were closed."""
_TOLD = ("exception", "memory", "shape", "start")
"""Kinds of faults that it can tell of itself."""
_SIGNALS = {
    "SIGSEGV": " (memory that is not its own was used, in a C library or through ctypes)",
    "SIGKILL": " (by the system, which had no memory left, or by somebody)",
    "SIGSYS": " (a system call of another computer type)",
    "SIGABRT": " (a C library gave up, often for want of memory)",
}


def crash(code: int | None, dump: str, home: str, kind: str = "crash") -> Fault:
    """`code` is as of subprocess, None for a process that lives and does not answer any more."""
    file, line = place(dump, home)
    if code == EXIT_MEMORY:
        kind = "memory" if kind == "crash" else kind
        message = "MemoryError: no memory was left"
    elif code is None or code == EXIT_GONE:
        message = "its process closed its connection"
    elif code < 0:
        message = f"its process was ended by {_name(-code)}{_SIGNALS.get(_name(-code), '')}"
    else:
        message = f"its process ended itself with code {code}"
    return Fault(kind, message, line=line, file=file, traceback=dump[-4000:])


def fault_from(found: Any) -> Fault:
    """The fault in a reply, which may say anything."""
    told: dict[str, Any] = found if isinstance(found, dict) else {}
    line, time_ns = told.get("line"), told.get("time_ns")
    kind = told.get("kind")
    return Fault(
        kind=kind if kind in _TOLD else "exception",
        message=str(told.get("message"))[:500],
        line=line if type(line) is int and 0 <= line < 2**31 else 0,
        file=str(told.get("file", ""))[:200],
        traceback=str(told.get("traceback", ""))[:4000],
        time_ns=time_ns if type(time_ns) is int and abs(time_ns) < 2**63 else 0,
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
