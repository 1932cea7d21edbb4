"""Environments of the sample functions, made once; and a check that nothing is left behind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from schemas.config.functions import LimitsConfig
from tests.fixtures.packages import level_trend_bundle, prepared
from udf.process.environment import Environment, prepare
from udf.process.parent import FunctionProcess

Start = Callable[..., FunctionProcess]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="spindle-functions-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def misdeeds(folder: Path) -> Environment:
    return prepared("misdeeds", "1.2.0", folder)


@pytest.fixture(scope="session")
def doubling(folder: Path) -> Environment:
    return prepared("doubling", "1.0.0", folder)


@pytest.fixture(scope="session")
def level_trend(folder: Path) -> Environment:
    return prepare(level_trend_bundle(), folder)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a function's process; all are closed, and none of them nor a descriptor is left."""
    descriptors, processes = _descriptors(), _children()
    started: list[FunctionProcess] = []

    def made(environment: Environment, **limits: float) -> FunctionProcess:
        started.append(FunctionProcess(environment, LimitsConfig(**limits)))  # type: ignore[arg-type]
        return started[-1]

    yield made
    for process in started:
        process.close()
    assert _children() == processes
    assert _descriptors() == descriptors


def _descriptors() -> list[str]:
    own = Path("/proc/self/fd")
    found = {name.name: _target(name) for name in own.iterdir()}
    return sorted(f"{name} {target}" for name, target in found.items() if "/fd" not in target)


def _target(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return "/fd: of this listing"


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}
