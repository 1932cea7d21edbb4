"""Which line of a traceback is the function's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from udf.base import Function
from udf.faults import fault_of, home_of, is_own


def caught(source: str, file: str) -> BaseException:
    try:
        exec(compile(source, file, "exec"), {"json": json})
    except BaseException as error:
        return error
    raise AssertionError("it did not fail")


def test_the_innermost_line_of_its_own_file() -> None:
    source = "def inner():\n    json.loads('{')\n\ninner()\n"
    fault = fault_of(caught(source, "/env/src/level.py"), home="/env/src/level.py")
    assert (fault.line, fault.file, fault.kind) == (2, "level.py", "exception")
    assert fault.message.startswith("JSONDecodeError")


def test_a_folder_called_udf_is_nothing_special() -> None:
    file = "/plant/udf/src/level.py"
    assert fault_of(caught("1 / 0", file), home=file).line == 1
    assert fault_of(caught("1 / 0", file)).line == 1


def test_a_text_that_it_parsed_is_not_its_own_line() -> None:
    file = "/env/src/level.py"
    fault = fault_of(caught("x = 1\n\ncompile('1\\n2\\n3 3', '<text>', 'exec')\n", file), home=file)
    assert fault.line == 3


def test_its_own_wrong_syntax_is() -> None:
    file = "/env/src/level.py"
    assert fault_of(caught("x = 1\n\ny = = 2\n", file), "start", file).line == 3


def test_want_of_memory_is_a_kind_of_its_own_and_frees_what_was_held() -> None:
    held: list[object] = []

    class Large:
        def __del__(self) -> None:
            held.append(self)

    def fill() -> None:
        large = Large()
        raise MemoryError(str(large)[:0])

    with pytest.raises(MemoryError) as caught_error:
        fill()
    assert not held
    assert fault_of(caught_error.value, home=__file__).kind == "memory"
    assert held


@pytest.mark.parametrize(
    ("file", "home", "own"),
    [
        ("/a/f.py", "/a/f.py", True),
        ("/a/f.py", "/a/", True),
        ("/a/f.pyx", "/a/f.py", False),
        ("/ab/f.py", "/a/", False),
        ("<frozen importlib._bootstrap>", "", False),
        (str(Path(sys.modules["udf.engine"].__file__ or "")), "", False),
        ("/a/f.py", "", True),
    ],
)
def test_own(file: str, home: str, own: bool) -> None:
    assert is_own(file, home) is own


def test_home_of_a_file_and_of_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    class Level(Function):  # type: ignore[type-arg]
        pass

    assert home_of(Level) == __file__
    package = ModuleType("plant")
    package.__path__, package.__file__ = ["/env/plant"], "/env/plant/__init__.py"
    monkeypatch.setitem(sys.modules, "plant", package)
    Level.__module__ = "plant.deep.level"
    assert home_of(Level) == "/env/plant/"
    Level.__module__ = "nowhere"
    assert home_of(Level) == ""
