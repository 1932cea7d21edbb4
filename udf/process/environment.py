"""The environment of a bundle on disk: its file or its wheels, made once, without internet.

Numpy, pydantic, msgpack and the SDK are always those of the running interpreter; a package brings
the rest. Nothing of the package is executed here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from schemas.errors import ConfigError
from udf.process.bundle import Bundle, read_bundle, sha256

RUNTIME = (
    "udf",
    "schemas",
    "numpy",
    "msgpack",
    *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
    *("pint", "flexcache", "flexparser", "platformdirs", "simpleeval"),
    *("pyseccomp", "landlock"),
)
"""What a function can import besides the standard library and its own; also what loads it."""
_HALF_MADE_S = 3600.0
_INSTALL_S = 300.0


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a bundle lies, ready to run."""

    folder: Path
    python: Path
    paths: tuple[Path, ...]
    """Folders of its own modules."""
    entry: str
    name: str
    version: str
    sha256: str

    @property
    def empty(self) -> Path:
        """A folder with nothing in it, to work in."""
        return self.folder / "empty"

    @property
    def home(self) -> str:
        """Its own files, for the line of a fault: a file, or a folder with its slash."""
        top = self.paths[0] / self.entry.partition(":")[0].partition(".")[0]
        return f"{top}/" if top.is_dir() else f"{top}.py"


def prepare(bundle: bytes, folder: Path) -> Environment:
    """The environment in `folder/<sha256>/`, made if it is not there; blocks for seconds then.

    It appears as a whole or not at all, also when two make it at once. Raises ConfigError for a
    bundle that is broken or not for this system.
    """
    content, digest = read_bundle(bundle), sha256(bundle)
    target = folder / digest
    if not _whole(target):
        _check_system(content)
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        _make(content, target)
    wheels = content.origin == "wheel"
    python = target / "venv" / "bin" / "python" if wheels else Path(sys.executable)
    own = _site(target / "venv") if wheels else target / "src"
    return Environment(target, python, (own,), content.entry, content.name, content.version, digest)


def runtime_roots() -> dict[str, str]:
    """The folder in which each module of RUNTIME lies, for those that are installed."""
    roots = {}
    for name in RUNTIME:
        spec = find_spec(name)
        if spec is not None and spec.origin:
            package = spec.submodule_search_locations is not None
            roots[name] = str(Path(spec.origin).parents[1 if package else 0])
    return roots


def readable(environment: Environment) -> list[Path]:
    """Files and folders that the function's process may read: code, and the time zones."""
    found = [environment.folder]
    for name, root in runtime_roots().items():
        # a module's own folder, and the libraries that lie beside it in a wheel (numpy.libs)
        found += [path for path in Path(root).glob(f"{name}*") if path.suffix != ".dist-info"]
    base = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("platstdlib"))
    library = sysconfig.get_config_var("LIBDIR")
    system = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
    zones = ("/usr/share/zoneinfo", "/dev/null", "/dev/urandom")
    found += [*base, *(Path(path) for path in (*system, *zones))]
    if library:
        found += Path(library).glob("lib*.so*")
    return [path for path in dict.fromkeys(found) if path.exists()]


# --- making one ---------------------------------------------------------------------------------
def _make(content: Bundle, target: Path) -> None:
    made = Path(tempfile.mkdtemp(prefix=f".{target.name[:12]}-", dir=target.parent))
    try:
        (made / "empty").mkdir()
        if content.origin == "wheel":
            _install(content, made)
        else:
            (made / "src").mkdir()
            (made / "src" / f"{content.module}.py").write_text(content.source, "utf-8", newline="")
        (made / "environment.json").write_text(json.dumps(_interpreter()))
        _move(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _move(made: Path, target: Path) -> None:
    if target.exists() and not _whole(target):  # of another Python
        target.rename(made / "old")
    try:
        made.rename(target)
    except OSError:
        if not _whole(target):  # else somebody else was faster, with the same
            raise
    shutil.rmtree(target / "old", ignore_errors=True)


def _whole(target: Path) -> bool:
    try:
        return bool(json.loads((target / "environment.json").read_text()) == _interpreter())
    except (OSError, ValueError):
        return False


def _interpreter() -> dict[str, str]:
    """After a change of these an environment is made anew."""
    return {"python": sys.version, "executable": sys.executable}


def _sweep(folder: Path) -> None:
    """What a crash left half made."""
    for path in folder.glob(".*-*"):
        try:
            old = time.time() - path.stat().st_mtime > _HALF_MADE_S
        except OSError:
            continue
        if old and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


# --- wheels -------------------------------------------------------------------------------------
def _install(content: Bundle, made: Path) -> None:
    wheels = made / "wheels"
    wheels.mkdir()
    for name, data in content.wheels.items():
        (wheels / name).write_bytes(data)
    (made / "requirements.txt").write_text(content.requirements)
    venv.EnvBuilder(with_pip=False, symlinks=True).create(made / "venv")
    command = [
        *_pip(),
        *("--isolated", "--disable-pip-version-check", "--no-input", "--no-cache-dir"),
        *("--python", str(made / "venv" / "bin" / "python")),
        *("install", "--quiet", "--no-index", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--find-links", str(wheels)),
        *("-r", str(made / "requirements.txt")),
    ]
    try:
        done = subprocess.run(
            command,
            env={"PIP_CONFIG_FILE": os.devnull},
            cwd=made / "empty",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _not_installed(f"pip took more than {_INSTALL_S:.0f} s") from error
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise _not_installed(" ".join(errors)[:500] or done.stderr[-500:])
    shutil.rmtree(wheels)


def _pip() -> list[str]:
    """Its command: of this interpreter, or of the one that this environment was made from."""
    if find_spec("pip") is not None:
        return [sys.executable, "-I", "-m", "pip"]
    base = Path(sys.base_prefix) / "bin" / "python3"
    if list(Path(sys.base_prefix).glob("lib/python3*/*-packages/pip/__main__.py")):
        return [str(base), "-I", "-m", "pip"]
    raise ConfigError(
        "This gateway has no pip, which installs the wheels of a function.",
        hint="Install pip into the gateway's Python: python -m ensurepip, or apt install "
        "python3-pip. Functions from the editor need none.",
    )


def _site(folder: Path) -> Path:
    names = {"base": str(folder), "platbase": str(folder)}
    return Path(sysconfig.get_path("purelib", "venv", names))


def _check_system(content: Bundle) -> None:
    """Raises ConfigError for a wheel of another Python or another kind of computer."""
    supported = set(sys_tags()) if content.wheels else set()
    for name in content.wheels:
        try:
            tags = parse_wheel_filename(name)[3]
        except InvalidWheelFilename as error:
            raise _not_installed(f"{name} is not a name of a wheel") from error
        if not tags & supported:
            here = f"Python {sys.version_info.major}.{sys.version_info.minor}"
            raise ConfigError(
                f"{name} is not for this gateway, which has {here} on {sysconfig.get_platform()}.",
                hint="Put the wheel for this system into the bundle: spindle-udf package "
                "--platform and --python name the gateway's.",
            )


def _not_installed(reason: str) -> ConfigError:
    return ConfigError(
        f"The package's wheels could not be installed: {reason}.",
        hint="Make the bundle again with `spindle-udf package`, and upload it.",
    )
