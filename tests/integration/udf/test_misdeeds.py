"""Everything a function can do wrong in its process: a fault with its line, and nothing else.

In each test a second function works before and after, and the fixture finds no process and no
descriptor that is left.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from schemas.functions import Fault
from tests.fixtures.packages import lines_of, source_of
from tests.integration.udf.batches import SECOND, bindings, rows
from tests.integration.udf.conftest import Start
from udf.faults import FunctionFault
from udf.process.environment import Environment
from udf.process.parent import FunctionProcess

SOURCE = source_of("misdeeds")
DEADLY = {"overrun", "memory", "crash"}
OVERRUN_S, ROOMY_S = 1.5, 30.0
"""Times per batch: of what shall overrun, and of what shall not on a busy machine."""


@pytest.fixture
def neighbour(start: Start, doubling: Environment) -> FunctionProcess:
    process = start(doubling, batch_s=ROOMY_S)
    process.open(1, {}, bindings("x", "twice rows"), None)
    return process


def fault_in(process: FunctionProcess, deed: str) -> Fault:
    """The fault of one batch; with the words that people read."""
    process.open(7, {"deed": deed}, bindings(), None)
    with pytest.raises(FunctionFault) as caught:
        process.process(7, rows(1.0))
    fault = caught.value.fault
    assert (fault.function, fault.version, fault.tags) == ("misdeeds", "1.2.0", ("out y",))
    assert fault.time_ns == 5 * SECOND
    assert process.alive == (fault.kind not in DEADLY)
    return fault


def works(process: FunctionProcess, key: int = 1) -> bool:
    return process.process(key, rows(2.0)).columns["twice"].values.tolist() == [4.0] * 5


def run(
    deed: str,
    start: Start,
    misdeeds: Environment,
    neighbour: FunctionProcess,
    batch_s: float = ROOMY_S,
) -> Fault:
    """Do it, with a check that the neighbour and, after a fault it survives, the function itself
    work on."""
    assert works(neighbour)
    process = start(misdeeds, batch_s=batch_s)
    fault = fault_in(process, deed)
    assert works(neighbour)
    if process.alive:
        assert process.process(7, rows(-1.0)).columns["y"].values.tolist() == [-1.0] * 5
    else:
        assert not psutil.pid_exists(process.pid)
        with pytest.raises(FunctionFault):
            process.process(7, rows(-1.0))
    return fault


@pytest.mark.parametrize(
    ("deed", "kind", "words"),
    [
        ("loop", "overrun", "longer than 1.5 s"),
        ("loop_in_c", "overrun", "longer than 1.5 s"),
        ("big_power", "overrun", "longer than 1.5 s"),
        ("sleep", "overrun", "longer than 1.5 s"),
        ("catches_all", "overrun", "longer than 1.5 s"),
        ("memory_python", "memory", "MemoryError (it may have 256 MB)"),
        ("memory_numpy", "memory", "Unable to allocate"),
        ("segfault", "crash", "SIGSEGV"),
        ("abort", "crash", "SIGABRT"),
        ("stack", "crash", "SIGSEGV"),
        ("exit", "exception", "SystemExit: 1"),
        ("interrupt", "exception", "KeyboardInterrupt"),
        ("generator_exit", "exception", "GeneratorExit: enough"),
        ("divide", "exception", "ZeroDivisionError: division by zero"),
        ("no_text", "exception", "Mute"),
        ("changes_input", "exception", "read-only"),
        ("unlocks_input", "exception", "WRITEABLE"),
    ],
)
def test_a_fault_names_its_kind_and_line(
    deed: str,
    kind: str,
    words: str,
    start: Start,
    misdeeds: Environment,
    neighbour: FunctionProcess,
) -> None:
    batch_s = OVERRUN_S if kind == "overrun" else ROOMY_S
    fault = run(deed, start, misdeeds, neighbour, batch_s)
    assert fault.kind == kind
    assert words in fault.message
    assert fault.line in lines_of(SOURCE, deed)
    assert fault.file == "misdeeds.py"


@pytest.mark.parametrize(
    ("deed", "kind", "words"),
    [
        ("end", "crash", "ended itself with code 3"),
        ("closes", "crash", "closed its connection"),
        ("no_builtins", "crash", "ended itself"),
        ("huge_length", "crash", "a message of 4,294,967,295 bytes"),
        ("nonsense", "crash", "not one"),
        ("wrong_places", "crash", "not one"),
        ("wrong_size", "crash", "a size of 1099511627776"),
        ("many_lists", "crash", "too many lists"),
        ("shape", "shape", "(3,), and (5,) belong there"),
        ("dtype", "shape", "is float, not <U1"),
        ("other_output", "shape", "'z' is not one of its outputs"),
        ("nothing_like_it", "shape", "returned a int"),
        ("odd_effect", "shape", "an effect cannot be kept"),
        ("odd_write", "shape", "64 bits"),
        ("many_effects", "shape", "its effects have"),
        ("result_large", "shape", "One batch made 137 MB; at most 64"),
    ],
)
def test_a_fault_without_a_line_of_its_own(
    deed: str,
    kind: str,
    words: str,
    start: Start,
    misdeeds: Environment,
    neighbour: FunctionProcess,
) -> None:
    fault = run(deed, start, misdeeds, neighbour)
    assert fault.kind == kind
    assert words in fault.message


@pytest.mark.parametrize(
    ("deed", "part"),
    [
        ("socket", "network"),
        ("local_socket", "network"),
        ("read_shadow", "files"),
        ("read_parent", "files"),
        ("list_root", "files"),
        ("write_file", "files"),
        ("write_own", "files"),
        ("change_mode", "files"),
        ("kill_parent", "processes"),
        ("kill_group", "processes"),
        ("shell", "processes"),
        ("execute", "processes"),
        ("fork_bomb", "processes"),
        ("raise_limit", "memory"),
    ],
)
def test_what_is_not_allowed_is_an_exception_in_its_line(
    deed: str, part: str, start: Start, misdeeds: Environment, neighbour: FunctionProcess
) -> None:
    if part not in neighbour.contained:
        pytest.skip(f"this system does not contain {part}: no landlock or no seccomp")
    fault = run(deed, start, misdeeds, neighbour)
    assert fault.kind == "exception"
    assert "PermissionError" in fault.message or "not allowed" in fault.message
    assert fault.line in lines_of(SOURCE, deed)


def test_many_small_pieces_of_memory(
    start: Start, misdeeds: Environment, neighbour: FunctionProcess
) -> None:
    process = start(misdeeds, batch_s=ROOMY_S, memory_mb=32)
    fault = fault_in(process, "memory_small")
    assert fault.kind == "memory"
    # the frame that has no memory for its own trace may be missing; its caller is not
    assert fault.line in lines_of(SOURCE, "memory_small")
    assert works(neighbour)


def test_memory_that_grows_from_batch_to_batch(start: Start, misdeeds: Environment) -> None:
    process = start(misdeeds, batch_s=ROOMY_S)
    process.open(7, {"deed": "keeps"}, bindings(), None)
    process.process(7, rows(1.0))
    with pytest.raises(FunctionFault) as caught:
        _until_fault(process, 20, 1.0)
    assert caught.value.fault.kind == "memory"
    assert caught.value.fault.line in lines_of(SOURCE, "keeps")


def test_a_thread_bomb(start: Start, misdeeds: Environment, neighbour: FunctionProcess) -> None:
    assert works(neighbour)
    fault = fault_in(start(misdeeds, batch_s=OVERRUN_S), "thread_bomb")
    assert fault.kind in ("overrun", "memory", "exception")  # whatever it runs out of first
    assert works(neighbour)


def test_threads_that_stay(start: Start, misdeeds: Environment) -> None:
    process = start(misdeeds, batch_s=ROOMY_S)
    process.open(7, {"deed": "few_threads"}, bindings(), None)
    process.process(7, rows(1.0))
    with pytest.raises(FunctionFault, match=r"10[01] threads") as caught:
        _until_fault(process, 10)
    assert caught.value.fault.kind == "overrun"


def test_cpu_between_batches_counts(start: Start, misdeeds: Environment) -> None:
    process = start(misdeeds, batch_s=ROOMY_S, cpu_percent=5)
    process.open(7, {"deed": "burns_behind"}, bindings(), None)
    process.process(7, rows(1.0))
    with pytest.raises(FunctionFault, match="% of a core over 1") as caught:
        _until_fault(process, 20)
    assert caught.value.fault.kind == "overrun"


def _until_fault(process: FunctionProcess, at_most_s: float, value: float = -1.0) -> None:
    end = time.monotonic() + at_most_s
    while time.monotonic() < end:
        process.process(7, rows(value))
        time.sleep(0.05)  # a scan's pace


def test_a_print_storm_is_bounded(start: Start, misdeeds: Environment) -> None:
    process = start(misdeeds, batch_s=ROOMY_S)
    process.open(7, {"deed": "prints"}, bindings(), None)
    log = process.process(7, rows(1.0)).log
    assert len(log) == 501
    assert log[0].message.startswith("line 0 xxx")
    assert log[-1].message == "99500 more printed lines were left out"
    assert process.process(7, rows(-1.0)).log == ()


def test_who_patches_the_sdk_patches_only_its_own(
    start: Start, misdeeds: Environment, neighbour: FunctionProcess
) -> None:
    process = start(misdeeds)
    process.open(7, {"deed": "other_sdk"}, bindings(), None)
    process.process(7, rows(1.0))
    with pytest.raises(FunctionFault) as caught:
        process.process(7, rows(1.0))
    assert caught.value.fault.kind == "exception"
    assert works(neighbour)


@pytest.mark.parametrize(
    ("deed", "kind", "words"),
    [
        ("state_large", "shape", "Its state has 69 MB; at most 64"),
        ("odd_state", "exception", "cannot be kept in a function's state"),
    ],
)
def test_a_state_that_cannot_be_kept(
    deed: str, kind: str, words: str, start: Start, misdeeds: Environment
) -> None:
    process = start(misdeeds, memory_mb=1024, batch_s=20)
    process.open(7, {"deed": deed}, bindings(), None)
    process.process(7, rows(1.0))
    with pytest.raises(FunctionFault) as caught:
        process.snapshot(7)
    assert caught.value.fault.kind == kind
    assert words in caught.value.fault.message
    assert process.process(7, rows(-1.0)).columns["y"].values.tolist() == [-1.0] * 5


def test_pickles_are_bytes_that_nobody_opens(start: Start, misdeeds: Environment) -> None:
    process = start(misdeeds)
    process.open(7, {"deed": "pickles"}, bindings(), None)
    process.process(7, rows(1.0))
    state = process.snapshot(7)
    process.open(8, {}, bindings(), state)
    assert process.snapshot(8) == state


def test_nothing_of_the_parent_is_in_its_process(start: Start, doubling: Environment) -> None:
    process = start(doubling)
    pid = process.pid
    names = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert not any(name.startswith((b"HOME", b"PATH", b"PYTEST")) for name in names)
    kinds = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    assert sorted(kind.partition(":")[0] for kind in kinds) == [
        "/dev/null",
        "/dev/null",
        "/memfd",
        "/memfd",
        "pipe",
        "pipe",
        "pipe",
    ]
    assert os.getpgid(pid) == pid
