"""A bundle: one version of a function as a zip, from the hub's editor (source) or from wheels.

`spindle.json` says what it is. A source has its file in `src/`; wheels are in `wheels/`, and
`requirements.txt` pins each by its SHA-256. The same content always gives the same bytes: nothing
in it is compressed, and all files are of 1980.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import ConfigError
from schemas.functions import NAME, VERSION
from udf.process.wheel import NO_ZIP, Wheel, missing, read_wheel

FORMAT = 1
MAX_BUNDLE_BYTES = 256 * 1024**2
MAX_SOURCE_BYTES = 1024**2
_MAX_FILES = 300
_PLACES = re.compile(
    r"spindle\.json|requirements\.txt|src/[A-Za-z_][A-Za-z0-9_]{0,63}\.py|wheels/[\w.+!-]{1,200}\.whl"
)
_PIN = re.compile(r"[\w.-]+==[\w.+!-]+ --hash=sha256:[0-9a-f]{64}", re.ASCII)
_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is in a bundle."""

    name: str
    version: str
    entry: str
    """`module:Class`, or `module` for the one function that it has."""
    origin: str
    """source or wheel."""
    source: str = ""
    wheels: Mapping[str, bytes] = field(default_factory=dict)
    """By file name."""
    requirements: str = ""

    @property
    def module(self) -> str:
        return self.entry.partition(":")[0]


