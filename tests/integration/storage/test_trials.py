"""Trials of built-ins, packages and unsaved sources; user code in its sandboxed process."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from hub.function_records import UseDraft
from hub.functions.catalogue import Catalogue
from hub.functions.loading import Loader
from hub.functions.trial_starts import CatalogueStarts
from hub.functions.trials import Trials
from hub.records import Role, User
from hub.storage.config import ConfigStore
from hub.storage.telemetry import TelemetryStore
from schemas.config.functions import LimitsConfig
from schemas.errors import ConfigErrors
from schemas.quality import Quality
from tests.integration.storage.plant_trials import curve_of, make_tags, scan, span, store_frames
from tests.servers import eventually

WHO = User(1, "ada", Role.ENGINEER)
SOURCE = '''
from udf import Batch, Column, Context, Function, Input, Output

class Ratio(Function):
    """One input through another."""
    name, version = "ratio", "1.0.0"
    inputs = (Input("a"), Input("b", trigger=False))
    outputs = (Output("ratio", passes="a"),)

    def process(self, batch, ctx):
        values = batch["b"].values.tolist()
        if 0.0 in values:
            1 // 0
        return {"ratio": batch["a"].values / batch["b"].values}
'''


@pytest.fixture
def catalogued(config: ConfigStore, tmp_path: Path) -> tuple[Catalogue, Trials]:
    folder = tmp_path / "environments"
    catalogue = Catalogue(config, Loader(folder))
    return catalogue, Trials(config, CatalogueStarts(catalogue, folder))


async def test_a_source_is_tried_in_a_process_and_its_faults_do_not_end_it(
    config: ConfigStore, store: TelemetryStore, catalogued: tuple[Catalogue, Trials]
) -> None:
    """Unsaved first, then the same as a saved version."""
    catalogue, trials = catalogued
    spoke, ids = await make_tags(config, ["float", "float"])
    rows = 2_500
    values = np.full((rows, 2), 4.0)
    values[:, 0], values[1_500, 1] = np.arange(rows), 0.0
    await store_frames(store, spoke, scan(ids, 0, values))
    draft = UseDraft("use", "ratio", "1.0.0", inputs={"a": ids[:1], "b": ids[1:]})
    tried = await trials.try_out(draft, *span(0, rows), source=SOURCE)
    await catalogue.save(WHO, SOURCE)
    saved = await trials.try_out(draft, *span(0, rows))
    for trial in (tried, saved):
        (fault,) = trial.faults
        assert (fault.function, fault.version, fault.kind) == ("ratio", "1.0.0", "exception")
        assert fault.line == 13
        assert "ZeroDivisionError" in fault.message
        found = curve_of(trial, "ratio")
        marked = [at for at, _, quality in found if quality == Quality.UNCERTAIN_FUNCTION]
        assert min(marked) >= 1_000
        assert max(marked) < 2_000
        assert all(value == at for at, value, q in found if q == Quality.UNCERTAIN_FUNCTION)
        assert all(value == at / 4 for at, value, q in found if q == Quality.GOOD)
        assert found[-1][0] == rows - 1
        assert trial.rows == rows
        assert trial.cpu_s > 0
    with pytest.raises(ConfigErrors) as caught:
        await trials.try_out(draft, *span(0, rows), source="def broken(:\n")
    assert caught.value.problems[0].path == "source.1"


async def test_a_built_in_is_tried_where_the_hub_runs(
    config: ConfigStore, store: TelemetryStore, catalogued: tuple[Catalogue, Trials]
) -> None:
    _, trials = catalogued
    spoke, ids = await make_tags(config, ["float", "float"])
    await store_frames(store, spoke, scan(ids, 0, np.array([[1.0, 2.0], [30.0, 4.0]])))
    spec = await CatalogueStarts(catalogued[0], Path()).spec(UseDraft("use", "clamp"))
    (port,) = spec.inputs
    draft = UseDraft("use", "clamp", parameters={"low": 0, "high": 10}, inputs={port.name: ids})
    trial = await trials.try_out(draft, *span(0, 5))
    assert trial.faults == ()
    values = {curve.name: curve.values for curve in trial.after}
    assert values == {"t0": [1.0, 10.0], "t1": [2.0, 4.0]}


ENDLESS = SOURCE.replace("if 0.0 in values:", "while 4.0 in values:").replace("1 // 0", "pass")


async def test_an_endless_loop_and_a_cancelled_trial_leave_no_process(
    config: ConfigStore, store: TelemetryStore, catalogued: tuple[Catalogue, Trials]
) -> None:
    _, trials = catalogued
    spoke, ids = await make_tags(config, ["float", "float"])
    await store_frames(store, spoke, scan(ids, 0, np.full((20, 2), 4.0)))
    limits = LimitsConfig(batch_s=0.5, faults=1)
    draft = UseDraft("use", "ratio", "1.0.0", inputs={"a": ids[:1], "b": ids[1:]}, limits=limits)
    trial = await trials.try_out(draft, *span(0, 20), source=ENDLESS)
    assert [fault.kind for fault in trial.faults] == ["overrun"]
    assert trial.effects[-1]["kind"] == "stopped"
    long = replace(draft, limits=LimitsConfig(batch_s=60))
    task = asyncio.create_task(trials.try_out(long, *span(0, 20), source=ENDLESS))
    own = psutil.Process()
    await eventually(lambda: _spinning(own), 20.0, "the function runs")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: not _spinning(own), 10.0, "the function is gone")


def _spinning(own: psutil.Process) -> list[psutil.Process]:
    """Children that have used so much of the processor as only an endless loop does."""
    found = []
    for child in own.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.name().startswith("python") and child.cpu_times().user > 1.0:
                found.append(child)
    return found
