"""The version that a function's source says of itself: found, raised, written back. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

PARTS = ("patch", "minor", "major")
DEFAULT = "0.1.0"
"""What the SDK takes for a source that says none."""
_NAME = "version"
_DECORATOR = "function"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the version's literal stands: line from 1, columns in characters from 0."""

    version: str
    line: int
    start: int
    end: int


def version_in(source: str) -> Place | None:
    """The literal of the version, None where the source has none or does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    lines = source.splitlines()
    for node in ast.walk(tree):
        found = _literal(node)
        if found is not None and found.end_col_offset is not None:
            line = lines[found.lineno - 1].encode()
            start = len(line[: found.col_offset].decode(errors="replace"))
            end = len(line[: found.end_col_offset].decode(errors="replace"))
            return Place(str(found.value), found.lineno, start, end)
    return None


def with_version(source: str, version: str) -> str | None:
    """The source with another version; None where there is no place for one."""
    place = version_in(source)
    if place is None:
        return _with_keyword(source, version)
    lines = source.splitlines(keepends=True)
    line = lines[place.line - 1]
    lines[place.line - 1] = f'{line[: place.start]}"{version}"{line[place.end :]}'
    return "".join(lines)


def raised(version: str, part: str) -> str:
    """`1.4.2` raised by `minor` is `1.5.0`. `part` is one of PARTS."""
    major, minor, patch = numbers(version)
    if part == "major":
        return f"{major + 1}.0.0"
    if part == "minor":
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def numbers(version: str) -> tuple[int, int, int]:
    """(major, minor, patch); zeros for what is no number."""
    found = [int(part) if part.isdecimal() else 0 for part in version.split(".")]
    major, minor, patch = (*found, 0, 0, 0)[:3]
    return major, minor, patch


def proposals(version: str, known: Iterable[str]) -> dict[str, str]:
    """What to save as, by name: `as written` while nobody has that version, and the newest of all
    raised by each part."""
    taken = set(known)
    newest = max((*taken, version), key=numbers)
    found = {} if version in taken else {"as written": version}
    for part in PARTS:
        found.setdefault(part, raised(newest, part))
    return found


def _literal(node: ast.AST) -> ast.Constant | None:
    """The constant that gives `version` in an assignment of a class or in the decorator."""
    if isinstance(node, ast.Call) and _called(node) == _DECORATOR:
        return next((_text(item.value) for item in node.keywords if item.arg == _NAME), None)
    if not isinstance(node, ast.ClassDef):
        return None
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and item.value is not None:
            found = _assigned(item.target, item.value)
        elif isinstance(item, ast.Assign):
            found = _assigned(item.targets[0], item.value)
        else:
            found = None
        if found is not None:
            return found
    return None


def _assigned(target: ast.expr, value: ast.expr) -> ast.Constant | None:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=False)
        return next((found for one, other in pairs if (found := _assigned(one, other))), None)
    named = isinstance(target, ast.Name) and target.id == _NAME
    return _text(value) if named else None


def _text(value: ast.expr) -> ast.Constant | None:
    one_line = value.lineno == value.end_lineno
    fits = isinstance(value, ast.Constant) and isinstance(value.value, str) and one_line
    return value if fits and isinstance(value, ast.Constant) else None


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _with_keyword(source: str, version: str) -> str | None:
    """`@function(name="x")` has no version yet: it gets one as its first argument."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == _DECORATOR and node.func.end_lineno:
            lines = source.splitlines(keepends=True)
            index = node.func.end_lineno - 1
            raw = lines[index].encode()
            at = raw.index(b"(", node.func.end_col_offset or 0) + 1
            more = b", " if node.keywords or node.args else b""
            lines[index] = (raw[:at] + f'version="{version}"'.encode() + more + raw[at:]).decode()
            return "".join(lines)
    return None
