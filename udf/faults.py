"""A function that failed: the exception that carries its Fault."""

from __future__ import annotations

import sys
import traceback
from pathlib import PurePath

from schemas.errors import SpindleError
from schemas.functions import Fault

_KEPT = 4000
_FRAMES = 100
_SDK = f"{PurePath(__file__).parent}/"


class FunctionFault(SpindleError):  # noqa: N818 - the glossary's word
    """A function failed."""

    hint = "Look at the line, correct the function, and deploy a new version."

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.words)


def fault_of(error: BaseException, kind: str = "exception", home: str = "") -> Fault:
    """The fault that an exception is; a MemoryError is of kind memory.

    `home` is where the function's own files are, as `home_of` tells; the line is the innermost one
    there. Without it, the innermost one outside of the SDK.
    """
    frames = traceback.extract_tb(error.__traceback__, limit=-_FRAMES)
    if isinstance(error, MemoryError):
        kind = "memory"
        traceback.clear_frames(error.__traceback__)  # what they hold is what fills the memory
    own = [frame for frame in frames if is_own(frame.filename, home)]
    line, file = (own[-1].lineno or 0, own[-1].filename) if own else (0, "")
    if isinstance(error, SyntaxError) and is_own(error.filename or "", home):
        line, file = error.lineno or 0, error.filename or ""  # its own, not a text that it parsed
    text = "".join(traceback.format_exception(error, limit=-_FRAMES))
    return Fault(
        kind=kind,
        message=f"{type(error).__name__}: {_words(error)}"[:500],
        line=line,
        file=PurePath(file).name,
        traceback=text[-_KEPT:],
    )


def is_own(file: str, home: str) -> bool:
    """Whether a source file is the function's own; `home` is a file, or a folder with its slash."""
    if home:
        return file == home or (home.endswith("/") and file.startswith(home))
    return not file.startswith((_SDK, "<"))


def home_of(kind: type) -> str:
    """The file that defines a function, or the folder of its package when it has one."""
    top = kind.__module__.partition(".")[0]
    package = sys.modules.get(top) if top != "udf" else None
    if package is not None and hasattr(package, "__path__") and package.__file__:
        return f"{PurePath(package.__file__).parent}/"
    return str(getattr(sys.modules.get(kind.__module__), "__file__", None) or "")


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - it is the author's own code
        return "(its text cannot be made)"
