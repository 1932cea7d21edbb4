"""`spindle-udf package`: the wheel of a function, and a bundle of it with what it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConfigError
from udf.process.bundle import read_bundle, sha256, wheel_bundle
from udf.tool.project import Project

_LEFT_OUT = shutil.ignore_patterns(
    "build", "dist", "data", "*.egg-info", "__pycache__", ".*", "venv"
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the author asked for."""

    output: Path
    with_dependencies: bool = False
    platforms: tuple[str, ...] = ()
    """Of the gateway, as pip calls them, where it is another than this computer's."""
    isolated: bool = True


def package(project: Project, wishes: Wishes) -> Path:
    """Write the wheel and `<name>-<version>.zip`, the bundle; returns the bundle's path.

    Raises ConfigError with pip's own words where the wheel cannot be built.
    """
    if not project.packaged:
        raise ConfigError(
            "A single file has no wheel.",
            hint="Paste it into the hub's editor, or make a folder with `spindle-udf new`.",
        )
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder)
        source = built / "source"  # a copy, so that no old `build` gets in and none stays behind
        shutil.copytree(project.folder, source, ignore=_LEFT_OUT)
        options = [] if wishes.isolated else ["--no-build-isolation"]
        _pip("wheel", "--no-deps", *options, "--wheel-dir", folder, str(source))
        own = next(built.glob("*.whl"))
        _check_version(project, own)
        if wishes.with_dependencies:
            platforms = [word for name in wishes.platforms for word in ("--platform", name)]
            _pip("download", "--only-binary", ":all:", *platforms, "--dest", folder, str(own))
        wheels = {file.name: file.read_bytes() for file in built.glob("*.whl")}
        bundle = wheel_bundle(wheels)
        output = wishes.output
        output.mkdir(parents=True, exist_ok=True)
        (output / own.name).write_bytes(wheels[own.name])
    kind = project.kind
    path = output / f"{kind.name}-{kind.version}.zip"
    path.write_bytes(bundle)
    found = read_bundle(bundle)
    named = f"{kind.name} {kind.version} is packaged:"
    sys.stdout.write(f"{named}\n  {_near(output / own.name)}\n  {_near(path)}\n")
    for wheel in found.wheels:
        sys.stdout.write(f"    with {wheel}\n")
    sys.stdout.write(f"  sha256 {sha256(bundle)}\n")
    return path


def _near(path: Path) -> Path:
    """As one would type it from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _check_version(project: Project, wheel: Path) -> None:
    version = wheel.name.split("-")[1]
    if version != project.kind.version:
        raise ConfigError(
            f"pyproject.toml has the version {version}, its class {project.kind.version}.",
            hint="Both must be the same.",
        )


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise ConfigError(
            f"pip {arguments[0]} failed:\n" + "\n".join(f"  {line}" for line in lines[-8:]),
            hint="Correct pyproject.toml. Building needs the package index, unless the build's "
            "own packages are installed and --no-build-isolation is given.",
        )
