"""Who may import whom, and what things may be called."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.files import ROOMS, ROOT, sources

VAGUE = {"common", "utils", "util", "helpers", "helper", "core", "misc", "manager", "managers"}


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sources(".py"):
        yield path, ast.parse((ROOT / path).read_text(), str(path))


def _imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return {name.split(".")[0] for name in found}


def test_nothing_imports_tests() -> None:
    assert [str(path) for path, tree in _trees() if "tests" in _imports(tree)] == []


@pytest.mark.parametrize(
    ("room", "never"),
    [
        ("schemas", {"hub", "spoke", "udf", "infra", "asyncio"}),
        ("udf", {"hub", "spoke", "infra", "asyncio"}),
        ("spoke", {"hub", "infra"}),
        ("hub", {"spoke", "infra"}),
    ],
)
def test_imports_point_down(room: str, never: set[str]) -> None:
    """As import-linter says in `make contracts`; here without its cache and its indirections."""
    found = {str(p): _imports(tree) & never for p, tree in _trees() if p.parts[0] == room}
    assert not {path: names for path, names in found.items() if names}


def test_the_contracts_run_before_the_tests() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    linter = settings["tool"]["importlinter"]
    assert set(linter["root_packages"]) == set(ROOMS)
    layers = [contract for contract in linter["contracts"] if contract["type"] == "layers"]
    assert layers[0]["layers"] == ["infra", "hub | spoke", "udf", "schemas"]
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^test:.*\bcheck\b", makefile, re.MULTILINE)
    assert re.search(r"^check:.*\bcontracts\b", makefile, re.MULTILINE)
    assert "lint-imports" in makefile


def test_no_room_for_everything() -> None:
    """A newcomer opens the file whose name is the noun; `utils` is nobody's."""
    parts = {str(path): {*path.parts[:-1], path.stem} for path in sources(".py")}
    assert not {path for path, names in parts.items() if names & VAGUE}
    classes = [
        f"{path}: {node.name}"
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Helper|Utils?)$", node.name)
    ]
    assert classes == []


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path, tree in _trees() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_every_word_of_the_glossary_is_in_use() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    terms = [term for row in rows[1:] for term in row.split(", ")]
    assert len(terms) > 20
    assert len(terms) == len(set(terms)), "one word per thing"
    text = " ".join((ROOT / path).read_text().lower() for path in sources(".py"))
    assert [term for term in terms if term.lower() not in text] == []
