"""The spool: what was read survives the process that read it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from schemas.frames import Frame
from spoke.publish.spool import Spool
from tests.unit.golden.test_golden import same_frame


def frame(number: float) -> Frame:
    ids, times = np.array([1, 2], dtype=np.int32), np.array([int(number)])
    return Frame(ids, times, np.array([[number, -number]]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "w0"


@pytest.fixture
def written(folder: Path) -> Path:
    """One segment with three frames, of a run that is over."""
    spool = Spool(folder, "w0-run1")
    for number in (1, 2, 3):
        spool.append(17, frame(number))
    spool.close()
    (path,) = folder.glob("*.seg")
    return path


def left(folder: Path) -> list[Frame]:
    spool = Spool(folder, "w0-run9")
    found = [item for leftover in spool.leftovers() for item in leftover.frames]
    spool.close()
    return found


def test_what_an_earlier_run_read_is_found(folder: Path, written: Path) -> None:
    spool = Spool(folder, "w0-run2")
    (leftover,) = spool.leftovers()
    assert (leftover.producer, leftover.number, leftover.after) == ("w0-run1", 17, 0)
    for found, number in zip(leftover.frames, (1, 2, 3), strict=True):
        same_frame(found, frame(number))
    assert spool.waiting_bytes() == written.stat().st_size
    assert written.stat().st_mode & 0o777 == 0o600
    spool.release("w0-run1", 17)
    assert not written.exists()
    assert spool.waiting_bytes() == 0
    spool.close()


def test_a_torn_record_at_any_byte_leaves_the_ones_before(folder: Path, written: Path) -> None:
    whole = written.read_bytes()
    each = len(whole) // 3
    for length in range(len(whole)):
        written.write_bytes(whole[:length])
        assert len(left(folder)) == length // each


def test_a_flipped_bit_in_any_byte_is_never_a_value(folder: Path, written: Path) -> None:
    whole = written.read_bytes()
    each = len(whole) // 3
    for position in range(len(whole)):
        flipped = bytes((whole[position] ^ 0x10,))
        written.write_bytes(whole[:position] + flipped + whole[position + 1 :])
        found = left(folder)
        assert len(found) == position // each
        for item, number in zip(found, (1, 2, 3), strict=False):
            same_frame(item, frame(number))


def test_leftovers_come_in_the_order_of_runs_and_numbers(folder: Path) -> None:
    for run, born in (("w0-zz", 100), ("w0-aa", 200)):
        spool = Spool(folder, run)
        for number in (9, 10, 11, 100):
            spool.append(number, frame(number))
            spool.seal()
        spool.close()
        for path in folder.glob(f"{run}*.seg"):
            os.utime(path, (born, born))  # a clock that stands still
    spool = Spool(folder, "w0-new")
    found = [(item.producer, item.number) for item in spool.leftovers()]
    assert found == [(run, number) for run in ("w0-zz", "w0-aa") for number in (9, 10, 11, 100)]
    spool.close()


def test_a_segment_names_what_was_stored_before_it(folder: Path) -> None:
    spool = Spool(folder, "w0-run1")
    spool.append(1, frame(1))
    spool.seal()
    spool.release("w0-run1", 1, sequence=77)
    spool.append(2, frame(2))
    spool.close()
    later = Spool(folder, "w0-run2")
    assert [item.after for item in later.leftovers()] == [77]
    later.close()


def test_its_own_batches_are_no_leftovers(folder: Path) -> None:
    spool = Spool(folder, "w0-run1")
    spool.append(1, frame(1))
    assert spool.leftovers() == []
    spool.close()


def test_strange_files_are_left_alone(folder: Path, written: Path) -> None:
    for name in ("notes.seg", "w0-run1-x@1.seg", "w0.seg", "lock2"):
        (folder / name).write_bytes(b"?")
    assert len(left(folder)) == 3


def test_only_one_process_owns_a_folder_and_a_dead_one_lets_go(folder: Path) -> None:
    code = (
        "import sys, pathlib; from spoke.publish.spool import Spool\n"
        "print(Spool(pathlib.Path(sys.argv[1]), 'x').lock(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"True"
        spool = Spool(folder, "w0-run1")
        adopter = Spool(folder.parent / "w9", "w9-run1")
        assert not spool.lock()
        assert not adopter.adopt(folder)
        other.kill()
        other.wait()
        assert spool.lock()
        spool.close()
        adopter.close()


def test_the_segments_of_a_worker_that_is_no_more_are_adopted(folder: Path, written: Path) -> None:
    adopter = Spool(folder.parent / "w5", "w5-run1")
    assert adopter.adopt(folder)
    assert not folder.exists()
    (leftover,) = adopter.leftovers()
    assert (leftover.producer, leftover.number, len(leftover.frames)) == ("w0-run1", 17, 3)
    adopter.release("w0-run1", 17)
    assert list(adopter._folder.glob("*.seg")) == []
    adopter.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tiny", mount])
    if made.returncode:
        pytest.skip("only root can mount a tiny disk")
    yield mount
    subprocess.run(["umount", mount], check=True)


def test_a_full_disk_tears_no_record(tiny: Path) -> None:
    spool = Spool(tiny / "w0", "w0-run1")
    count = 0
    with suppress(OSError):
        while count < 10_000:
            spool.append(1, frame(count + 1))
            count += 1
    assert 100 < count < 10_000
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            spool.append(1, frame(5))
    subprocess.run(["mount", "-o", "remount,size=128k", tiny], check=True)
    spool.append(1, frame(99))
    spool.close()
    found = left(tiny / "w0")
    assert [item.values[0, 0] for item in found] == [*range(1, count + 1), 99]
