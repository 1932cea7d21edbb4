"""What an import would do, in words and as compact rows for the browser. Pure: no widget here."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from hub.bulk import ImportDone, ImportOptions, ImportPreview, ImportRow, RowState
from hub.ui.words import count
from schemas import quality
from schemas.config.devices import TagConfig
from schemas.errors import SpindleError

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_VERBS = {RowState.NEW: "new", RowState.CHANGED: "changed", RowState.REMOVED: "removed"}


def compact(rows: Sequence[ImportRow]) -> list[list[Any]]:
    """[key, line, state, name, address, type, unit, group, what, hint] of each row.

    The key is the row's place. `what` are the changes, or the problem; `hint` what to do about it.
    """
    return [_compact(key, row) for key, row in enumerate(rows)]


def _compact(key: int, row: ImportRow) -> list[Any]:
    tag = row.config
    what, hint = "; ".join(row.changes).replace(" -> ", " → "), ""
    if row.problems:
        what = " ".join(plain(item) for item in row.problems)
        hint = " ".join(dict.fromkeys(hint_of(item) for item in row.problems if hint_of(item)))
    place = [tag.address, tag.data_type.value, tag.unit, tag.group] if tag else ["", "", "", ""]
    return [key, row.line or None, row.state.value, row.name, *place, what, hint]


def plain(problem: SpindleError) -> str:
    """The message; a path in front of it (`data_type: …`) as people call the column."""
    text = problem.message
    field = problem.path.rpartition(".")[2]
    for prefix in (problem.path, field):
        if prefix and text.startswith(f"{prefix}: "):
            rest = text.removeprefix(f"{prefix}: ")
            if rest in ("Field required", "it is missing."):
                return f"The {title_of(field)} is missing."
            text = f"{title_of(field).capitalize()}: {rest}"
            break
    return text if text.endswith((".", "!", "?")) else f"{text}."


def title_of(field: str) -> str:
    """A field of TagConfig as the form calls it, in lower case."""
    known = TagConfig.model_fields.get(field)
    return (known.title if known and known.title else field.replace("_", " ")).lower()


def hint_of(problem: SpindleError) -> str:
    """What to do; empty where it is only the general hint of its kind."""
    return "" if problem.hint == type(problem).hint else problem.hint


def button_words(preview: ImportPreview) -> str:
    """`Import 1,930 new, 12 changed, 3 removed`, or `Import` when there is nothing to do."""
    parts = [
        f"{count(preview.count(state))} {word}"
        for state, word in _VERBS.items()
        if preview.count(state)
    ]
    return f"Import {', '.join(parts)}" if parts else "Import"


def obstacle(preview: ImportPreview, options: ImportOptions) -> str:
    """Why this cannot be imported; empty when it can."""
    bad = preview.count(RowState.BAD)
    if bad and not options.skip_bad:
        rows = "1 row is bad" if bad == 1 else f"{count(bad)} rows are bad"
        return f"{rows}: correct the file, or skip bad rows."
    if not any(preview.count(state) for state in _VERBS):
        return "Nothing to import: the device has all of this already."
    return ""


def done_words(done: ImportDone) -> str:
    """`1,930 tags created, 12 changed, 3 removed; 5 bad rows left out.`"""
    pairs = ((done.created, "created"), (done.changed, "changed"), (done.removed, "removed"))
    parts = [f"{count(number)} {word}" for number, word in pairs if number]
    if not parts:
        return "Nothing was changed."
    number = next(number for number, _ in pairs if number)
    noun = "tag" if number == 1 else "tags"
    parts[0] = parts[0].replace(" ", f" {noun} ", 1)
    skipped = ""
    if done.skipped:
        skipped = f"; {count(done.skipped)} bad {'row' if done.skipped == 1 else 'rows'} left out"
    return f"{', '.join(parts)}{skipped}."


def bad_rows_csv(rows: Sequence[ImportRow]) -> bytes:
    """line, name, column, problem, what to do: one line for each problem; UTF-8 with BOM."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["line", "name", "column", "problem", "what to do"])
    for row in rows:
        for problem in row.problems:
            field = problem.path.rpartition(".")[2]
            cells = (row.name, field, plain(problem), problem.hint)
            writer.writerow([row.line, *map(_guarded, cells)])
    return file.getvalue().encode("utf-8-sig")


def template_csv(example: Mapping[str, str]) -> bytes:
    """A file to fill in: the usual columns with one tag as an example."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(list(example))
    writer.writerow(list(example.values()))
    return file.getvalue().encode("utf-8-sig")


def test_row(key: int, item: Mapping[str, Any], unit: str) -> list[Any]:
    """[key, value in words, level, remark] of what a test read of one tag gave."""
    code = int(item["quality"])
    level = "ok" if quality.is_good(code) else "bad" if quality.is_bad(code) else "warn"
    value = item.get("value")
    shown = "" if value is None else f"{_number(value)} {unit}".strip()
    problem = item.get("problem") or ""
    if isinstance(problem, dict):
        problem = f"{problem.get('message', '')} {problem.get('hint', '')}".strip()
    problem = str(problem).removeprefix(f"{item.get('tag', '')}: ")
    problem = problem[:1].upper() + problem[1:]
    words = str(item.get("words") or quality.words(code))
    return [key, shown, level, problem or ("" if level == "ok" else words)]


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _guarded(text: str) -> str:
    """A text that a spreadsheet takes for a formula gets a quote in front (OWASP CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text
