"""Recorded values: a CSV of a function's inputs or outputs over time.

What the hub's `record` gives, `spindle-udf` reads and writes, and a spreadsheet opens. UTF-8,
separated by commas, one header line::

    time,level,pumps.P1,pumps.P1.quality,pumps.P2
    2026-03-01T06:00:00Z,1.25,true,,false
    2026-03-01T06:00:01.5Z,,true,64,

time: ISO 8601 with a zone (`Z` or `+02:00`; at most nine digits behind the second), or ns since
1970 as digits. Each row is later than the one before.

A column is an input (`level`). An input of many tags has one for each, `<input>.<tag>`; one tag
may be named so as well. `<column>.quality` beside a column is its quality as an OPC byte (0 bad,
64 uncertain, 192 good; schemas/quality.py), empty for good.

A cell without a value and without a quality is no value at that time: the tag keeps its last one.
A bad one has a quality under 64, and its value may be empty. Numbers have a point and are finite;
bool is true or false, 1 or 0. An empty text is an empty cell with a quality of 64 or more.

A file with a fault is refused whole: ConfigErrors name each line and reason, the first 20.
udf/recorder.py writes this format.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from schemas.errors import ConfigError, ConfigErrors
from schemas.frames import Frame
from schemas.functions import Bindings, Input, Output, TagInfo
from schemas.kinds import Kind, blank
from schemas.quality import Quality
from udf.cells import read_quality, read_time, read_value

MAX_PROBLEMS = 20
_QUALITY = ".quality"

Cell = tuple[int, Any, int]
"""Time ns, value (None for a blank), quality."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A column: where its cells are, and which tag it is."""

    name: str
    value: int
    quality: int | None
    input: Input
    tag_id: int


