"""`spindle-udf`: functions at their author's desk.

    spindle-udf new NAME [--simple]       a folder with a function, its test and recorded values
    spindle-udf test [PATH]               its promises on data/*.csv, then its tests
    spindle-udf run [PATH] --replay CSV   on recorded values, in this process, for a debugger
    spindle-udf package [PATH]            a wheel, and a bundle for the hub, in dist/

PATH is the folder of a function or its file; without it, here. The exit code is 0 when all is well,
1 when the function fails, and 2 when what was asked for cannot be done.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import ConfigErrors, SpindleError
from udf.faults import FunctionFault
from udf.testing import BrokenPromiseError
from udf.tool import running, template, trial
from udf.tool.packaging import Wishes, package
from udf.tool.project import Project, load

FAILED, REFUSED = 1, 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    chosen = _parser().parse_args(arguments)
    sys.exit(_code(chosen))


def _code(chosen: argparse.Namespace) -> int:
    try:
        return _done(chosen)
    except (BrokenPromiseError, FunctionFault) as error:
        cause = error.__cause__ if isinstance(error, BrokenPromiseError) else error
        if isinstance(cause, FunctionFault):
            sys.stderr.write(cause.fault.traceback)
        _tell(error)
        return FAILED
    except SpindleError as error:
        _tell(error)
        return REFUSED


def _done(chosen: argparse.Namespace) -> int:
    if chosen.command == "new":
        folder = template.make(chosen.name, Path.cwd(), simple=chosen.simple)
        sys.stdout.write(f"{chosen.name} is made. Go on:\n  cd {folder.name}\n  spindle-udf test\n")
        return 0
    project = _loaded(chosen.path)
    if project is None:
        return FAILED
    if chosen.command == "test":
        return trial.test(project, quiet=chosen.quiet)
    if chosen.command == "run":
        return running.run(
            project,
            chosen.replay,
            running.parameters_of(chosen.parameters),
            chosen.output,
            stop_on_fault=chosen.stop_on_fault,
        )
    wishes = Wishes(
        chosen.output or project.folder / "dist",
        chosen.with_dependencies,
        tuple(chosen.platform),
        isolated=not chosen.no_build_isolation,
    )
    package(project, wishes)
    return 0


def _loaded(path: Path) -> Project | None:
    """None where the author's own code does not load; its traceback is then shown."""
    try:
        return load(path)
    except SpindleError:
        raise
    except Exception as error:  # noqa: BLE001 - it is the author's code
        traceback.print_exception(error)
        sys.stderr.write("spindle-udf: The function cannot be loaded; see the last line above.\n")
        return None


def _tell(error: SpindleError) -> None:
    problems = error.problems if isinstance(error, ConfigErrors) else (error,)
    for problem in problems:
        hint = f"\n  {problem.hint}" if problem.hint else ""
        sys.stderr.write(f"spindle-udf: {problem.message}{hint}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spindle-udf", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="make the folder of a function")
    new.add_argument("name", help="lower-case letters, digits, underscores")
    new.add_argument("--simple", action="store_true", help="a plain function instead of a class")
    for name, words in (
        ("test", "check the promises and run the tests"),
        ("run", "run on recorded values"),
        ("package", "make a wheel and a bundle"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("path", nargs="?", type=Path, default=Path(), help="folder or file")
        if name == "test":
            command.add_argument(
                "--quiet", action="store_true", help="nothing of pytest but faults"
            )
        if name == "run":
            _add_run(command)
        if name == "package":
            _add_package(command)
    return parser


def _add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("--replay", type=Path, required=True, help="CSV of recorded values")
    command.add_argument(
        "--parameters", nargs="+", default=[], metavar="P", help="a JSON file, or key=value"
    )
    command.add_argument("--output", type=Path, help="CSV for the outputs")
    command.add_argument(
        "--stop-on-fault", action="store_true", help="let the function's exception through"
    )


def _add_package(command: argparse.ArgumentParser) -> None:
    command.add_argument("--output", type=Path, help="folder, dist/ by default")
    command.add_argument(
        "--with-dependencies", action="store_true", help="lock and pack what it needs, as wheels"
    )
    command.add_argument(
        "--platform",
        action="append",
        default=[],
        help="the gateway's, where it is not this one, like manylinux_2_28_x86_64; repeatable",
    )
    command.add_argument(
        "--no-build-isolation", action="store_true", help="build with the packages installed here"
    )


if __name__ == "__main__":
    main()
