"""What differs between two texts, line by line and within lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape
from itertools import zip_longest

CONTEXT = 3
"""Equal lines that are shown around a change."""
_ALIKE = 0.4
"""Lines that are less alike have nothing marked within them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the comparison; numbers count from 1, 0 where that side has no line."""

    kind: str
    """same, changed, gone, new, or gap: lines are left out here."""
    old: int = 0
    new: int = 0
    before: str = ""
    after: str = ""


def compared(before: str, after: str) -> list[Line]:
    """Only the changes with the lines around them; empty for equal texts."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number or group[0][1] or group[0][3]:
            found.append(Line("gap"))
        for what, *place in group:
            found += _rows(what, old, new, (place[0], place[1], place[2], place[3]))
    return found


def _rows(
    what: str, old: Sequence[str], new: Sequence[str], place: tuple[int, int, int, int]
) -> Iterator[Line]:
    old_from, old_to, new_from, new_to = place
    pairs = zip_longest(range(old_from, old_to), range(new_from, new_to))
    for left, right in pairs:
        if what == "equal":
            yield Line("same", left + 1, right + 1, old[left], new[right])
        elif left is None:
            yield Line("new", 0, right + 1, "", new[right])
        elif right is None:
            yield Line("gone", left + 1, 0, old[left], "")
        else:
            yield Line("changed", left + 1, right + 1, old[left], new[right])


def counts(lines: Sequence[Line]) -> tuple[int, int]:
    """(lines that are new, lines that are gone)."""
    new = sum(line.kind in ("new", "changed") for line in lines)
    return new, sum(line.kind in ("gone", "changed") for line in lines)


def side_by_side(lines: Sequence[Line]) -> str:
    """HTML of the rows of a table; every text in it is escaped."""
    rows = []
    for line, first in _with_starts(lines):
        if line.kind == "gap":
            rows.append('<tr class="gap"><td colspan="4">⋯</td></tr>')
            continue
        left, right = _marked(line)
        old = "gone" if line.kind in ("gone", "changed") else "none" if line.kind == "new" else ""
        new = "new" if line.kind in ("new", "changed") else "none" if line.kind == "gone" else ""
        rows.append(
            f"<tr{first}>{_number(line.old, old)}{_text(left, old)}"
            f"{_number(line.new, new)}{_text(right, new)}</tr>"
        )
    return "".join(rows)


def unified(lines: Sequence[Line]) -> str:
    """HTML of the rows of a table: lines that are gone, then those that are new."""
    rows: list[str] = []
    later: list[str] = []
    for line, first in _with_starts(lines):
        left, right = _marked(line)
        if line.kind in ("changed", "gone"):
            rows.append(_row(first, (line.old, 0), left, "gone", "-"))
            first = ""
        if line.kind in ("changed", "new"):
            later.append(_row(first, (0, line.new), right, "new", "+"))
        if line.kind in ("same", "gap"):
            rows += later
            later = []
        if line.kind == "gap":
            rows.append('<tr class="gap"><td colspan="3">⋯</td></tr>')
        elif line.kind == "same":
            rows.append(_row("", (line.old, line.new), left, "", " "))
    return "".join(rows + later)


def _row(first: str, numbers: tuple[int, int], html: str, kind: str, sign: str) -> str:
    places = "".join(_number(number, kind) for number in numbers)
    return f"<tr{first}>{places}{_text(html, kind, sign)}</tr>"


def _with_starts(lines: Sequence[Line]) -> Iterator[tuple[Line, str]]:
    """Each line, and an attribute where a change starts."""
    within = False
    for line in lines:
        change = line.kind not in ("same", "gap")
        yield line, " data-change" if change and not within else ""
        within = change


def _marked(line: Line) -> tuple[str, str]:
    """Both texts as HTML, with what differs marked."""
    if line.kind != "changed":
        return escape(line.before), escape(line.after)
    matcher = SequenceMatcher(None, line.before, line.after, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return escape(line.before), escape(line.after)
    left, right = "", ""
    for what, a, b, c, d in matcher.get_opcodes():
        one, other = escape(line.before[a:b]), escape(line.after[c:d])
        left += one if what == "equal" or not one else f"<mark>{one}</mark>"
        right += other if what == "equal" or not other else f"<mark>{other}</mark>"
    return left, right


def _number(number: int, kind: str) -> str:
    return f'<td class="line {kind}">{number or ""}</td>'


def _text(html: str, kind: str, sign: str = "") -> str:
    shown = f'<span class="sign">{sign}</span>' if sign else ""
    return f'<td class="text {kind}">{shown}{html}</td>'
