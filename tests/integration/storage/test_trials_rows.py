"""Trials and recorded values from really stored values, in both shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hub.function_records import UseDraft
from hub.functions.trials import Trials
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.telemetry import TelemetryStore
from hub.storage.trial_rows import TrialRows
from schemas.errors import ConfigError, ConfigErrors
from schemas.quality import Quality
from tests.integration.storage.plant_trials import (
    SECOND,
    START,
    Known,
    Sum,
    curve_of,
    events,
    make_tags,
    scan,
    span,
    store_frames,
)
from udf.recorded import Recording


async def test_blocks_and_points_are_one_batch_of_rows(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    """Two layouts, a bad value, events of their own time, and a word from before the range."""
    spoke, (a, b, other, c, word) = await make_tags(
        config, ["float", "float", "float", "int", "text"]
    )
    good, bad = Quality.GOOD, Quality.BAD_TIMEOUT
    values = np.array([[1, 9, 10], [2, 9, 20], [3, 9, 30]], dtype="<f4")
    codes = [[good, good, good], [good, good, bad], [good, good, good]]
    await store_frames(
        store, spoke,
        scan([a, other, b], 0, values, codes),
        events(c, [(0.5, 100), (1.0, 200)], "<i8"),
        events(word, [(-3600, "before"), (1.5, "now")], object),
    )  # fmt: skip
    seen: list[tuple[int, int]] = []
    draft = UseDraft("use", "sum", inputs={"many": (a, b, c), "word": (word,)})
    trial = await Trials(config, Known()).try_out(
        draft, *span(0, 3), progress=lambda done, total: seen.append((done, total))
    )
    found = curve_of(trial, "sum")
    assert [at for at, *_ in found] == [0.0, 0.5, 1.0, 2.0]
    assert [quality for *_, quality in found] == [Quality.BAD, good, bad, good]
    assert [value for _, value, _ in found] == [None, 111.0, None, 233.0]
    assert [value for _, value, _ in curve_of(trial, "twice", "t1")] == [20.0, 20.0, None, 60.0]
    assert [v for _, v, _ in curve_of(trial, "said")] == ["before", "before", "before", "now"]
    assert trial.rows == 4
    assert trial.values == 3 + 3 + 2 + 1
    assert {curve.name: len(curve.times_ns) for curve in trial.before} == {
        "t0": 3, "t1": 3, "t3": 2, "t4": 1,
    }  # fmt: skip
    assert {curve.unit for curve in trial.before} == {"bar"}
    assert trial.faults == ()
    assert seen[-1] == (3 * SECOND, 3 * SECOND)
    async with database.using() as conn:
        assert await conn.fetchval("SELECT count(*) FROM samples") == 9 + 4  # nothing was added


async def test_a_long_range_comes_in_stretches_with_every_value_once(
    config: ConfigStore, store: TelemetryStore, database: Database
) -> None:
    spoke, ids = await make_tags(config, ["float"] * 30)
    rows = 6_000
    values = np.arange(rows * 30, dtype="<f8").reshape(rows, 30)
    await store_frames(store, spoke, scan(ids, 0, values))
    stretches = [found async for found in TrialRows(database).stretches(ids[:20], *span(5, 5_990))]
    assert len(stretches) > 3
    frames = [frame for stretch in stretches[1:] for frame in stretch.frames]
    assert max(stretch.values for stretch in stretches) < 60_000
    np.testing.assert_array_equal(
        np.concatenate([frame.values for frame in frames]), values[5:5_990, :20]
    )
    before = stretches[0].frames
    assert [frame.times.tolist() for frame in before] == [[START + 4 * SECOND]]
    draft = UseDraft("use", "sum", inputs={"many": ids[:20]})
    trial = await Trials(config, Known()).try_out(draft, *span(5, 5_990))
    assert trial.rows == 5_985
    assert trial.values == 5_985 * 20
    assert max(len(curve.times_ns) for curve in trial.after) <= 2_000
    (curve,) = [curve for curve in trial.after if curve.port == "sum"]
    assert max(value for value in curve.values if isinstance(value, float)) == float(
        values[5_989, :20].sum()
    )


async def test_too_many_values_are_refused_with_what_is_possible(
    config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, ids = await make_tags(config, ["float"] * 2)
    await store_frames(store, spoke, scan(ids, 0, np.ones((3_000, 2))))
    trials = Trials(config, Known(), max_values=1_200)
    draft = UseDraft("use", "sum", inputs={"many": ids})
    with pytest.raises(ConfigError, match="more than 1,200 values") as caught:
        await trials.try_out(draft, *span(0, 3_000))
    assert caught.value.path == "range"
    assert "about 10 minutes" in caught.value.hint
    assert (await trials.try_out(draft, *span(0, 600))).values == 1_200


async def test_inputs_are_checked_before_anything_runs(config: ConfigStore) -> None:
    _, (a, text) = await make_tags(config, ["float", "text"])
    trials = Trials(config, Known())
    for inputs, path in (
        ({}, "inputs.many"),
        ({"many": (a, text)}, "inputs.many"),
        ({"many": (a,), "word": (text, text)}, "inputs.word"),
        ({"many": (a, 99_999)}, "inputs.many"),
        ({"many": (a,), "other": (a,)}, "inputs.other"),
    ):
        with pytest.raises(ConfigErrors) as caught:
            await trials.try_out(UseDraft("use", "sum", inputs=inputs), *span(0, 1))
        assert path in [problem.path for problem in caught.value.problems]
    with pytest.raises(ConfigError, match="no length"):
        await trials.try_out(UseDraft("use", "sum", inputs={"many": (a,)}), START, START)


async def test_record_is_what_a_replay_reads(
    config: ConfigStore, store: TelemetryStore, tmp_path: Path
) -> None:
    spoke, (a, b, word) = await make_tags(config, ["float", "int", "text"])
    await store_frames(
        store, spoke,
        scan([a], 0, np.array([[0.1], [0.25], [3.0]])),
        scan([b], 0, np.array([[5], [6], [7]], dtype="<i2")),
        events(word, [(-60, "early"), (1.25, "x, y")], object),
    )  # fmt: skip
    trials = Trials(config, Known())
    draft = UseDraft("use", "sum", inputs={"many": (a, b), "word": (word,)})
    content = await trials.record(draft, *span(0, 3))
    assert content.decode().splitlines() == [
        "time,many.t0,many.t0.quality,many.t1,many.t1.quality,word,word.quality",
        "2026-02-02T02:40:00Z,0.1,192,5.0,192,,",
        "2026-02-02T02:40:01Z,0.25,192,6.0,192,,",
        '2026-02-02T02:40:01.25Z,,,,,"x, y",192',
        "2026-02-02T02:40:02Z,3.0,192,7.0,192,,",
    ]
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    assert Recording(path, Sum.inputs).check() == 4
    with pytest.raises(ConfigError, match="no stored values"):
        await trials.record(draft, *span(100, 200))
