"""What holds a function on this system and on lesser ones, and that only this is claimed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from schemas.config.functions import LimitsConfig
from tests.fixtures.packages import source_of
from tests.integration.udf.conftest import Start
from udf.faults import FunctionFault
from udf.process.bundle import source_bundle
from udf.process.environment import Environment
from udf.process.parent import FunctionProcess

ROOT = Path(__file__).parents[3]
LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
ALL = {"memory", "network", "files", "processes"}


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    bundle = tmp_path / "misdeeds.bundle"
    bundle.write_bytes(
        source_bundle(source_of("misdeeds"), "misdeeds", "1.2.0", "misdeeds", "misdeeds")
    )
    script = "tests.integration.udf.on_a_system"
    return [sys.executable, "-m", script, str(bundle), str(tmp_path / "environments")]


def _contained(command: list[str], *without: str) -> set[str]:
    done = subprocess.run(
        [*command, *without], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[0].split())


def test_everything_is_contained_here(start: Start, doubling: Environment) -> None:
    contained = set(start(doubling).contained)
    if contained != ALL:
        pytest.skip(f"this system does not contain {', '.join(ALL - contained)}")
    assert contained == ALL


def test_without_landlock_files_are_not_claimed(command: list[str]) -> None:
    if _contained(command) != ALL:
        pytest.skip("this system lacks something anyway")
    assert _contained(command, *LANDLOCK) == ALL - {"files"}


def test_without_seccomp_only_memory_is_claimed(command: list[str]) -> None:
    assert _contained(command, "seccomp") <= {"memory"}


def test_what_it_started_where_it_can_ends_with_it(command: list[str]) -> None:
    """Without seccomp a function can fork; the child is in its process group."""
    done = subprocess.run(
        [*command, "seccomp", "--deed=leaves_child"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "ended itself with code 3" in done.stdout
    folder = command[-1]
    left = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(folder in word for word in process.info["cmdline"] or ())
    ]
    assert left == []


def test_where_clone3_cannot_be_told_from_clone_nothing_breaks(command: list[str]) -> None:
    """As in containers with an older profile, where unshare is refused as well."""
    if _contained(command) != ALL:
        pytest.skip("this system lacks something anyway")
    assert _contained(command, "clone3", "unshare", "setns") == ALL


def test_it_ends_with_its_parent_also_in_a_loop_of_c(command: list[str]) -> None:
    parent = subprocess.Popen(
        [*command, "--deed=loop_in_c"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    assert parent.stdout is not None
    with parent.stdout:
        parent.stdout.readline()
        child = psutil.Process(int(parent.stdout.readline()))
        while child.cpu_times().user < 1.0:  # it loads in half a second, then it loops
            assert parent.poll() is None
            time.sleep(0.02)
        parent.kill()
        parent.wait()
        child.wait(10) if child.is_running() else None
    assert not psutil.pid_exists(child.pid)


def test_nothing_is_left_open_after_a_start_that_failed(tmp_path: Path) -> None:
    """The fixture `start` checks it for functions; here no process can be started at all."""
    (tmp_path / "empty").mkdir()
    lost = Environment(
        tmp_path, tmp_path / "no-python", (tmp_path / "src",), "f", "f", "1.0.0", "0" * 64
    )
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FunctionFault, match="no process can be started"):
        FunctionProcess(lost, LimitsConfig())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
