"""First file of a function's process: makes the SDK importable, and nothing else of the gateway.

`python -I -S -B boot.py <arguments as JSON>`. It imports nothing but the standard library, because
nothing else can be found before it has run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class Runtime:
    """Finds a few modules of the gateway's own environment, by the folder each lies in.

    It stands before the package's own folder, so a package cannot bring another SDK, and what it
    did not ask for is not there by chance.
    """

    def __init__(self, roots: Mapping[str, str]) -> None:
        self._roots = roots

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name not in self._roots:
            return None
        return PathFinder.find_spec(name, [self._roots[name]], target)


def main() -> None:
    arguments = json.loads(sys.argv[1])
    sys.argv = ["function"]
    sys.meta_path.insert(0, Runtime(arguments["roots"]))
    from udf.process.child import run

    run(arguments)


if __name__ == "__main__":
    main()
