"""The three kinds of windows, as authors write them."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from udf.windows.limits import MAX_PANES, SECOND_NS, WindowError, nanoseconds


@dataclass(frozen=True, slots=True)
class Tumbling:
    """Windows one after the other: [start, start + size). Raises WindowError.

    They begin at midnight UTC plus `offset_s` and whole sizes (counted from 1970-01-01). Shifts of
    8 h from 06:00 at UTC+1: `Tumbling(8 * 3600, offset_s=5 * 3600)`.
    """

    size_s: float
    offset_s: float = 0.0

    def __post_init__(self) -> None:
        nanoseconds(self.size_s, "The window's size")
        _offset(self.offset_s)


@dataclass(frozen=True, slots=True)
class Sliding:
    """Windows of `size_s`, one every `step_s`; they overlap. Raises WindowError."""

    size_s: float
    step_s: float
    offset_s: float = 0.0

    def __post_init__(self) -> None:
        size = nanoseconds(self.size_s, "The window's size")
        step = nanoseconds(self.step_s, "The window's step")
        _offset(self.offset_s)
        if step > size:
            raise WindowError(
                f"The step, {self.step_s:g} s, is larger than the window, {self.size_s:g} s.",
                hint="Choose a step of at most the size; with step = size windows do not overlap.",
            )
        if size // gcd(size, step) > MAX_PANES:
            raise WindowError(
                f"A window of {self.size_s:g} s every {self.step_s:g} s has "
                f"{size // gcd(size, step)} parts, more than {MAX_PANES}.",
                hint="Choose a larger step that divides the size.",
            )


@dataclass(frozen=True, slots=True)
class Session:
    """Rows with less than `pause_s` between them, from the first to the last of them.

    A row counts where at least one tag has a usable value. A session ends at the latest with the
    first row that is `longest_s` after its start. Raises WindowError.
    """

    pause_s: float
    longest_s: float = 86_400.0

    def __post_init__(self) -> None:
        pause = nanoseconds(self.pause_s, "The session's pause")
        if nanoseconds(self.longest_s, "The longest session") < pause:
            raise WindowError("The longest session is shorter than its pause.")


Shape = Tumbling | Sliding | Session


def _offset(offset_s: float) -> None:
    if not abs(offset_s) <= MAX_OFFSET_S:
        raise WindowError(f"The offset is {offset_s:g} s; a week either way is the most.")


MAX_OFFSET_S = 7 * 86_400.0


def grid_of(shape: Tumbling | Sliding) -> tuple[int, int, int]:
    """(size, step, offset) in ns."""
    size = round(shape.size_s * SECOND_NS)
    step = round(shape.step_s * SECOND_NS) if isinstance(shape, Sliding) else size
    return size, step, round(shape.offset_s * SECOND_NS)
