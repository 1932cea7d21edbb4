"""How large windows may be: their state is kept in memory and saved every few seconds."""

from __future__ import annotations

from schemas.errors import ConfigError

SECOND_NS = 1_000_000_000
MIN_SIZE_S = 0.01
MAX_SIZE_S = 400 * 86_400.0
"""A bit more than a year."""
MAX_PANES = 10_000
"""Parts that a sliding window is put together from: its size by the greatest common divisor of
size and step."""
MAX_WINDOWS_IN_GAP = 20_000
"""Windows that one value may hold through."""
MAX_KEPT = 500_000
"""Values (rows x tags) of one window that a percentile keeps: 4 MB of state."""
MAX_WAITING = 500_000
"""Values (rows x tags) that wait for late ones."""


class WindowError(ConfigError):
    """This window cannot be: it would need too much memory, or it makes no sense."""

    hint = "Choose a smaller window, a larger step, fewer tags or a shorter wait."


def nanoseconds(seconds: float, what: str, least: float = MIN_SIZE_S) -> int:
    """`seconds` as int ns. Raises WindowError, which names `what`, outside its limits."""
    if not least <= seconds <= MAX_SIZE_S:
        raise WindowError(
            f"{what} is {seconds:g} s; it must be between {least:g} and {MAX_SIZE_S:g} s."
        )
    return round(seconds * SECOND_NS)
