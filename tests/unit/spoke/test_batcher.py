"""The batcher: by age, by size, and scans of one column as one frame."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import FrameError
from schemas.frames import Batch, Frame
from spoke.publish.batcher import Batcher
from spoke.publish.spool import Spool
from tests.unit.spoke.fakes import FakeClock

ONE, OTHER = np.array([1, 2], dtype=np.int32), np.array([1, 2], dtype=np.int32)


def scan(ids: Any = ONE, time: int = 1, wire: str = "<f4", source: bool = False) -> Frame:
    times = np.array([time])
    sources = np.array([[time, time]]) if source else None
    return Frame(ids, times, np.zeros((1, len(ids)), dtype=wire), None, sources)


class Rig:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.closed: list[Batch] = []
        self.spool = Spool(folder, "w0-run1")
        self.batcher = Batcher(
            "w0-run1", self.spool, self.closed.append, self.clock, max_age_s=0.25, max_bytes=1000
        )


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "w0")


def test_a_batch_closes_by_age_of_its_first_frame(rig: Rig) -> None:
    assert rig.batcher.due_in_s == 0.25
    rig.batcher.add(scan())
    rig.clock.now += 0.2
    rig.batcher.add(scan(time=2))
    assert rig.batcher.due_in_s == pytest.approx(0.05)
    rig.batcher.close_due()
    assert rig.closed == []
    rig.clock.now += 0.06
    rig.batcher.close_due()
    (batch,) = rig.closed
    assert (batch.producer, batch.number, batch.size) == ("w0-run1", 1, 4)
    assert batch.created_ns == rig.clock.time_ns()
    rig.batcher.close_due()
    rig.batcher.close()
    assert len(rig.closed) == 1


def test_a_batch_closes_by_size_and_numbers_are_contiguous(rig: Rig) -> None:
    for time in range(500):
        rig.batcher.add(scan(time=time))
    rig.batcher.close()
    assert len(rig.closed) >= 8
    assert [batch.number for batch in rig.closed] == list(range(1, len(rig.closed) + 1))
    times = [t for batch in rig.closed for t in batch.frames[0].times.tolist()]
    assert times == list(range(500))
    assert all(batch.frames[0].nbytes <= 1000 + 16 for batch in rig.closed)
    names = {path.name.partition("@")[0] for path in rig.spool._folder.glob("*.seg")}
    assert names == {f"w0-run1-{batch.number}" for batch in rig.closed}


def test_scans_of_a_column_become_one_frame_events_stay_alone(rig: Rig) -> None:
    for time in (1, 2, 3):
        rig.batcher.add(scan(ONE, time))
        rig.batcher.add(scan(OTHER, time))
        rig.batcher.add(scan(ONE, time, "<f8"))
        rig.batcher.add(scan(ONE, time, source=True))
    rig.batcher.close()
    shapes = [(frame.wire, frame.times.tolist()) for frame in rig.closed[0].frames]
    whole = [1, 2, 3]
    assert shapes[:3] == [("<f4", whole), ("<f4", whole), ("<f8", whole)]
    assert shapes[3:] == [("<f4", [1]), ("<f4", [2]), ("<f4", [3])]
    assert rig.closed[0].frames[0].tag_ids is ONE
    assert rig.closed[0].frames[1].tag_ids is OTHER


def test_an_empty_frame_opens_no_batch(rig: Rig) -> None:
    rig.batcher.add(Frame(ONE[:0], np.array([1]), np.zeros((1, 0))))
    rig.batcher.close()
    assert rig.closed == []
    assert list(rig.spool._folder.glob("*.seg")) == []


def test_a_frame_that_nobody_could_read_is_the_drivers_error(rig: Rig) -> None:
    with pytest.raises(FrameError):
        rig.batcher.add(Frame(ONE, np.array([1]), np.zeros((1, 3))))
    rig.batcher.close()
    assert rig.closed == []


def test_a_full_disk_takes_the_protection_not_the_values(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "spoke")

    def full(_number: int, _frame: Frame) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(rig.spool, "append", full)
        for time in (1, 2, 3):
            rig.batcher.add(scan(time=time))
    rig.batcher.add(scan(time=4))
    rig.batcher.close()
    assert rig.closed[0].frames[0].times.tolist() == [1, 2, 3, 4]
    actions = [record.action for record in caplog.records]  # type: ignore[attr-defined]
    assert actions == ["spool.full", "spool.resume"]
