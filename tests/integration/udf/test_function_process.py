"""A function that behaves, in a process of its own: the same as in this one."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.functions import Bindings, TagInfo
from schemas.kinds import Kind
from tests.fixtures.packages import lines_of, source_of, wheel
from tests.integration.udf.batches import SECOND, bindings, rows
from tests.integration.udf.conftest import Start
from udf.base import Batch, Column
from udf.execution import InProcess
from udf.faults import FunctionFault
from udf.process.bundle import source_bundle, wheel_bundle
from udf.process.environment import Environment, prepare

TIMES = np.arange(1, 5, dtype=np.int64) * SECOND
QUALITY = np.array([192, 192, 0, 64], dtype=np.uint8)


def all_kinds() -> tuple[Batch, Bindings]:
    levels = np.arange(12.0).reshape(4, 3)
    words = np.array(["", "größer", "a\nb", "🏭"], dtype=object)
    columns = {
        "x": Column(np.array([1.0, np.inf, np.nan, 4.0]), QUALITY),
        "count": Column(np.array([1, -(2**63), 2**63 - 1, 0])),
        "on": Column(np.array([True, False, True, True])),
        "word": Column(words),
        "levels": Column(np.asfortranarray(levels), np.full((4, 3), 192, np.uint8)),
    }
    tags = tuple(TagInfo(number, f"L{number}") for number in range(3))
    names = ("x", "count", "on", "word")
    return Batch(TIMES, columns), Bindings(
        {**{name: (TagInfo(9, name),) for name in names}, "levels": tags}, {"levels": tags}
    )


def test_every_kind_of_column_comes_back_as_from_this_process(
    start: Start, doubling: Environment
) -> None:
    namespace: dict[str, Any] = {"__name__": "here"}
    exec(source_of("doubling"), namespace)
    here, there = InProcess(namespace["Doubling"]), start(doubling)
    batch, bound = all_kinds()
    for executor in (here, there):
        executor.open(1, {}, bound, None)
    for _ in range(2):
        expected, found = here.process(1, batch), there.process(1, batch)
        assert list(found.columns) == list(expected.columns)
        for name, column in expected.columns.items():
            got = found.columns[name]
            assert got.values.dtype == column.values.dtype
            np.testing.assert_array_equal(got.values, column.values)
            np.testing.assert_array_equal(got.times, column.times)
            np.testing.assert_array_equal(got.qualities(), column.qualities())
    assert there.spec.inputs == here.spec.inputs
    assert there.spec.parameters == here.spec.parameters


def test_what_it_prints_is_its_log(start: Start, doubling: Environment) -> None:
    process = start(doubling)
    process.open(1, {}, bindings("x", "twice"), None)
    (line,) = process.process(1, rows(1.0)).log
    assert (line.level, line.message, line.time_ns) == ("info", "rows 5", 5 * SECOND)


def test_an_empty_batch_is_one(start: Start, doubling: Environment) -> None:
    process = start(doubling)
    process.open(1, {}, bindings("x", "twice"), None)
    assert process.process(1, rows(1.0, count=0)).columns == {}


def test_state_goes_on_in_another_process(start: Start, doubling: Environment) -> None:
    first, second = start(doubling), start(doubling)
    first.open(1, {}, bindings("x", "twice rows"), None)
    first.process(1, rows(1.0))
    state = first.snapshot(1)
    first.close()
    second.open(1, {}, bindings("x", "twice rows"), state)
    assert second.process(1, rows(1.0)).columns["rows"].values.tolist() == [10]


def test_uses_are_told_apart_and_dropped(start: Start, doubling: Environment) -> None:
    process = start(doubling)
    for key in (1, 2):
        process.open(key, {}, bindings("x", "twice rows"), None)
    process.process(1, rows(1.0))
    assert process.process(2, rows(1.0)).columns["rows"].values.tolist() == [5]
    process.drop(1)
    with pytest.raises(FunctionFault):
        process.process(1, rows(1.0))
    assert process.process(2, rows(1.0)).columns["rows"].values.tolist() == [10]


def test_wrong_parameters_are_a_fault_of_the_use_only(start: Start, doubling: Environment) -> None:
    process = start(doubling)
    with pytest.raises(FunctionFault) as caught:
        process.open(1, {"unknown": 5}, bindings(), None)
    assert caught.value.fault.kind == "start"
    assert "unknown" in caught.value.fault.message
    assert process.alive


def test_a_state_of_something_else_is_a_fault(start: Start, doubling: Environment) -> None:
    process = start(doubling)
    with pytest.raises(FunctionFault) as caught:
        process.open(1, {}, bindings(), b"\xc1nonsense")
    assert caught.value.fault.kind == "start"


def test_cpu_and_memory_are_those_of_its_process(start: Start, doubling: Environment) -> None:
    process = start(doubling)
    assert process.cpu_s > 0
    assert 10_000_000 < process.memory_bytes < 200_000_000
    before = process.cpu_s
    process.close()
    assert process.memory_bytes == 0
    assert process.cpu_s >= before


def test_a_thousand_tags_and_a_large_batch(start: Start, doubling: Environment) -> None:
    process = start(doubling, batch_s=30)
    tags = tuple(TagInfo(number, f"L{number}") for number in range(1000))
    bound = Bindings({"x": (TagInfo(1, "x"),), "levels": tags}, {"levels": tags})
    process.open(1, {}, bound, None)
    values = np.random.default_rng(1).normal(size=(2000, 1000))
    times = np.arange(2000, dtype=np.int64)
    batch = Batch(times, {"x": Column(values[:, 0]), "levels": Column(values)})
    np.testing.assert_array_equal(process.process(1, batch).columns["levels"].values, values)
    small = batch.cut(0, 5)  # the arena shrinks, and is used again
    np.testing.assert_array_equal(process.process(1, small).columns["levels"].values, values[:5])


def test_it_outlives_the_thread_that_started_it(start: Start, doubling: Environment) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(start(doubling)))
    thread.start()
    thread.join()
    (process,) = found
    process.open(1, {}, bindings("x", "twice"), None)
    assert process.process(1, rows(2.0)).columns["twice"].values.tolist() == [4.0] * 5


def test_close_ends_a_batch_in_another_thread(start: Start, misdeeds: Environment) -> None:
    process = start(misdeeds, batch_s=60)
    process.open(1, {"deed": "sleep"}, bindings(), None)
    faults: list[BaseException] = []

    def work() -> None:
        try:
            process.process(1, rows(1.0))
        except FunctionFault as error:
            faults.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not process._turn.locked():
        time.sleep(0.001)
    began = time.monotonic()
    process.close()
    thread.join()
    assert time.monotonic() - began < 10
    assert len(faults) == 1
    process.close()  # once more is nothing


# --- what cannot be started ---------------------------------------------------------------------
def _loaded(source: str, start: Start, folder: Path, entry: str = "f") -> FunctionFault:
    environment = prepare(source_bundle(source, "f", "1.0.0", "f", entry), folder)
    with pytest.raises(FunctionFault) as caught:
        start(environment)
    assert caught.value.fault.kind == "start"
    assert caught.value.fault.function == "f"
    return caught.value


GOOD = "from udf import Function\n\nclass F(Function):\n    name, version = 'f', '1.0.0'\n"


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("import udf\n\ndef f(:\n", 3, "SyntaxError"),
        ("x = 1\nimport nothing_like_it\n", 2, "nothing_like_it"),
        ("x = 1\nimport nicegui\n", 2, "nicegui"),
        ("import hub.app\n", 1, "No module named 'hub'"),
        ("x = 1\n\n1 / 0\n", 3, "ZeroDivisionError"),
        ("raise SystemExit(3)\n", 1, "SystemExit"),
        ("import os\nos._exit(4)\n", 0, "ended itself with code 4"),
        ("import ctypes\nctypes.string_at(0)\n", 2, "SIGSEGV"),
        ("x = 1\ny = bytearray(10**10)\n", 2, "MemoryError"),
        ("x = 1\n", 0, "this one has none"),
        (GOOD + "class G(Function):\n    name = 'g'\n", 0, "this one has f, g"),
        (GOOD.replace("1.0.0", "1.1.0"), 0, "the class says version 1.1.0, and its package 1.0.0"),
        (GOOD.replace("'f'", "'g'"), 0, "the class says 'g', and its package 'f'"),
        (GOOD + "    inputs = 5\n", 0, "TypeError"),
    ],
)
def test_a_start_that_fails_names_the_line(
    source: str, line: int, words: str, start: Start, folder: Path
) -> None:
    fault = _loaded(source, start, folder).fault
    assert words in fault.message
    assert fault.line == line


def test_an_entry_that_is_no_function(start: Start, folder: Path) -> None:
    error = _loaded("F = 5\n", start, folder, "f:F")
    assert "F in f is not a Function" in error.fault.message


def test_a_start_that_hangs_is_ended(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udf.process.parent.START_S", 2.0)
    fault = _loaded("x = 1\nwhile True:\n    pass\n", start, folder).fault
    assert fault.line in (2, 3)
    assert "longer than 2 s" in fault.message


def test_a_source_without_a_name_says_its_own(start: Start, folder: Path) -> None:
    """What the editor's check does."""
    process = start(prepare(source_bundle(GOOD, "", "", "draft", "draft"), folder))
    assert (process.spec.name, process.spec.version) == ("f", "1.0.0")


