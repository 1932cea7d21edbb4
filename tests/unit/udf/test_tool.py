"""`spindle-udf`: new, test, run, package, each in a real folder; exit codes 0, 1 and 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from udf.process.bundle import read_bundle

ROOT = Path(__file__).parents[3]


def spindle_udf(folder: Path, *arguments: str, code: int = 0) -> str:
    """What it printed; both streams."""
    done = subprocess.run(
        [sys.executable, "-m", "udf.tool.app", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


@pytest.fixture(params=["", "--simple"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    options = [request.param] if request.param else []
    spindle_udf(tmp_path, "new", "tank_volume", *options)
    return tmp_path / "tank_volume"


@pytest.fixture
def simple(tmp_path: Path) -> Path:
    spindle_udf(tmp_path, "new", "tank_volume", "--simple")
    return tmp_path / "tank_volume"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_new_function_is_whole(folder: Path) -> None:
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {
        "README.md",
        "data/recorded.csv",
        "pyproject.toml",
        "tank_volume.py",
        "tests/test_tank_volume.py",
    }
    said = spindle_udf(folder, "test")
    assert "The tests passed." in said
    assert said.count("kept:") == 5
    said = spindle_udf(
        folder.parent, "run", "tank_volume", "--replay", "tank_volume/data/recorded.csv"
    )
    assert "6 rows in" in said


def test_a_new_function_is_in_the_house_style(folder: Path) -> None:
    for command in (["check", "--config", str(ROOT / "pyproject.toml")], ["format", "--check"]):
        words = [sys.executable, "-m", "ruff", *command, "--line-length", "100", "."]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_wheel_and_a_bundle(folder: Path) -> None:
    said = spindle_udf(folder, "package", "--output", "out")
    bundle = read_bundle((folder / "out/tank_volume-0.1.0.zip").read_bytes())
    assert (bundle.name, bundle.version, bundle.origin) == ("tank_volume", "0.1.0", "wheel")
    assert list(bundle.wheels) == ["tank_volume-0.1.0-py3-none-any.whl"]
    wheel = (folder / "out/tank_volume-0.1.0-py3-none-any.whl").read_bytes()
    assert bundle.wheels["tank_volume-0.1.0-py3-none-any.whl"] == wheel
    assert "with tank_volume-0.1.0-py3-none-any.whl" in said
    assert not (folder / "build").exists()


def test_dependencies_are_locked_in(simple: Path) -> None:
    change(simple / "pyproject.toml", "dependencies = []", 'dependencies = ["simpleeval>=1"]')
    said = spindle_udf(simple, "package", code=2)
    assert "simpleeval>=1, which is not there" in said
    spindle_udf(simple, "package", "--with-dependencies")
    bundle = read_bundle((simple / "dist/tank_volume-0.1.0.zip").read_bytes())
    lines = bundle.requirements.splitlines()
    assert len(lines) == 2
    assert all("--hash=sha256:" in line for line in lines)
    assert lines[0].startswith("simpleeval==")


class TestWhatFails:
    def test_a_broken_promise(self, simple: Path) -> None:
        change(
            simple / "tank_volume.py",
            "return level * area",
            "return CALLS.append(level) or 1.0 * len(CALLS)",
        )
        change(simple / "tank_volume.py", "@function", "CALLS: list[float] = []\n\n\n@function")
        said = spindle_udf(simple, "test", code=1)
        assert "The same input gives the same output. Not so: output 'volume'" in said

    def test_an_exception_with_its_line(self, simple: Path) -> None:
        change(simple / "tank_volume.py", "return level * area", "return level / (area - 1)")
        said = spindle_udf(simple, "test", code=1)
        assert "ZeroDivisionError" in said
        assert "return level / (area - 1)" in said
        said = spindle_udf(simple, "run", "--replay", "data/recorded.csv", code=1)
        assert "line 14: ZeroDivisionError" in said
        assert "There were 1 faults." in said

    def test_let_through_for_a_debugger(self, simple: Path) -> None:
        change(simple / "tank_volume.py", "return level * area", "return level / (area - 1)")
        said = spindle_udf(
            simple, "run", "--replay", "data/recorded.csv", "--stop-on-fault", code=1
        )
        assert said.strip().splitlines()[-1].startswith("ZeroDivisionError")

    def test_its_own_tests(self, simple: Path) -> None:
        change(simple / "tests/test_tank_volume.py", "[2.0, 5.0, None]", "[2.0, 6.0, None]")
        assert "The tests failed." in spindle_udf(simple, "test", code=1)
        assert "6.0" in spindle_udf(simple, "test", "--quiet", code=1)

    def test_a_file_that_does_not_load(self, simple: Path) -> None:
        change(simple / "tank_volume.py", "from udf import function", "import nothing_like_this")
        said = spindle_udf(simple, "test", code=1)
        assert "No module named 'nothing_like_this'" in said
        assert "cannot be loaded" in said

    def test_nothing_to_check(self, simple: Path) -> None:
        (simple / "data/recorded.csv").unlink()
        (simple / "tests/test_tank_volume.py").unlink()
        said = spindle_udf(simple, "test", code=1)
        assert "no promise was checked" in said
        assert "There are no tests" in said


class TestRefused:
    def test_a_name(self, tmp_path: Path) -> None:
        assert "lower-case letters" in spindle_udf(tmp_path, "new", "Tank Volume", code=2)
        spindle_udf(tmp_path, "new", "tank")
        assert "exists already" in spindle_udf(tmp_path, "new", "tank", code=2)

    def test_a_folder_without_a_function(self, tmp_path: Path) -> None:
        assert "no pyproject.toml" in spindle_udf(tmp_path, "test", code=2)
        (tmp_path / "pyproject.toml").write_text("[project]\n")
        assert "declares 0 functions" in spindle_udf(tmp_path, "test", code=2)

    def test_another_name_or_version_than_its_class(self, simple: Path) -> None:
        change(simple / "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
        assert "has the version 0.2.0, its class 0.1.0" in spindle_udf(simple, "package", code=2)
        change(simple / "pyproject.toml", "tank_volume =", "tank =")
        assert "calls it 'tank'" in spindle_udf(simple, "test", code=2)

    def test_bad_recorded_values(self, simple: Path) -> None:
        with (simple / "data/recorded.csv").open("a") as file:
            file.write("2026-03-01T06:01:00Z,high,\n2026-03-01T06:00:00Z,1,\n")
        said = spindle_udf(
            simple, "run", "--replay", "data/recorded.csv", "--output", "o.csv", code=2
        )
        assert "Line 8, column 'level': 'high' is not a finite number" in said
        assert "Line 9, column 'time'" in said

    def test_parameters(self, simple: Path) -> None:
        run = ("run", "--replay", "data/recorded.csv", "--parameters")
        (simple / "p.json").write_text('{"area": 2}')
        assert "6 rows in" in spindle_udf(simple, *run, "p.json", "area=3")
        assert "area" in spindle_udf(simple, *run, "area=wide", code=1)
        assert "not a file of parameters" in spindle_udf(simple, *run, "q.json", code=2)

    def test_a_single_file_has_no_wheel(self, simple: Path) -> None:
        assert "6 rows in" in spindle_udf(
            simple, "run", "tank_volume.py", "--replay", "data/recorded.csv"
        )
        assert "has no wheel" in spindle_udf(simple, "package", "tank_volume.py", code=2)

    def test_a_package_that_does_not_build(self, simple: Path) -> None:
        change(simple / "pyproject.toml", 'version = "0.1.0"', 'version = "first"')
        assert "pip wheel failed" in spindle_udf(simple, "package", code=2)

    def test_an_unknown_command(self, tmp_path: Path) -> None:
        assert "invalid choice" in spindle_udf(tmp_path, "deploy", code=2)
