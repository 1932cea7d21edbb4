"""`spindle-udf test`: the promises on each recording, then the author's own tests."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

from udf.testing import PROMISES, check
from udf.tool.project import Project


def test(project: Project, *, quiet: bool) -> int:
    """Says what holds and what does not. Returns the exit code. Raises SpindleError."""
    kind = project.kind
    _say(f"{kind.name} {kind.version}")
    for data in project.data:
        checked = check(kind, data, project.parameters(data))
        _say(f"  {data.name}: {checked.rows} rows in, {checked.values} values out")
    if project.data:
        for promise in PROMISES:
            _say(f"  kept: {promise}")
    else:
        _say("  There are no recorded values in data/*.csv, so no promise was checked.")
    if project.tests is None:
        _say("  There are no tests in tests/test_*.py.")
        return 0 if project.data else 1
    if find_spec("pytest") is None:
        _say("  There are tests, and no pytest to run them: `pip install pytest`.")
        return 1
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--no-header", str(project.tests)],
        cwd=project.folder,
        capture_output=quiet,
        text=True,
        check=False,
    )
    if quiet and done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
    _say("  The tests passed." if done.returncode == 0 else "  The tests failed.")
    return 0 if done.returncode == 0 else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
