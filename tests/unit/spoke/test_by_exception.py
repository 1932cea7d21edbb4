"""Range, clamp, deadband and storage off: what people see, and what is kept of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.config.devices import TagConfig
from schemas.frames import Frame
from schemas.quality import Quality
from spoke.by_exception import AT_LEAST_EVERY_NS
from spoke.drivers.base import Column, layouts, scan_frame
from spoke.pipeline import Pipeline
from tests.unit.spoke.fakes import device

S = 10**9


def _column(*tags: dict[str, Any]) -> tuple[Pipeline, Column]:
    groups = layouts(device(*tags))
    (column,) = groups[0].columns
    return Pipeline(groups), column


def test_a_linear_range_scales_and_a_clamp_holds_at_its_ends() -> None:
    line = {"raw_low": 4000, "raw_high": 20000, "low": 0, "high": 100, "data_type": "uint16"}
    pipeline, column = _column(line | {"clamp": True}, line)
    raw = np.array([[24000, 24000]], dtype=np.uint16)
    seen, stored = pipeline.apply(scan_frame(column, raw, S))
    assert seen.values.tolist() == [[100.0, 125.0]]
    assert seen.quality is not None
    assert seen.quality.tolist() == [[Quality.UNCERTAIN_CLAMPED, Quality.GOOD]]
    assert stored is seen


def test_a_driver_with_arrays_of_its_own_is_scaled_all_the_same() -> None:
    pipeline, column = _column({"scale": 2.0, "data_type": "float64"})
    copy = Frame(column.tag_ids.copy(), np.array([S]), np.array([[21.0]]))
    assert pipeline.apply(copy)[0].values.tolist() == [[42.0]]


def test_an_integer_stays_one_when_it_is_clamped() -> None:
    pipeline, column = _column({"data_type": "int16", "low": -1.5, "high": 9.5, "clamp": True})
    for raw, held in ((-7, -1), (12, 9), (5, 5)):
        seen, _ = pipeline.apply(scan_frame(column, np.array([raw], dtype=np.int16), S))
        assert (seen.wire, seen.values.tolist()) == ("<i2", [[held]])


def test_a_bad_value_is_not_clamped_to_a_likely_one() -> None:
    pipeline, column = _column({"data_type": "int16", "low": 10, "high": 20, "clamp": True})
    bad = np.array([Quality.BAD_TIMEOUT], dtype=np.uint8)
    seen, _ = pipeline.apply(scan_frame(column, np.zeros(1, np.int16), S, bad))
    assert seen.quality is not None
    assert seen.quality.tolist() == [[Quality.BAD_TIMEOUT]]


def test_only_what_moved_by_more_than_the_deadband_is_stored() -> None:
    pipeline, column = _column({"deadband": 0.5}, {"deadband": 0.5})
    kept = []
    for second, values in enumerate([(1, 1), (1.5, 1.4), (1.6, 1.4), (1.0, 9)]):
        seen, stored = pipeline.apply(scan_frame(column, np.array(values, np.float32), second * S))
        assert seen.values.shape == (1, 2)  # people see every scan
        if stored is not None:
            assert stored.source_times is not None
            assert stored.source_times.tolist() == [[second * S] * stored.size]
            kept.append((second, stored.tag_ids.tolist(), stored.values.round(3).tolist()))
    assert kept == [
        (0, [1, 2], [[1, 1]]),
        (2, [1], [pytest.approx([1.6])]),
        (3, [1, 2], [[1.0, 9.0]]),
    ]


def test_percent_is_of_the_range() -> None:
    pipeline, column = _column(
        {"deadband": 10, "deadband_kind": "percent", "low": 0, "high": 50, "data_type": "float64"}
    )
    stored = [
        pipeline.apply(scan_frame(column, np.array([float(value)]), index * S))[1] is not None
        for index, value in enumerate([0, 5, 5.1, 0])
    ]
    assert stored == [True, False, True, True]


def test_quality_and_silence_are_stored_too() -> None:
    pipeline, column = _column({"deadband": 1})
    bad = np.array([Quality.BAD_TIMEOUT], dtype=np.uint8)

    def kept(value: float, time_ns: int, quality: Any = None) -> bool:
        frame = scan_frame(column, np.array([value], np.float32), time_ns, quality)
        return pipeline.apply(frame)[1] is not None

    assert kept(1, 0)
    assert kept(np.nan, S, bad)
    assert not kept(np.nan, 2 * S, bad)
    assert kept(1, 3 * S)
    assert not kept(1.5, 4 * S)
    assert kept(1.5, 3 * S + AT_LEAST_EVERY_NS)


def test_a_change_of_one_in_a_large_counter_is_a_change() -> None:
    pipeline, column = _column({"deadband": 0, "data_type": "int64"})
    for value, expected in ((2**62, True), (2**62, False), (2**62 + 1, True)):
        frame = scan_frame(column, np.array([value], np.int64), S)
        assert (pipeline.apply(frame)[1] is not None) is expected


def test_there_and_back_in_one_report_keeps_both_ways() -> None:
    """Else the value in SQL would stay at the one in the middle for ever."""
    pipeline, column = _column({"deadband": 0, "data_type": "float64"})
    ids = np.array([1, 1, 1], dtype=np.int32)

    def events(*values: float) -> Frame:
        sources = np.array([[S, S + 1, S + 2]])
        return Frame(ids, np.array([S]), np.array([values]), None, sources)

    assert pipeline.apply(scan_frame(column, np.array([1.0]), 0))[1] is not None
    _, stored = pipeline.apply(events(1, 2, 1))
    assert stored is not None
    assert stored.values.tolist() == [[2.0, 1.0]]
    assert stored.source_times is not None
    assert stored.source_times.tolist() == [[S + 1, S + 2]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=40))
def test_events_are_judged_as_if_they_came_one_by_one(events: list[tuple[int, int]]) -> None:
    tags = [{"deadband": 2, "data_type": "float64"}] * 4
    together, _ = _column(*tags)
    alone, _ = _column(*tags)

    def frame(some: list[tuple[int, int]]) -> Frame:
        return Frame(
            np.array([tag + 1 for tag, _ in some], dtype=np.int32),
            np.array([S]),
            np.array([[float(value) for _, value in some]]),
            None,
            np.full((1, len(some)), S),
        )

    def stored(pipeline: Pipeline, some: list[tuple[int, int]]) -> list[tuple[int, float]]:
        kept = pipeline.apply(frame(some))[1]
        if kept is None:
            return []
        return list(zip(kept.tag_ids.tolist(), kept.values[0].tolist(), strict=True))

    one_by_one = [item for event in events for item in stored(alone, [event])]
    assert stored(together, events) == one_by_one


def test_texts_and_switches_report_changes() -> None:
    for kind, values in (("string", ["a", "a", "b"]), ("bool", [True, True, False])):
        pipeline, column = _column({"deadband": 0, "data_type": kind})
        dtype: Any = object if kind == "string" else np.bool_
        kept = [
            pipeline.apply(scan_frame(column, np.array([value], dtype=dtype), i * S))[1] is not None
            for i, value in enumerate(values)
        ]
        assert kept == [True, False, True]


def test_a_tag_that_is_not_stored_is_still_seen() -> None:
    pipeline, column = _column({"store": False})
    seen, stored = pipeline.apply(scan_frame(column, np.array([1.0], np.float32), S))
    assert seen.size == 1
    assert stored is None


def test_tags_of_each_way_of_storing_are_columns_of_their_own() -> None:
    (group,) = layouts(device({}, {"deadband": 0}, {"store": False}, {}))
    ids = [column.tag_ids.tolist() for column in group.columns]
    assert ids == [[1, 4], [2], [3]]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"raw_low": 0}, "all of raw low"),
        ({"raw_low": 1, "raw_high": 1, "low": 0, "high": 1}, "must differ"),
        ({"raw_low": 0, "raw_high": 1, "low": 0, "high": 1, "scale": 2}, "not both"),
        ({"low": 2, "high": 1}, "less than"),
        ({"clamp": True}, "need the range"),
        ({"deadband": 5, "deadband_kind": "percent", "low": 0}, "need the range"),
        ({"deadband": -1}, "greater than or equal"),
        ({"data_type": "bool", "deadband": 1}, "cannot have"),
        ({"data_type": "string", "write_low": 1}, "write limits"),
        ({"write_low": 5, "write_high": 5}, "less than"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        TagConfig.model_validate({"name": "t", "address": "wave"} | fields)


def test_a_clock_that_is_set_back_does_not_silence_a_tag() -> None:
    pipeline, column = _column({"deadband": 0.5})
    values = np.ones(1, np.float32)
    year = 365 * 86_400 * S
    assert pipeline.apply(scan_frame(column, values, 2 * year))[1] is not None
    assert pipeline.apply(scan_frame(column, values, 1 * year))[1] is not None
    assert pipeline.apply(scan_frame(column, values, 1 * year + S))[1] is None


def test_a_float32_at_the_end_of_its_range_is_in_it() -> None:
    pipeline, column = _column({"low": 0.0, "high": 0.1, "clamp": True})
    seen, _ = pipeline.apply(scan_frame(column, np.array([0.1], np.float32), S))
    assert seen.quality is None
