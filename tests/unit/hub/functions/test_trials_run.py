"""A trial goes on after a fault, as the gateway does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from hub.functions import trial_run
from hub.functions.trial_run import TrialRun
from schemas.config.functions import LimitsConfig
from schemas.errors import ConfigError
from schemas.frames import Frame
from schemas.functions import Bindings, Fault, Input, Output, TagInfo
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Parameters, Result
from udf.context import Context
from udf.effects import Alarm, Write
from udf.engine import Emission
from udf.execution import InProcess
from udf.faults import FunctionFault

TAG = TagInfo(7, "tank level", "plc", "m")
BINDINGS = Bindings({"level": (TAG,)}, {"total": (TagInfo(0, "total"),)})


class TotalParameters(Parameters):
    fails_at: int = -1


class Total(Function[TotalParameters]):
    """Sums its input; a certain row makes it fail."""

    name, version = "total", "1.2.0"
    Params = TotalParameters
    inputs = (Input("level"),)
    outputs = (Output("total", unit="m"),)

    def process(self, batch: Batch, ctx: Context) -> Result:
        values = batch["level"].values.astype(float)
        if ctx.params.fails_at in values.tolist():
            raise ValueError(f"no {ctx.params.fails_at}")
        sums = self.state.get("sum", 0.0) + np.cumsum(values)
        self.state["sum"] = float(sums[-1])
        ctx.log(f"{len(batch)} rows")
        ctx.event("seen", rows=len(batch))
        high = bool(sums[-1] > 1_000)
        return Result({"total": Column(sums)}, (Alarm("high", high), Write("valve", 1.0)))


def _frame(first: int, count: int) -> Frame:
    times = np.arange(first, first + count, dtype=np.int64) * 10
    values = np.arange(first, first + count, dtype=np.float64)[:, np.newaxis]
    return Frame(np.array([TAG.id], dtype=np.int32), times, values)


def _run(
    parameters: Mapping[str, Any], make: Any = None, faults: int = 5, kind: Any = Total
) -> TrialRun:
    limits = LimitsConfig(faults=faults)
    spec = InProcess(kind).spec
    return TrialRun(make or (lambda: InProcess(kind)), parameters, BINDINGS, spec, limits)


def _after(run: TrialRun) -> list[tuple[int, Any, int]]:
    (curve,) = run.found.after.thinned()
    return list(zip(curve.times_ns, curve.values, curve.quality, strict=True))


def test_rows_outputs_effects_and_log() -> None:
    run = _run({})
    run.take([_frame(0, 60)], 0)
    run.close()
    found = run.found
    assert found.rows == 60
    assert _after(run)[-1] == (590, float(sum(range(60))), Quality.GOOD)
    assert [effect["kind"] for effect in found.effects] == ["event", "alarm", "write"]
    assert found.effects[0]["detail"] == {"rows": 60}
    assert found.effects[1] == {
        "kind": "alarm", "level": "error", "time_ns": 590, "message": "high comes",
        "name": "high", "active": True,
    }  # fmt: skip
    assert found.effects[2]["message"] == "Would write 1.0 to valve."
    assert found.log == [{"level": "info", "time_ns": 590, "message": "60 rows"}]
    assert (found.faults, run.ended) == ([], False)


def test_an_alarm_is_told_when_it_changes() -> None:
    run = _run({})
    for first in range(0, 100, 10):
        run.take([_frame(first, 10)], 0)
    assert [found["kind"] for found in run.found.effects].count("alarm") == 1


def test_rows_before_the_range_only_prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    run = _run({})
    run.take([_frame(0, 3)], 20)
    assert _after(run) == [(20, 2.0, Quality.GOOD)]
    assert run.found.rows == 1


def test_a_fault_takes_one_batch_out_and_the_state_of_before_goes_on() -> None:
    run = _run({"fails_at": 5})
    for first in (0, 4, 8):
        run.take([_frame(first, 4)], 0)
    found = _after(run)
    assert found[3] == (30, 6.0, Quality.GOOD)  # 0 + 1 + 2 + 3
    assert found[4] == (70, 6.0, Quality.UNCERTAIN_LAST_USABLE)
    assert found[5] == (80, 14.0, Quality.GOOD)  # 4 to 7 are missing: 6 + 8
    (fault,) = run.found.faults
    assert (fault.function, fault.version, fault.kind) == ("total", "1.2.0", "exception")
    assert fault.line > 0
    assert not run.ended


class Passing(Total):
    name = "passing"
    outputs = (Output("total", passes="level"),)


def test_an_output_with_a_source_passes_its_values() -> None:
    run = _run({"fails_at": 5}, kind=Passing)
    run.take([_frame(4, 3)], 0)
    assert _after(run) == [
        (40, 4.0, Quality.UNCERTAIN_FUNCTION),
        (50, 5.0, Quality.UNCERTAIN_FUNCTION),
        (60, 6.0, Quality.UNCERTAIN_FUNCTION),
    ]


def test_too_many_faults_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_run, "BATCH_ROWS", 1)
    run = _run({"fails_at": 5}, faults=3)
    for first in range(0, 60, 10):  # fails in the first only, so make it fail in each
        run.take([Frame(_frame(5, 1).tag_ids, np.array([first + 1]), np.array([[5.0]]))], 0)
    assert len(run.found.faults) == 3
    assert run.ended
    assert (
        run.found.effects[-1]["message"] == "Stopped after 3 faults, as it would be on the gateway."
    )
    rows = run.found.rows
    run.take([_frame(100, 5)], 0)
    assert run.found.rows == rows == 3


class Mortal(InProcess):
    """An executor whose process ends with its first batch."""

    made: list[Mortal]

    def __init__(self) -> None:
        super().__init__(Total)
        self.alive = True
        self.closed = False
        self.cpu_s = 7.0  # its start
        self.made.append(self)

    def process(self, key: int, batch: Batch) -> Emission:
        self.cpu_s += 0.25
        if len(self.made) == 2:
            self.alive = False
            raise FunctionFault(Fault("crash", "its process ended: SIGSEGV"))
        return super().process(key, batch)

    def close(self) -> None:
        self.closed = True
        super().close()


def test_a_dead_process_is_made_anew_with_its_state() -> None:
    Mortal.made = []
    run = _run({}, Mortal)
    run.take([_frame(0, 4)], 0)
    run.close()  # stands for the end of its process between two batches
    run.take([_frame(4, 4)], 0)
    run.take([_frame(8, 4)], 0)
    run.close()
    assert len(Mortal.made) == 3
    assert all(item.closed for item in Mortal.made)
    (fault,) = run.found.faults
    assert (fault.kind, fault.function, fault.time_ns) == ("crash", "total", 70)
    assert _after(run)[-1] == (110, 6.0 + 8 + 9 + 10 + 11, Quality.GOOD)
    assert 0.75 <= run.found.cpu_s < 1.0


def test_a_function_that_cannot_start_ends_the_trial_at_once() -> None:
    run = _run({"fails_at": "no number"})
    run.take([_frame(0, 4)], 0)
    run.take([_frame(4, 4)], 0)
    (fault,) = run.found.faults
    assert fault.kind == "start"
    assert run.ended
    assert "cannot start" in run.found.effects[-1]["message"]


def test_more_values_than_a_trial_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_run, "MAX_OUTPUT_VALUES", 5)
    with pytest.raises(ConfigError, match="more than 5 values") as caught:
        _run({}).take([_frame(0, 6)], 0)
    assert caught.value.path == "range"