class Recording:
    """Recording(path, inputs): opens the file and reads its header. Raises ConfigErrors."""

    def __init__(self, path: Path, inputs: Sequence[Input]) -> None:
        self.path = path
        _, header = next(self._lines(), (1, []))
        self._width = len(header)
        self._places = _places(header, inputs)

    @property
    def tag_ids(self) -> dict[str, tuple[int, ...]]:
        """By input, for an Aligner; tags are numbered from 1 in the order of the columns."""
        found: dict[str, tuple[int, ...]] = {}
        for place in self._places:
            found[place.input.name] = (*found.get(place.input.name, ()), place.tag_id)
        return found

    def bindings(self, outputs: Sequence[Output]) -> Bindings:
        """The columns as the tags at the inputs, and outputs with names of their own."""
        inputs: dict[str, tuple[TagInfo, ...]] = {}
        for place in self._places:
            _, _, tag = place.name.partition(".")
            info = TagInfo(place.tag_id, tag or place.name, unit=place.input.unit)
            inputs[place.input.name] = (*inputs.get(place.input.name, ()), info)
        return Bindings(inputs, output_tags(outputs, inputs, len(self._places) + 1))

    def check(self) -> int:
        """Read it all once; the number of rows. Raises ConfigErrors, before anything ran."""
        problems: list[ConfigError] = []
        count = 0
        before: int | None = None
        for line, row in self._rows():
            found = self._parsed(line, row, before, problems)
            count, before = count + 1, found[0]
            if len(problems) >= MAX_PROBLEMS:
                break
        if problems:
            raise ConfigErrors(problems)
        if not count:
            raise _wrong("It has no rows.", "Record a time in which there were values.")
        return count

    def frames(self, rows: int) -> Iterator[list[Frame]]:
        """Event frames of `rows` lines at a time, so that memory stays bounded.

        Raises ConfigErrors for what `check` would have found.
        """
        lines = self._rows()
        before: int | None = None
        while chunk := list(islice(lines, rows)):
            cells: dict[int, list[Cell]] = {place.tag_id: [] for place in self._places}
            problems: list[ConfigError] = []
            for line, row in chunk:
                before, found = self._parsed(line, row, before, problems)
                for tag_id, cell in found:
                    cells[tag_id].append(cell)
            if problems:
                raise ConfigErrors(problems)
            yield self._as_frames(cells)

    # --- lines --------------------------------------------------------------------------------
    def _open(self) -> Any:
        try:
            return self.path.open(encoding="utf-8-sig", newline="")
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be read: {error.strerror}.",
                hint="Give the path of a CSV file.",
            ) from error

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells, without header and empty lines."""
        return ((line, row) for line, row in islice(self._lines(), 1, None) if row)

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        with self._open() as file:
            reader = csv.reader(file)
            try:
                for row in reader:
                    yield reader.line_num, row
            except (csv.Error, UnicodeDecodeError) as error:
                place = f"behind line {reader.line_num}"
                hint = "Save it as CSV, UTF-8, separated by commas."
                reason = f"{self.path} cannot be read {place}: {error}."
                raise ConfigErrors([_wrong(reason, hint)]) from error

    def _parsed(
        self, line: int, row: list[str], before: int | None, problems: list[ConfigError]
    ) -> tuple[int | None, list[tuple[int, Cell]]]:
        """The time of the row and its cells; what is wrong goes to `problems`."""
        if len(row) != self._width:
            said = f"{len(row)} cells, and the header has {self._width}"
            problems.append(_wrong(f"It has {said}.", "A text with a comma needs quotes.", line))
            return before, []
        try:
            time_ns = read_time(row[0])
        except ValueError as error:
            hint = "Write 2026-03-01T06:00:00Z, or ns since 1970."
            problems.append(_wrong(f"{error}.", hint, line, "time"))
            return before, []
        if before is not None and time_ns <= before:
            hint = "Sort the file by time; a time stands in one row."
            problems.append(_wrong("It is not later than the row before.", hint, line, "time"))
        cells = []
        for place in self._places:
            try:
                cell = _cell(row, place, time_ns)
            except ValueError as error:
                hint = "Leave the cell empty where there is no value."
                problems.append(_wrong(f"{error}.", hint, line, place.name))
                continue
            if cell is not None:
                cells.append((place.tag_id, cell))
        return time_ns, cells

    # --- frames -------------------------------------------------------------------------------
    def _as_frames(self, cells: dict[int, list[Cell]]) -> list[Frame]:
        kinds: dict[Kind, list[tuple[int, Cell]]] = {}
        for place in self._places:
            for cell in cells[place.tag_id]:
                kinds.setdefault(place.input.kind, []).append((place.tag_id, cell))
        return [_frame(kind, found) for kind, found in kinds.items()]


def output_tags(
    outputs: Sequence[Output], inputs: dict[str, tuple[TagInfo, ...]], first_id: int
) -> dict[str, tuple[TagInfo, ...]]:
    """Tags for the outputs of a use that is not configured: a replay, a test."""
    found: dict[str, tuple[TagInfo, ...]] = {}
    for output in outputs:
        names = [output.name]
        if output.per:
            names = [f"{output.name}.{tag.name}" for tag in inputs.get(output.per, ())]
        found[output.name] = tuple(
            TagInfo(first_id + at, name, unit=output.unit) for at, name in enumerate(names)
        )
        first_id += len(names)
    return found


def _places(header: list[str], inputs: Sequence[Input]) -> list[_Place]:
    known = {item.name: item for item in inputs}
    names = [name.strip() for name in header]
    problems: list[ConfigError] = []
    if not names or names[0] != "time":
        problems.append(_wrong("The first column is not `time`.", "Name it so in line 1.", 1))
    places: list[_Place] = []
    for at, name in enumerate(names[1:], start=1):
        if name in names[:at]:
            problems.append(_wrong("This column is there twice.", "Leave one out.", 1, name))
            continue
        if name.endswith(_QUALITY) and name.removesuffix(_QUALITY) in names[1:]:
            continue
        item = known.get(name.partition(".")[0])
        if item is None:
            hint = f"The inputs are {', '.join(known)}."
            problems.append(_wrong("This column is none of the inputs.", hint, 1, name))
            continue
        beside = name + _QUALITY
        quality = names.index(beside) if beside in names else None
        places.append(_Place(name, at, quality, item, len(places) + 1))
    problems.extend(_counted(places, inputs))
    if problems:
        raise ConfigErrors(problems)
    return places


def _counted(places: list[_Place], inputs: Sequence[Input]) -> Iterator[ConfigError]:
    for item in inputs:
        count = sum(place.input is item for place in places)
        if not count and item.required:
            column = f"{item.name}.<tag>" if item.many else item.name
            yield _wrong("There is no column for this input.", f"Add `{column}`.", 1, item.name)
        if count > 1 and not item.many:
            yield _wrong("This input takes one tag.", "Leave one column.", 1, item.name)


def _cell(row: list[str], place: _Place, time_ns: int) -> Cell | None:
    """None for no value. Raises ValueError."""
    text = row[place.value]
    said = row[place.quality].strip() if place.quality is not None else ""
    if not text.strip() and not said:
        return None
    quality = read_quality(said) if said else int(Quality.GOOD)
    empty = not text.strip() and place.input.kind is not Kind.TEXT
    if empty and quality >= Quality.UNCERTAIN:
        raise ValueError("a quality, and no value")
    return time_ns, None if empty else read_value(place.input.kind, text), quality


def _frame(kind: Kind, cells: list[tuple[int, Cell]]) -> Frame:
    count = len(cells)
    values = blank(kind.wire, (1, count))
    for at, (_, (_, value, _)) in enumerate(cells):
        if value is not None:
            values[0, at] = value
    times = np.array([cell[0] for _, cell in cells], dtype=np.int64)[np.newaxis]
    return Frame(
        np.array([tag_id for tag_id, _ in cells], dtype=np.int32),
        times[0, -1:],
        values,
        np.array([[cell[2] for _, cell in cells]], dtype=np.uint8),
        times,
    )


def _wrong(reason: str, hint: str, line: int = 0, column: str = "") -> ConfigError:
    place = f"Line {line}" + (f", column {column!r}" if column else "") + ": " if line else ""
    path = f"line {line}" + (f".{column}" if column else "") if line else ""
    return ConfigError(place + reason, hint=hint, path=path)
