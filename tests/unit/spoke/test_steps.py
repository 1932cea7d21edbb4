"""Steps in the worker: built-ins on the tags of a device, before they are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.config.devices import ManifestDevice
from schemas.frames import Frame
from schemas.quality import Quality
from spoke.drivers.base import layouts
from spoke.functions.steps import Steps
from spoke.pipeline import Pipeline
from udf.builtins import builtin

SECOND = 10**9


def pipeline(tmp_path: Path, steps: list[dict[str, Any]], **tag: Any) -> tuple[Pipeline, Steps]:
    """Three tags, Temp A, Temp B and Speed, in one column."""
    tags = [
        {"id": number, "name": name, "address": "wave", **tag}
        for number, name in enumerate(("Temp A", "Temp B", "Speed"), 1)
    ]
    device = ManifestDevice.model_validate(
        {"id": 7, "name": "Oven", "connection": {"driver": "sim"}, "tags": tags, "steps": steps}
    )
    groups = layouts(device)
    made = Steps(device, groups, tmp_path)
    found = Pipeline(groups, made)
    found.column = groups[0].columns[0]  # type: ignore[attr-defined]
    return found, made


def run(way: Pipeline, seconds: float, values: list[float], **fields: Any) -> Frame:
    column = way.column  # type: ignore[attr-defined]
    times = np.array([int(seconds * SECOND)], dtype=np.int64)
    frame = Frame(column.tag_ids, times, np.array([values], dtype=column.wire), **fields)
    return way.apply(frame)[0]


SCALE = {"function": "scale", "tags": ["Temp *"], "parameters": {"scale": 2.0, "offset": 1.0}}
FILTER = {"function": "low_pass", "tags": ["*"], "parameters": {"time_constant_s": 1.0}}


def test_a_step_changes_its_tags_only_and_keeps_their_type(tmp_path: Path) -> None:
    way, _ = pipeline(tmp_path, [SCALE])
    done = run(way, 1, [10, 20, 30])
    assert done.values.tolist() == [[21, 41, 30]]
    assert done.wire == "<f4"
    assert done.quality is None


def test_steps_follow_each_other(tmp_path: Path) -> None:
    way, _ = pipeline(tmp_path, [SCALE, SCALE])
    assert run(way, 1, [1, 2, 3]).values.tolist() == [[7, 11, 3]]


def test_integers_stay_integers_and_are_rounded(tmp_path: Path) -> None:
    half = SCALE | {"parameters": {"scale": 0.75}}
    way, _ = pipeline(tmp_path, [half], data_type="int16")
    done = run(way, 1, [10, 30_001, 7])
    assert (done.wire, done.values.tolist()) == ("<i2", [[8, 22_501, 7]])


def test_a_bad_value_stays_bad_and_leaves_no_trace_in_the_state(tmp_path: Path) -> None:
    way, _ = pipeline(tmp_path, [FILTER])
    run(way, 1, [10, 10, 10])
    bad = np.array([[Quality.BAD_TIMEOUT, Quality.GOOD, Quality.GOOD]], dtype=np.uint8)
    done = run(way, 2, [np.nan, 10, 10], quality=bad)
    assert done.quality is not None
    assert done.quality[0, 0] < Quality.UNCERTAIN
    assert done.quality[0, 1:].tolist() == [Quality.GOOD] * 2
    assert run(way, 3, [10, 10, 10]).values.tolist() == [[10, 10, 10]]


def test_events_of_single_tags_have_their_own_state(tmp_path: Path) -> None:
    way, _ = pipeline(tmp_path, [FILTER])
    run(way, 1, [0, 0, 0])
    ids = np.array([2, 2], dtype=np.int32)
    event = Frame(
        ids,
        np.array([2 * SECOND]),
        np.array([[10, 10]], dtype="<f4"),
        None,
        np.array([[2 * SECOND, 2 * SECOND]]),
    )
    values = way.apply(event)[0].values[0]
    assert 6 < values[0] < 7  # 1 - 1/e of the way
    assert values[1] == pytest.approx(values[0])
    assert run(way, 2.5, [0, 0, 0]).values[0, 0] == 0


def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    way, steps = pipeline(tmp_path, [FILTER])
    run(way, 1, [100, 100, 100])
    steps.save()
    again, _ = pipeline(tmp_path, [FILTER])
    assert 30 < run(again, 2, [0, 0, 0]).values[0, 0] < 40
    other, _ = pipeline(tmp_path, [FILTER | {"tags": ["Speed"]}])  # other tags: nothing of it fits
    assert run(other, 2, [0, 0, 0]).values[0, 2] == 0


def test_a_fault_takes_the_step_out_for_that_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kind = builtin("scale")
    way, _ = pipeline(tmp_path, [SCALE])
    before = kind.process
    failing = [True] * 2

    def process(self: Any, batch: Any, ctx: Any) -> Any:
        if failing:
            failing.pop()
            raise ZeroDivisionError("by zero")
        return before(self, batch, ctx)

    monkeypatch.setattr(kind, "process", process)
    done = run(way, 1, [10, 20, 30])
    assert done.values.tolist() == [[10, 20, 30]]
    assert done.quality is not None
    assert done.quality.tolist() == [
        [Quality.UNCERTAIN_FUNCTION, Quality.UNCERTAIN_FUNCTION, Quality.GOOD]
    ]
    assert "ZeroDivisionError: by zero" in caplog.text
    run(way, 2, [10, 20, 30])
    assert run(way, 3, [10, 20, 30]).values.tolist() == [[21, 41, 30]]


def test_after_five_faults_it_stays_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def process(self: Any, batch: Any, ctx: Any) -> Any:
        calls.append(1)
        raise ValueError("never")

    way, _ = pipeline(tmp_path, [SCALE])
    monkeypatch.setattr(builtin("scale"), "process", process)
    for second in range(10):
        done = run(way, second + 1, [1, 2, 3])
        assert done.values.tolist() == [[1, 2, 3]]
    assert len(calls) == 5


def test_a_built_in_with_rows_of_its_own_is_no_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    way, _ = pipeline(tmp_path, [{"function": "swinging_door", "tags": ["*"]}])
    assert run(way, 1, [1, 2, 3]).values.tolist() == [[1, 2, 3]]
    assert "cannot be a step" in caplog.text