def sha256(data: bytes) -> str:
    """What a manifest calls a bundle by: 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def source_bundle(source: str, name: str, version: str, module: str, entry: str) -> bytes:
    """The bundle of one file `<module>.py`. `name` and `version` are empty while they are not
    known (to check a source); `entry` without a class is the one function in the file.

    Raises ConfigError.
    """
    content = source.encode()
    if len(content) > MAX_SOURCE_BYTES:
        raise ConfigError(
            f"The source has {len(content):,} bytes, more than {MAX_SOURCE_BYTES:,}.",
            hint="Move data out of the source, into parameters or a wheel.",
        )
    if entry.partition(":")[0] != module:
        raise ConfigError(f"The entry {entry!r} is not in the module {module!r}.")
    head = {"name": name, "version": version, "entry": entry, "origin": "source"}
    return _written(head, {f"src/{module}.py": content})


def wheel_bundle(wheels: Mapping[str, bytes]) -> bytes:
    """The bundle of wheels, by file name: the package with the function, and what it needs.

    Exactly one function must be declared, as entry point of the group `spindle.functions`; its name
    is the function's, the wheel's version the function's version. What the runtime has (numpy,
    pydantic, msgpack, Spindle itself) is left out. Raises ConfigError.
    """
    found = {name: read_wheel(name, data) for name, data in sorted(wheels.items())}
    own, name, entry = _function_in(list(found.values()))
    if not VERSION.fullmatch(own.version):
        raise ConfigError(
            f"{own.file} has the version {own.version}, which is not major.minor.patch.",
            hint='Give the package a version like "1.2.0", the same as the class has.',
        )
    needed = missing(own, list(found.values()))
    kept = {wheel.file: wheels[wheel.file] for wheel in needed}
    lines = [
        f"{wheel.project}=={wheel.version} --hash=sha256:{sha256(kept[wheel.file])}\n"
        for wheel in sorted(needed, key=lambda wheel: wheel.project)
    ]
    head = {"name": name, "version": own.version, "entry": entry, "origin": "wheel"}
    files = {f"wheels/{file}": data for file, data in kept.items()}
    data = _written(head, {"requirements.txt": "".join(lines).encode(), **files})
    read_bundle(data)  # names of files and versions are the wheels' own words
    return data


def read_bundle(data: bytes) -> Bundle:
    """What is in it; nothing is executed. Raises ConfigError for what is not a whole bundle."""
    files = _files(data)
    try:
        head = _head(files.pop("spindle.json", b""))
        requirements = files.pop("requirements.txt", b"").decode("ascii")
        source = files.pop(f"src/{head['entry'].partition(':')[0]}.py", b"").decode()
    except ValueError as error:
        raise _broken(f"has a file that cannot be read: {error}") from error
    wheels = {name.removeprefix("wheels/"): content for name, content in files.items()}
    if any(name.startswith("src/") for name in files):
        raise _broken("has a source that is not its entry's")
    if (head["origin"] == "wheel") != bool(wheels) or (head["origin"] == "source") != bool(source):
        raise _broken(f"says {head['origin']!r}, and its files are others")
    _check_pins(requirements, wheels)
    return Bundle(**head, source=source, wheels=wheels, requirements=requirements)


# --- the zip ------------------------------------------------------------------------------------
def _written(head: Mapping[str, str], files: Mapping[str, bytes]) -> bytes:
    if not _valid(head):
        named = f"{head['name']!r} {head['version']!r} ({head['entry']!r})"
        raise ConfigError(
            f"The function {named} is not named well.",
            hint="A name is like level_trend, a version like 1.2.0, an entry like module:Class.",
        )
    text = json.dumps({"format": FORMAT, **head}, sort_keys=True, indent=1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {"spindle.json": text.encode(), **dict(sorted(files.items()))}.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, content)
    if buffer.tell() > MAX_BUNDLE_BYTES:
        raise ConfigError(
            f"The bundle has {buffer.tell() >> 20} MB, more than {MAX_BUNDLE_BYTES >> 20}.",
            hint="Leave out libraries that the function does not need.",
        )
    return buffer.getvalue()


def _files(data: bytes) -> dict[str, bytes]:
    if len(data) > MAX_BUNDLE_BYTES:
        raise _broken(f"has {len(data) >> 20} MB, more than {MAX_BUNDLE_BYTES >> 20}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check_places(infos)
            return {info.filename: archive.read(info) for info in infos}
    except NO_ZIP as error:
        raise _broken(f"is not a whole zip file: {error}") from error


def _check_places(infos: list[zipfile.ZipInfo]) -> None:
    if len(infos) > _MAX_FILES or len({info.filename for info in infos}) != len(infos):
        raise _broken("has too many files, or two of one name")
    for info in infos:
        if not _PLACES.fullmatch(info.filename):
            raise _broken(f"has a file that does not belong there: {info.filename[:100]!r}")
        # nothing is compressed, so nothing can grow: what is in it is never more than the zip
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise _broken(f"has a compressed file: {info.filename!r}")
    if sum(info.file_size for info in infos) > MAX_BUNDLE_BYTES:  # parts that overlap
        raise _broken(f"unpacks to more than {MAX_BUNDLE_BYTES >> 20} MB")


# --- what is in it ------------------------------------------------------------------------------
def _head(data: bytes) -> dict[str, str]:
    found: Any = json.loads(data or b"{}")
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise _broken(f"has no spindle.json of format {FORMAT}")
    head = {key: found.get(key) for key in ("name", "version", "entry", "origin")}
    if not _valid(head):
        raise _broken("has a spindle.json with a wrong name, version or entry")
    return {key: str(value) for key, value in head.items()}


def _valid(head: Mapping[str, Any]) -> bool:
    """A source that is only checked has no name and version yet."""
    name, version, entry, origin = (head[key] for key in ("name", "version", "entry", "origin"))
    if not all(isinstance(text, str) and len(text) < 300 for text in head.values()):
        return False
    open_ = origin == "source" and not name and not version
    named = open_ or (NAME.fullmatch(name) and VERSION.fullmatch(version))
    return bool(named and _ENTRY.fullmatch(entry)) and origin in ("source", "wheel")


def _check_pins(requirements: str, wheels: Mapping[str, bytes]) -> None:
    """Each line pins one of the wheels by its hash, and each wheel has one."""
    pins = [line for line in requirements.splitlines() if line.strip()]
    for line in pins:
        if not _PIN.fullmatch(line):
            raise _broken(f"has a requirement without version and hash: {line[:100]!r}")
    pinned = sorted(line.rpartition("sha256:")[2] for line in pins)
    if pinned != sorted(sha256(content) for content in wheels.values()):
        raise _broken("has wheels that are not those of its requirements.txt")


def _function_in(wheels: list[Wheel]) -> tuple[Wheel, str, str]:
    found = [(wheel, name, entry) for wheel in wheels for name, entry in wheel.functions.items()]
    if len(found) != 1:
        names = ", ".join(name for _, name, _ in found) or "none"
        raise ConfigError(
            f"One function belongs in a bundle, and these wheels declare {names}.",
            hint='Declare it in pyproject.toml: [project.entry-points."spindle.functions"] '
            'level_trend = "level_trend:LevelTrend".',
        )
    return found[0]


def _broken(reason: str) -> ConfigError:
    return ConfigError(
        f"The bundle {reason}.",
        hint="Make it with `spindle-udf package`, or upload the wheel itself.",
    )
