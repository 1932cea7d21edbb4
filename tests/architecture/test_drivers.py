"""Every driver folder has the same file names, so that who knows one knows all."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.files import ROOT

FOLDER = ROOT / "spoke/drivers"
FILES = {
    "__init__.py",
    "addresses.py",
    "codec.py",
    "driver.py",
    "planner.py",
    "simulator.py",
    "README.md",
}
WITHOUT = {
    # It has no protocol: nothing to plan or decode, and it is its own simulator.
    "sim": {"addresses.py", "codec.py", "planner.py", "simulator.py"},
}
DRIVERS = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))


@pytest.mark.parametrize("name", DRIVERS)
def test_a_driver_has_the_files_that_every_driver_has(name: str) -> None:
    missing = {file for file in FILES if not (FOLDER / name / file).is_file()}
    assert missing == WITHOUT.get(name, set())


@pytest.mark.parametrize("name", DRIVERS)
def test_a_package_is_its_spec_and_imports_no_protocol_library(name: str) -> None:
    """One broken or missing library then stops no other driver, and not the hub's form."""
    tree = ast.parse((FOLDER / name / "__init__.py").read_text())
    imported = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    rooms = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in imported
    }
    assert {room.split(".")[0] for room in rooms} <= {"__future__", "schemas", "spoke"}
    assert not {room for room in rooms if room.startswith(f"spoke.drivers.{name}")}
    named = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert named == ["SPEC"]


@pytest.mark.parametrize("name", DRIVERS)
def test_a_readme_says_something(name: str) -> None:
    assert len((FOLDER / name / "README.md").read_text()) > 300
