"""An author's function in its folder: which one it is, its data, its tests."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from schemas.errors import ConfigError
from udf.base import Function
from udf.process.wheel import GROUP


@dataclass(frozen=True, slots=True)
class Project:
    """A function and where it is."""

    folder: Path
    kind: type[Function[Any]]
    packaged: bool
    """There is a pyproject.toml; without one it is a single file."""

    @property
    def data(self) -> list[Path]:
        """Recorded values."""
        return sorted((self.folder / "data").glob("*.csv"))

    @property
    def tests(self) -> Path | None:
        folder = self.folder / "tests"
        return folder if any(folder.glob("test_*.py")) else None

    def parameters(self, data: Path) -> dict[str, Any]:
        """`recorded.json` beside `recorded.csv`; defaults without it. Raises ConfigError."""
        beside = data.with_suffix(".json")
        return read_parameters(beside) if beside.exists() else {}


def load(path: Path) -> Project:
    """The project of a folder with a pyproject.toml, or of a file. What the author's own code
    raises while it is loaded comes through. Raises ConfigError."""
    path = path.resolve()
    if path.is_file() and path.suffix == ".py":
        return Project(path.parent, _only(_module_of(path)), packaged=False)
    if not (path / "pyproject.toml").is_file():
        raise ConfigError(
            f"There is no pyproject.toml in {path}.",
            hint="Give the folder of a function (`spindle-udf new` makes one), or its file.",
        )
    name, entry = _entry(path / "pyproject.toml")
    module_name, _, attribute = entry.partition(":")
    folders = [path / "src", path] if (path / "src").is_dir() else [path]
    sys.path[:0] = [str(folder) for folder in folders]
    importlib.invalidate_caches()
    module = importlib.import_module(module_name)
    if not Path(str(module.__file__)).is_relative_to(path):
        raise ConfigError(
            f"The module {module_name!r} is {module.__file__}, not the one in {path}.",
            hint="Another module has this name: rename yours, here and in pyproject.toml.",
        )
    kind = getattr(module, attribute, None) if attribute else _only(module)
    if not (isinstance(kind, type) and issubclass(kind, Function)):
        raise ConfigError(
            f"{entry} is not a function.", hint="Name a subclass of Function, or one of @function."
        )
    if kind.name != name:
        raise ConfigError(
            f"pyproject.toml calls it {name!r}, and its class says name = {kind.name!r}.",
            hint="Both must be the same.",
        )
    return Project(path, kind, packaged=True)


def read_parameters(path: Path) -> dict[str, Any]:
    """A JSON map. Raises ConfigError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} is not a file of parameters: {error}.", hint='Write a map: {"area": 2.0}.'
        ) from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} is not a map.", hint='Write {"area": 2.0}.')
    return found


def _entry(file: Path) -> tuple[str, str]:
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.", hint="Correct it.") from error
    found = project.get("entry-points", {}).get(GROUP, {})
    if len(found) != 1:
        raise ConfigError(
            f"{file} declares {len(found)} functions; one belongs in a package.",
            hint=f'[project.entry-points."{GROUP}"] level_trend = "level_trend:LevelTrend"',
        )
    name, entry = next(iter(found.items()))
    return str(name), str(entry)


def _module_of(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file.", hint="Give a file that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _only(module: ModuleType) -> type[Function[Any]]:
    """The one function that a module defines."""
    found = [
        item
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, Function)
        and item.__module__ == module.__name__
        and hasattr(item, "name")
    ]
    if len(found) != 1:
        names = ", ".join(item.__name__ for item in found) or "none"
        raise ConfigError(
            f"{module.__name__} defines {len(found)} functions: {names}.",
            hint="One belongs in a file: a subclass of Function with a name, or @function.",
        )
    return found[0]
