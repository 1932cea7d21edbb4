"""The files of a new function."""

from __future__ import annotations

from pathlib import Path
from string import Template

from schemas.errors import ConfigError
from schemas.functions import NAME

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "$project"
version = "0.1.0"
description = "A function for Spindle"
requires-python = ">=3.11"
dependencies = [] # the gateway has numpy and Spindle's SDK; other libraries go here

[project.entry-points."spindle.functions"]
$name = "$name:$symbol"

[tool.setuptools]
py-modules = ["$name"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""
_SIMPLE = '''\
"""$title."""

from __future__ import annotations

from udf import function


@function(version="0.1.0", output="volume", unit="m3")
def $name(level: float, *, area: float = 1.0) -> float:
    """Volume in a tank with straight walls, from its level.

    level is in m, area in m2.
    """
    return level * area
'''
_CLASS = '''\
"""$title."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from udf import Batch, Column, Context, Function, Input, Output, Parameters


class ${symbol}Parameters(Parameters):
    """Settings that whoever deploys the function fills in."""

    area: Annotated[float, Field(title="Area (m2)", gt=0)] = 1.0
    """Of the tank, seen from above."""


class $symbol(Function[${symbol}Parameters]):
    """Volume in a tank with straight walls, and how much flowed in since the start."""

    name, version = "$name", "0.1.0"
    Params = ${symbol}Parameters
    inputs = (Input("level", unit="m"),)
    outputs = (Output("volume", unit="m3"), Output("inflow", unit="m3"))

    def setup(self, ctx: Context) -> None:
        self.state = {"last": None, "inflow": 0.0}

    def process(self, batch: Batch, ctx: Context) -> dict[str, Column]:
        level = batch["level"]
        rows = np.flatnonzero(level.usable)
        volume = level.values[rows] * ctx.params.area
        before = self.state["last"]
        if len(rows):
            first = volume[0] if before is None else before
            steps = np.maximum(np.diff(volume, prepend=first), 0.0)
            inflow = np.cumsum(np.concatenate([[self.state["inflow"]], steps]))[1:]
            self.state = {"last": float(volume[-1]), "inflow": float(inflow[-1])}
        else:
            inflow = volume
        quality = level.qualities()[rows]
        return {
            "volume": Column(volume, quality, batch.times[rows]),
            "inflow": Column(inflow, quality, batch.times[rows]),
        }
'''
_TEST_SIMPLE = '''\
"""What $name promises, and what it calculates."""

from __future__ import annotations

from pathlib import Path

from udf.testing import check, run

from $name import $symbol

DATA = Path(__file__).parents[1] / "data"


def test_volume() -> None:
    outcome = run($symbol, {"level": [1.0, 2.5, None]}, parameters={"area": 2.0})
    assert outcome.values("volume") == [2.0, 5.0, None]


def test_promises() -> None:
    assert check($symbol, DATA / "recorded.csv").rows == 6
'''
_TEST_CLASS = _TEST_SIMPLE.replace(
    "[2.0, 5.0, None]", '[2.0, 5.0]\n    assert outcome.values("inflow") == [0.0, 3.0]'
)
_DATA = """\
time,level,level.quality
2026-03-01T06:00:00Z,1.0,
2026-03-01T06:00:10Z,1.5,
2026-03-01T06:00:20Z,,0
2026-03-01T06:00:30Z,1.25,64
2026-03-01T06:00:40Z,2.0,
2026-03-01T06:00:50Z,2.0,
"""
_README = """\
# $title

    spindle-udf test                              promises on data/*.csv, then tests/
    spindle-udf run --replay data/recorded.csv    on recorded values, in your debugger
    spindle-udf package                           a wheel and a bundle for the hub, in dist/

`data/recorded.csv` is made up: replace it by the plant's own values (hub, Functions, Record).
Raise the version in both `pyproject.toml` and `$name.py` with every change that goes to the plant.
"""


def make(name: str, parent: Path, *, simple: bool) -> Path:
    """Write the folder of a new function. Raises ConfigError for a name that is bad or taken."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a function.",
            hint="Use lower-case letters, digits and underscores, like tank_volume.",
        )
    folder = parent / name
    if folder.exists():
        raise ConfigError(f"{folder} exists already.", hint="Choose another name, or delete it.")
    symbol = name if simple else "".join(part.capitalize() for part in name.split("_"))
    words = {
        "name": name,
        "symbol": symbol,
        "project": name.replace("_", "-").rstrip("-"),
        "title": name.replace("_", " ").strip().capitalize(),
    }
    files = {
        "pyproject.toml": _PYPROJECT,
        f"{name}.py": _SIMPLE if simple else _CLASS,
        f"tests/test_{name}.py": _TEST_SIMPLE if simple else _TEST_CLASS,
        "data/recorded.csv": _DATA,
        "README.md": _README,
    }
    for file, text in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), encoding="utf-8")
    return folder
