"""The tutorial's blocks really run, in order, in one folder; what they print is what it shows.

`python file=NAME` is written to that file, other `python` runs as a program, `console` has commands
behind `$`, and `output` is what the program before it printed. `...` stands for anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs/udf"
_BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Reader:
    """Somebody who follows a page."""

    folder: Path
    printed: str | None = None
    done: list[str] = field(default_factory=list)

    def follow(self, language: str, file: str, body: str) -> None:
        self.done.append(language)
        if file:
            assert self.folder.joinpath(file).parent.is_dir(), f"there is no folder for {file}"
            self.folder.joinpath(file).write_text(body)
        elif language == "python":
            self.printed = self._run([sys.executable, "-c", body])
        elif language == "output":
            assert self.printed is not None, "nothing ran before this output"
            _compare(self.printed, body)
            self.printed = None
        elif language == "console":
            for command, wanted in _commands(body):
                self._type(command, wanted)
        else:
            pytest.fail(f"a block of {language} does not run")

    def _type(self, command: str, wanted: str) -> None:
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ")
            assert self.folder.is_dir()
            return
        words = command.split()
        if words[0] == "spindle-udf":
            words[:1] = [sys.executable, "-m", "udf.tool.app"]
        _compare(self._run(words), wanted)

    def _run(self, words: list[str]) -> str:
        environment = {**os.environ, "PYTHONPATH": str(DOCS.parents[1]), "PYTHONSAFEPATH": ""}
        done = subprocess.run(
            words, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _commands(body: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, wanted = part.partition("\n")
        yield command, wanted


def _compare(printed: str, wanted: str) -> None:
    pattern = ".*".join(re.escape(part) for part in wanted.strip().split("..."))
    assert re.fullmatch(pattern, printed.strip()), f"printed:\n{printed}\nshown:\n{wanted}"


def test_the_tutorial_runs_as_it_is_written(tmp_path: Path) -> None:
    blocks = _BLOCK.findall((DOCS / "tutorial.md").read_text())
    reader = Reader(tmp_path)
    for language, file, body in blocks:
        reader.follow(language, file, body)
    assert len(blocks) == (DOCS / "tutorial.md").read_text().count("\n```") / 2
    assert reader.done.count("output") >= 3
    assert (reader.folder / "dist/tank_volume-0.3.0.zip").is_file()


def test_the_example_of_the_reference_runs(tmp_path: Path) -> None:
    blocks = _BLOCK.findall((DOCS / "sdk.md").read_text())
    programs = [block for block in blocks if block[0] in ("python", "output")]
    reader = Reader(tmp_path)
    for language, file, body in programs:
        reader.follow(language, file, body)
    assert reader.done.count("output") >= 1


def test_what_differs_is_told() -> None:
    _compare("sha256 123\n", "sha256 ...\n")
    with pytest.raises(AssertionError, match="shown"):
        _compare("1 row", "2 rows")
