"""Lines pasted from a spreadsheet or a CSV file, as tags. Pure: no widget here."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from hub.tagfiles.columns import TYPE_WORDS
from schemas.addresses import check_tags
from schemas.config.base import explain
from schemas.config.devices import TagConfig

COLUMNS = ("name", "address", "data_type", "unit", "scale", "offset", "group", "description")
KNOWN = (*COLUMNS, *(name for name in TagConfig.model_fields if name not in COLUMNS))
"""What a first line with column names may name."""
MAX_LINES = 5000
_HEADERS = {"type": "data_type", "datatype": "data_type", "scan group": "group"}


@dataclass(slots=True)
class PastedLine:
    """One line: `tag` is None when it has problems that keep it from being a tag."""

    number: int
    cells: dict[str, str]
    tag: TagConfig | None = None
    problems: list[str] = field(default_factory=list)


def parse(text: str, settings: Any, taken: Collection[str] = ()) -> list[PastedLine]:
    """Every line with its problems. `settings` is the device's connection; `taken` its tag names.

    Cells are split at tabs (spreadsheets), else at commas with CSV quotes. A first line that
    names columns may give another order.
    """
    order: Sequence[str] = COLUMNS
    found: list[PastedLine] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        cells = _split(line)
        if not found and order is COLUMNS and _is_header(cells):
            order = [_column(cell) for cell in cells]
            continue
        found.append(_line(number, cells, order))
        if len(found) > MAX_LINES:
            found[-1].problems.append(f"At most {MAX_LINES} lines at once.")
            break
    _name_twins(found, set(taken))
    _check_addresses(found, settings)
    return found


def _split(line: str) -> list[str]:
    cells = line.split("\t") if "\t" in line else next(csv.reader([line], skipinitialspace=True))
    return [cell.strip() for cell in cells]


def _is_header(cells: Sequence[str]) -> bool:
    names = {_column(cell) for cell in cells}
    return {"name", "address"} <= names and names <= set(KNOWN)


def _column(cell: str) -> str:
    found = cell.lower()
    return _HEADERS.get(found, found.replace(" ", "_"))


def _line(number: int, cells: Sequence[str], order: Sequence[str]) -> PastedLine:
    named = dict(zip(order, cells, strict=False))
    line = PastedLine(number, named)
    if len(cells) > len(order):
        line.problems.append(f"{len(cells)} cells, at most {len(order)} are known.")
        return line
    given = {name: value for name, value in named.items() if value}
    kind = given.get("data_type", "").lower()
    if kind:
        given["data_type"] = TYPE_WORDS.get(kind, kind)
    try:
        line.tag = TagConfig.model_validate(given)
    except ValidationError as error:
        line.problems += [_readable(problem.path, problem.message) for problem in explain(error)]
    return line


def _readable(path: str, message: str) -> str:
    text = message.removeprefix(f"{path}: ")
    if text == "Field required":
        return f"The {path.replace('_', ' ')} is missing."
    return f"{path.replace('_', ' ').capitalize()}: {text}" if path else text


def _name_twins(lines: Sequence[PastedLine], taken: set[str]) -> None:
    seen: dict[str, int] = {}
    for line in lines:
        if line.tag is None:
            continue
        name = line.tag.name
        if name in taken:
            line.problems.append(f"The device already has a tag {name!r}.")
        elif name in seen:
            line.problems.append(f"The name {name!r} is also in line {seen[name]}.")
        seen.setdefault(name, line.number)


def _check_addresses(lines: Sequence[PastedLine], settings: Any) -> None:
    """Addresses first, then overlaps among those whose address is good."""
    for _ in range(2):
        whole = [line for line in lines if line.tag is not None and not line.problems]
        tags = [line.tag for line in whole if line.tag is not None]
        for problem in check_tags(tags, settings):
            parts = problem.path.split(".")
            if len(parts) < 2 or not parts[1].isdigit() or int(parts[1]) >= len(whole):
                continue
            line = whole[int(parts[1])]
            text = f"{problem.message} {problem.hint}".strip()
            if text not in line.problems:
                line.problems.append(text)
