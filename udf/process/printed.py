"""What a function prints, as lines of its log."""

from __future__ import annotations

import io

from udf.effects import LogLine

_MAX_LINES = 500
_MAX_TEXT = 2000


class Printed(io.TextIOBase):
    """Stands for standard output and error; keeps some lines between two batches, counts more."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._rest = ""
        self._dropped = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *whole, rest = (self._rest + text[: _MAX_LINES * _MAX_TEXT]).split("\n")
        self._rest = rest[:_MAX_TEXT]
        room = _MAX_LINES - len(self._lines)
        self._lines += [line[:_MAX_TEXT] for line in whole[:room]]
        self._dropped += max(0, len(whole) - room)
        return len(text)

    def lines(self, time_ns: int) -> tuple[LogLine, ...]:
        """What was printed since the last call, also a last line without its end."""
        if self._rest:
            self.write("\n")
        found = [LogLine("info", line, time_ns) for line in self._lines]
        if self._dropped:
            text = f"{self._dropped} more printed lines were left out"
            found.append(LogLine("warning", text, time_ns))
        self._lines, self._dropped = [], 0
        return tuple(found)