def test_the_simple_form(start: Start, folder: Path) -> None:
    source = (
        "from udf import function\n\n"
        "@function(version='1.0.0')\ndef f(x: float, *, by: float = 2.0) -> float:\n"
        "    return 1 / x * by\n"
    )
    process = start(prepare(source_bundle(source, "f", "1.0.0", "f", "f"), folder))
    assert process.spec.inputs[0].kind is Kind.FLOAT
    process.open(1, {"by": 8.0}, bindings("x", "value"), None)
    assert process.process(1, rows(2.0)).columns["value"].values.tolist() == [4.0] * 5
    with pytest.raises(FunctionFault) as caught:
        process.process(1, rows(0.0))
    assert caught.value.fault.line == 5


# --- wheels -------------------------------------------------------------------------------------
def test_a_package_of_wheels_works(start: Start, level_trend: Environment) -> None:
    process = start(level_trend)
    assert (process.spec.name, process.spec.version) == ("level_trend", "1.2.0")
    process.open(1, {}, bindings("level", "slope"), None)
    with pytest.raises(FunctionFault, match="shape"):  # one row fewer; its library was found
        process.process(1, rows(1.0, "level"))


def test_a_fault_in_a_library_has_the_line_of_the_package(start: Start, folder: Path) -> None:
    package = (
        "from udf import Function, Input, Output\nfrom odd.deep import deeper\n\n"
        "class Odd(Function):\n    name, version = 'odd', '1.0.0'\n"
        "    inputs, outputs = (Input('x'),), (Output('y'),)\n"
        "    def process(self, batch, ctx):\n        return deeper()\n"
    )
    deep = "import small_library\n\ndef deeper():\n    return small_library.fail()  # <- here\n"
    wheels = dict(
        [
            wheel(
                "odd",
                "1.0.0",
                {"odd/__init__.py": package, "odd/deep.py": deep},
                entry="odd=odd:Odd",
                requires=("small-library",),
            ),
            wheel("small_library", "1.0.0", {"small_library.py": "def fail():\n    1 / 0\n"}),
        ]
    )
    process = start(prepare(wheel_bundle(wheels), folder))
    process.open(1, {}, bindings(), None)
    with pytest.raises(FunctionFault) as caught:
        process.process(1, rows(1.0))
    assert caught.value.fault.line in lines_of(deep, "here")
    assert caught.value.fault.file == "deep.py"


def test_a_package_cannot_bring_its_own_sdk(start: Start, folder: Path) -> None:
    files = {"udf/__init__.py": "1 / 0\n", "mine.py": GOOD.replace("'f'", "'mine'")}
    name, data = wheel("mine", "1.0.0", files, entry="mine=mine:F")
    assert start(prepare(wheel_bundle({name: data}), folder)).spec.name == "mine"
