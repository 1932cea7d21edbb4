"""Pipeline, schedule, manifest cache, clock, health rates and pipes."""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil
import pytest

from schemas.config.devices import Manifest
from schemas.errors import ConfigErrors, FrameError
from schemas.frames import Frame
from schemas.messages.health import DeviceHealth, StreamHealth
from schemas.quality import Quality
from spoke import manifest as manifests
from spoke.drivers.base import bad_frames, layouts, scan_frame
from spoke.drivers.schedule import Schedule
from spoke.functions.keeper import FunctionKeeper
from spoke.health import ClockWatch, HealthReport
from spoke.pipeline import Pipeline
from spoke.pipes import framed, messages
from spoke.workers import Workers
from tests.unit.spoke.fakes import FakeClock, device


# --- pipeline ---------------------------------------------------------------------------------
def test_scaling_is_per_column_and_what_cannot_be_is_bad() -> None:
    found = device(
        {"data_type": "int16", "scale": 0.5, "offset": 1},
        {"data_type": "int16", "scale": 2},
        {"data_type": "int16"},
        {"data_type": "float64", "scale": 1e308},
    )
    (group,) = layouts(found)
    scaled, plain, huge = group.columns
    assert [len(column.tags) for column in group.columns] == [2, 1, 1]
    pipeline = Pipeline([group])
    values = np.array([10, -3], dtype="<i2")
    frame, _ = pipeline.apply(scan_frame(scaled, values, 5))
    assert (frame.values.tolist(), frame.wire) == ([[6.0, -6.0]], "<f8")
    assert frame.tag_ids is scaled.tag_ids
    untouched = scan_frame(plain, np.array([7], dtype="<i2"), 5)
    assert pipeline.apply(untouched) == (untouched, untouched)
    over, _ = pipeline.apply(scan_frame(huge, np.array([1e9]), 5))
    assert over.quality is not None
    assert over.quality.tolist() == [[Quality.BAD_OUT_OF_RANGE]]


def test_events_are_scaled_by_tag() -> None:
    found = device({"scale": 2}, {"scale": 3, "offset": 1}, {})
    pipeline = Pipeline(layouts(found))
    now = np.array([[1, 2, 3]])
    ids = np.array([2, 1, 2], dtype=np.int32)
    event = Frame(ids, now[0, :1], np.array([[1, 1, 2]], "<f4"), None, now)
    assert pipeline.apply(event)[0].values.tolist() == [[4.0, 2.0, 7.0]]
    assert pipeline.apply(event)[0].source_times is now
    plain = Frame(np.array([3], np.int32), now[0, :1], np.array([[9]], "<f4"), None, now[:, :1])
    assert pipeline.apply(plain)[0] is plain


def test_bad_frames_cover_every_tag_of_a_group_once() -> None:
    kinds = ("bool", "int64", "float32", "string", "float32")
    (group,) = layouts(device(*({"data_type": kind} for kind in kinds)))
    frames = [
        Pipeline([group]).apply(frame)[0] for frame in bad_frames(group, 5, Quality.BAD_STALE)
    ]
    assert sorted(tag for frame in frames for tag in frame.tag_ids.tolist()) == [1, 2, 3, 4, 5]
    for frame in frames:
        assert frame.quality is not None
        assert set(frame.quality.ravel().tolist()) == {Quality.BAD_STALE}
        assert frame.times.tolist() == [5]


# --- schedule ---------------------------------------------------------------------------------
async def test_periods_do_not_drift_and_missed_ones_are_counted() -> None:
    clock = FakeClock()
    groups = ({"name": "fast", "period_ms": 100}, {"name": "slow", "period_ms": 350})
    found = layouts(device({"group": "fast"}, {"group": "slow"}, groups=groups))
    schedule, start = Schedule(found, clock), clock.now
    due: dict[str, list[float]] = {"fast": [], "slow": []}
    for _ in range(400):
        group, missed = await schedule.next()
        assert missed == 0
        due[group.name].append(clock.now - start)
        clock.now += 0.013  # a scan takes time, and never shifts the next one
    for name, period in (("fast", 0.1), ("slow", 0.35)):
        wanted = np.arange(len(due[name])) * period
        assert np.abs(np.array(due[name]) - wanted).max() < 0.03
    clock.now += 10.0
    skipped: dict[str, int] = {}
    for _ in range(2):
        group, missed = await schedule.next()
        skipped[group.name] = missed
    assert 98 <= skipped["fast"] <= 100
    assert 27 <= skipped["slow"] <= 28
    assert (await schedule.next())[1] == 0


# --- manifest ---------------------------------------------------------------------------------
def test_the_cache_is_whole_private_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "manifest.json"
    first = Manifest(spoke="line-1", revision=1, devices=(device({}),))
    manifests.save(path, first)
    assert manifests.load(path, "line-1") == first
    assert path.stat().st_mode & 0o777 == 0o600
    manifests.save(path, first.model_copy(update={"revision": 2}))
    assert [item.name for item in path.parent.iterdir()] == ["manifest.json"]


