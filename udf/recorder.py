"""Writes recorded values, in the format of udf/recorded.py: for `record` and for replay."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

from schemas.quality import Quality
from udf.base import Column
from udf.cells import time_text, value_text


class Recorder:
    """Recorder(file, names): writes the header, a column and its quality for each name.

    The file is opened with `newline=""`.
    """

    def __init__(self, file: TextIO, names: Sequence[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._names = tuple(names)
        self._writer.writerow(
            ["time", *(cell for name in names for cell in (name, f"{name}.quality"))]
        )

    def write(self, columns: Iterable[tuple[str, Column]]) -> int:
        """Values [T] with times by name, in any order of names: a row for each time. How many.

        Call it for one stretch of time after the other; of values at one time the last one holds.
        """
        rows: dict[int, dict[str, tuple[str, str]]] = {}
        for name, column in columns:
            times = [] if column.times is None else column.times.tolist()
            found = zip(times, column.values.tolist(), column.qualities().tolist(), strict=True)
            for time_ns, value, code in found:
                text = value_text(value) if code >= Quality.UNCERTAIN else ""
                rows.setdefault(time_ns, {})[name] = text, str(code)
        for time_ns in sorted(rows):
            pairs = (rows[time_ns].get(name, ("", "")) for name in self._names)
            self._writer.writerow([time_text(time_ns), *(cell for pair in pairs for cell in pair)])
        return len(rows)


def flat(name: str, column: Column, tags: Sequence[str]) -> Iterable[tuple[str, Column]]:
    """The columns [T] of an input or output: itself, or `<name>.<tag>` for each of [T, N]."""
    if column.values.ndim == 1:
        yield name, column
        return
    for at, tag in enumerate(tags):
        quality = None if column.quality is None else column.quality[:, at]
        yield f"{name}.{tag}", Column(column.values[:, at], quality, column.times)
