"""Environments on disk: whole or not there, without internet, and for this system."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from tests.fixtures.packages import level_trend_bundle, level_trend_wheels, source_of, wheel
from udf.process.bundle import sha256, source_bundle, wheel_bundle
from udf.process.environment import prepare

SOURCE = source_bundle(source_of("doubling"), "doubling", "1.0.0", "doubling", "doubling:Doubling")


def test_a_source_is_a_file_as_it_was_written(tmp_path: Path) -> None:
    environment = prepare(SOURCE, tmp_path)
    assert environment.folder == tmp_path / sha256(SOURCE)
    found = environment.folder / "src" / "doubling.py"
    assert found.read_text() == source_of("doubling")
    assert environment.home == str(found)
    assert list(tmp_path.iterdir()) == [environment.folder]


def test_wheels_are_installed_with_what_they_need(tmp_path: Path) -> None:
    environment = prepare(level_trend_bundle(), tmp_path)
    (site,) = environment.paths
    assert (site / "level_trend" / "trend.py").exists()
    assert (site / "small_library.py").exists()
    assert environment.home == f"{site}/level_trend/"
    assert environment.python.is_relative_to(environment.folder)
    assert list(tmp_path.iterdir()) == [environment.folder]


def test_the_second_time_nothing_is_made(tmp_path: Path) -> None:
    first = prepare(SOURCE, tmp_path)
    before = (first.folder / "environment.json").stat().st_mtime_ns
    assert prepare(SOURCE, tmp_path) == first
    assert (first.folder / "environment.json").stat().st_mtime_ns == before


def test_two_at_once_make_one(tmp_path: Path) -> None:
    found, errors = [], []

    def make() -> None:
        try:
            found.append(prepare(SOURCE, tmp_path))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(set(found)) == 1
    assert list(tmp_path.iterdir()) == [found[0].folder]


def test_what_a_crash_left_half_made_is_not_taken_and_goes(tmp_path: Path) -> None:
    half, digest = tmp_path / ".0123456789ab-half", sha256(SOURCE)
    half.mkdir()
    os.utime(half, (0, 0))
    (tmp_path / digest).mkdir()
    (tmp_path / digest / "src").mkdir()
    environment = prepare(SOURCE, tmp_path)
    assert (environment.folder / "src" / "doubling.py").exists()
    assert list(tmp_path.iterdir()) == [environment.folder]


def test_another_python_makes_it_anew(tmp_path: Path) -> None:
    environment = prepare(SOURCE, tmp_path)
    mark = environment.folder / "environment.json"
    mark.write_text(json.dumps({"python": "2.7", "executable": "/usr/bin/python"}))
    shutil.rmtree(environment.folder / "src")
    assert prepare(SOURCE, tmp_path) == environment
    assert (environment.folder / "src" / "doubling.py").exists()
    assert list(tmp_path.iterdir()) == [environment.folder]


def test_a_wheel_of_another_system_is_refused_in_words(tmp_path: Path) -> None:
    wheels = level_trend_wheels()
    files = {"small_library.py": ""}
    name, data = wheel("small_library", "1.0.3", files, tag="cp39-cp39-win_amd64")
    del wheels["small_library-1.0.3-py3-none-any.whl"]
    bundle = wheel_bundle({**wheels, name: data})
    with pytest.raises(ConfigError, match=r"win_amd64\.whl is not for this gateway") as caught:
        prepare(bundle, tmp_path)
    assert "spindle-udf package" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_wheel_that_pip_refuses_leaves_nothing(tmp_path: Path) -> None:
    name, data = wheel("odd", "1.0.0", {"odd.py": ""}, entry="odd=odd:Odd")
    data = data.replace(b"Root-Is-Purelib", b"Root-Is-Purelob")
    bundle = wheel_bundle({name.replace("odd-1.0.0", "other-1.0.0"): data})
    with pytest.raises(ConfigError, match="could not be installed"):
        prepare(bundle, tmp_path)
    assert not list(tmp_path.iterdir())