def test_a_write_that_fails_leaves_the_old_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    manifests.save(path, Manifest(spoke="line-1", revision=1))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spoke.manifest.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        manifests.save(path, Manifest(spoke="line-1", revision=2))
    found = manifests.load(path, "line-1")
    assert found is not None
    assert found.revision == 1


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"spoke": "line-1"}', '{"spoke":"other","revision":1}', "[" * 10**5],
    ids=range(7),
)
def test_a_cache_that_cannot_be_used_is_as_good_as_none(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "manifest.json"
    assert manifests.load(path, "line-1") is None
    assert caplog.records == []
    path.write_text(content)
    assert manifests.load(path, "line-1") is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_cache_that_is_a_folder_or_not_text_is_as_good_as_none(tmp_path: Path) -> None:
    assert manifests.load(tmp_path, "line-1") is None
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    assert manifests.load(tmp_path / "noise", "line-1") is None


def test_a_manifest_is_taken_whole_or_refused_whole() -> None:
    good = json.loads(Manifest(spoke="a", revision=1, devices=(device({}),)).model_dump_json())
    assert manifests.parse(good, "a").devices[0].name == "Tank"
    with pytest.raises(ConfigErrors, match="for the gateway 'a', not for 'b'"):
        manifests.parse(good, "b")
    good["devices"][0]["tags"][0]["colour"] = "red"
    good["devices"][0]["x"] = 1
    with pytest.raises(ConfigErrors) as caught:
        manifests.parse(good, "a")
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"devices.0.x", "devices.0.tags.0.colour"}


def test_a_device_keeps_its_worker() -> None:
    devices = tuple(device(id=number, name=str(number)) for number in range(1, 10))
    before, after = manifests.share(devices, 4), manifests.share(devices[::2], 4)
    assert sum(map(len, before)) == 9
    for some, fewer in zip(before, after, strict=True):
        assert {item["id"] for item in fewer} <= {item["id"] for item in some}


def test_devices_with_one_connection_share_a_worker() -> None:
    """A serial port can be opened once; units behind a gateway take turns."""
    line = {"driver": "modbus", "transport": "rtu", "serial_port": "/dev/ttyS1"}
    gateway = {"driver": "modbus", "host": "10.0.0.9"}
    settings = [line, gateway, {"driver": "sim"}, line, gateway, gateway | {"own_connection": True}]
    devices = tuple(
        device(id=number, name=str(number), connection=connection)
        for number, connection in enumerate(settings, 1)
    )
    shares = manifests.share(devices, 4)
    assert [[item["id"] for item in one] for one in shares] == [[], [1, 4], [2, 5, 6], [3]]


# --- clock and health -------------------------------------------------------------------------
def test_a_jump_of_a_day_is_noticed_once_and_drift_never() -> None:
    clock = FakeClock()
    watch = ClockWatch(clock)
    for _ in range(1000):
        clock.now += 1.0
        clock.wall_s += 0.001
        assert watch.check() == 0.0
    clock.wall_s += 86_400
    assert watch.check() == pytest.approx(86_400, abs=0.1)
    assert watch.check() == 0.0
    clock.wall_s -= 2 * 86_400
    watch.check()
    assert watch.jump_s == pytest.approx(-86_400, abs=0.1)


class _Workers:
    """What HealthReport asks of Workers."""

    restarts = 2

    def __init__(self) -> None:
        self.values, self.sent = 0, 0

    def devices(self) -> tuple[DeviceHealth, ...]:
        return (DeviceHealth(1, "running", values=self.values, skipped=3),)

    def total(self, field: str) -> int:
        assert field == "acknowledged_bytes"
        return self.sent

    def pids(self) -> list[int]:
        return [psutil.Process().pid, 2**22 + 1]  # the second does not exist


def _none() -> FunctionKeeper:
    """No functions here."""
    return FunctionKeeper(cast(Workers, None), FakeClock())


def test_rates_are_differences_and_never_negative(tmp_path: Path) -> None:
    clock, workers = FakeClock(), _Workers()
    report = HealthReport("line-1", tmp_path, cast(Workers, workers), _none(), clock)
    stream = StreamHealth(epoch="e1", last_seq=5)
    first = report.make(7, (), stream, 0.0)
    assert (first.values_per_s, first.stream.bytes_per_s) == (0.0, 0.0)
    clock.now += 5
    workers.values, workers.sent = 1000, 500
    second = report.make(7, ({"path": "x"},), stream, 1.5)
    assert (second.values_per_s, second.stream.bytes_per_s) == (200.0, 100.0)
    assert (second.stream.epoch, second.stream.last_seq) == ("e1", 5)
    assert (second.revision, second.skipped, second.clock_jump_s) == (7, 3, 1.5)
    assert second.memory_bytes > 1_000_000
    assert second.disk_free_bytes > 0
    clock.now += 5
    workers.values = 10  # a worker started anew
    assert report.make(7, (), stream, 0.0).values_per_s == 0.0


# --- pipes ------------------------------------------------------------------------------------
async def _received(data: bytes) -> list[dict[str, Any]]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return [message async for message in messages(reader)]


async def test_messages_cross_a_pipe_and_a_torn_one_is_the_end() -> None:
    data = framed({"a": 1}) + framed({"devices": [{"id": number} for number in range(9000)]})
    assert [*map(len, await _received(data))] == [1, 1]
    for cut in (1, 3, 5, len(data) // 2, len(data) - 1):
        assert len(await _received(data[:cut])) < 2


@pytest.mark.parametrize("garbage", [b"Traceback (most recent", struct.pack("<I", 1) + b"\xc1"])
async def test_what_is_no_message_is_refused(garbage: bytes) -> None:
    with pytest.raises(FrameError):
        await _received(framed({"a": 1}) + garbage)
