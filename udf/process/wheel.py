"""What a wheel says of itself: project, version, functions, what it needs; read, never executed."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from configparser import ConfigParser
from configparser import Error as ParserError
from dataclasses import dataclass, field
from email.parser import BytesParser
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from schemas.errors import ConfigError

GROUP = "spindle.functions"
"""Entry points of a package: `name = "module:Class"`."""
PROVIDED = frozenset({"numpy", "pydantic", "msgpack", "spindle"})
"""What the gateway's runtime has; a package never brings its own."""
MAX_UNPACKED_BYTES = 1024**3
_MAX_FILES = 50_000
_MAX_TEXT_BYTES = 1024**2
NO_ZIP = zipfile.BadZipFile, struct.error, ValueError, RuntimeError, EOFError, OSError
"""What zipfile raises for bytes that are no whole zip; NotImplementedError is a RuntimeError."""
_LINUX = {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"}
"""Gateways are; a wheel may be packed on another system."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel's own words."""

    file: str
    project: str
    """Normalised: lower case with dashes."""
    version: str
    functions: dict[str, str] = field(default_factory=dict)
    """Entry points of the group `spindle.functions`: `module:Class` by name."""
    requires: tuple[str, ...] = ()


def read_wheel(name: str, data: bytes) -> Wheel:
    """`name` is the file's. Raises ConfigError for what is no wheel."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check(name, archive.infolist())
            folder = _info_folder(name, archive.namelist())
            metadata = BytesParser().parsebytes(_text(archive, f"{folder}/METADATA"))
            points = _text(archive, f"{folder}/entry_points.txt", needed=False).decode()
    except (*NO_ZIP, KeyError, zlib.error) as error:
        raise _broken(name, f"cannot be read: {error}") from error
    project, version = str(metadata["Name"] or ""), str(metadata["Version"] or "")
    if not project or not version:
        raise _broken(name, "does not say its name and version")
    requires = tuple(str(text) for text in metadata.get_all("Requires-Dist", ()))
    return Wheel(name, canonicalize_name(project), version, _functions(name, points), requires)


def missing(own: Wheel, wheels: Sequence[Wheel]) -> list[Wheel]:
    """The wheels that `own` needs, itself first, without those of the runtime.

    Raises ConfigError when one is not there or has another version than is asked for.
    """
    there = {wheel.project: wheel for wheel in wheels}
    needed, waiting = {own.project: own}, [own]
    while waiting:
        wheel = waiting.pop()
        for requirement in _requirements(wheel):
            project = canonicalize_name(requirement.name)
            if project in PROVIDED:
                _check_provided(wheel, requirement)
            elif project not in needed:
                found = _suitable(wheel, requirement, there.get(project))
                needed[project] = found
                waiting.append(found)
    return list(needed.values())


def _suitable(wheel: Wheel, requirement: Requirement, found: Wheel | None) -> Wheel:
    if found is None or not requirement.specifier.contains(found.version, prereleases=True):
        there = "is not there" if found is None else f"is there as {found.version} only"
        raise ConfigError(
            f"{wheel.file} needs {requirement.name}{requirement.specifier}, which {there}.",
            hint="A gateway has no internet: upload a bundle of all wheels, made by "
            "`spindle-udf package`.",
        )
    return found


def _check_provided(wheel: Wheel, requirement: Requirement) -> None:
    try:
        version = installed(requirement.name)
    except PackageNotFoundError:
        return
    if not requirement.specifier.contains(version, prereleases=True):
        raise ConfigError(
            f"{wheel.file} needs {requirement.name}{requirement.specifier}, and the gateway's "
            f"runtime has {version}.",
            hint=f"Allow {requirement.name} {version} in the package's dependencies; functions "
            "always use the runtime's.",
        )


def _requirements(wheel: Wheel) -> list[Requirement]:
    """Those that hold on a gateway, without extras."""
    try:
        found = [Requirement(text) for text in wheel.requires]
    except InvalidRequirement as error:
        raise _broken(wheel.file, f"has a wrong requirement: {error}") from error
    return [
        item
        for item in found
        if item.marker is None or item.marker.evaluate({**_LINUX, "extra": ""})
    ]


def _functions(name: str, points: str) -> dict[str, str]:
    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(points)
    except ParserError as error:
        raise _broken(name, f"has wrong entry points: {error}") from error
    return dict(parser.items(GROUP)) if parser.has_section(GROUP) else {}


def _check(name: str, infos: Sequence[zipfile.ZipInfo]) -> None:
    if len(infos) > _MAX_FILES or sum(info.file_size for info in infos) > MAX_UNPACKED_BYTES:
        raise _broken(name, f"unpacks to more than {MAX_UNPACKED_BYTES >> 20} MB or too many files")
    for info in infos:
        path = PurePosixPath(info.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
            raise _broken(name, f"has a file outside of itself: {info.filename[:100]!r}")


def _info_folder(name: str, names: Sequence[str]) -> str:
    found = {path.partition("/")[0] for path in names if path.endswith(".dist-info/METADATA")}
    if len(found) != 1 or not name.endswith(".whl"):
        raise _broken(name, "has no folder .dist-info")
    return found.pop()


def _text(archive: zipfile.ZipFile, path: str, *, needed: bool = True) -> bytes:
    if not needed and path not in archive.namelist():
        return b""
    with archive.open(path) as file:
        return file.read(_MAX_TEXT_BYTES)


def _broken(name: str, reason: str) -> ConfigError:
    return ConfigError(
        f"The wheel {name[:100]} {reason}.",
        hint="Build it with `spindle-udf package` or `python -m build --wheel`.",
    )
