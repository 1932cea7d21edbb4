"""What *Why bad* says: whether a scan fits, why a tag is bad, and the trace as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.records import Latest, Tag
from hub.ui.components.reasons import hint_words, reasons_of
from hub.ui.components.scan_plan import actual_words, plan_words, verdict
from hub.ui.components.trace_table import as_text
from schemas.config.devices import TagConfig
from schemas.messages.diagnosis import Exchange, GroupDiagnosis
from schemas.messages.health import DeviceHealth
from schemas.quality import Quality, is_good, words

GROUP = GroupDiagnosis("fast", 50, 9, request_count=3, requests_per_s=60, round_trip_ms=31)


@pytest.mark.parametrize(
    ("predicted_ms", "measured_ms", "level"),
    [
        (20, 0, "ok"),
        (45, 0, "warn"),
        (93, 0, "bad"),
        (20, 93, "bad"),
        (93, 20, "ok"),
        (0, 0, "off"),
    ],
)
def test_a_scan_fits_or_not_and_a_measured_time_counts_more(
    predicted_ms: float, measured_ms: float, level: str
) -> None:
    group = replace(GROUP, predicted_ms=predicted_ms, mean_ms=measured_ms)
    assert verdict(group)[0] == level


@pytest.mark.parametrize(
    ("predicted_ms", "period"), [(93, "200 ms"), (390, "500 ms"), (900, "2 s"), (8, "10 ms")]
)
def test_the_period_that_is_advised_would_fit(predicted_ms: float, period: str) -> None:
    group = replace(GROUP, period_ms=5, predicted_ms=predicted_ms)
    assert f"Set the period to {period} or more" in verdict(group)[2]


def test_what_a_scan_asks_is_one_sentence() -> None:
    text = plan_words(replace(GROUP, predicted_ms=93.0))
    assert text == (
        "9 tags in 3 requests every 50 ms: 60.0 requests/s. One takes 31 ms, so a scan takes 93 ms."
    )
    assert "nothing is asked" in plan_words(replace(GROUP, subscribed=True))
    assert verdict(replace(GROUP, subscribed=True, predicted_ms=900))[0] == "ok"


def test_skipped_scans_are_a_share() -> None:
    assert "25 of 100 scans skipped (25.0%)" in actual_words(replace(GROUP, scans=75, skipped=25))
    assert "none skipped" in actual_words(replace(GROUP, scans=75))


def _tag(tag_id: int) -> Tag:
    return Tag(tag_id, 1, "Oven", "line", TagConfig(name=f"T{tag_id}", address="HR:0"))


def test_the_gateways_own_problem_comes_before_the_quality_and_bad_before_uncertain() -> None:
    tags = [_tag(1), _tag(2), _tag(3), _tag(4)]
    latest = {
        1: Latest(1, 5, 1.0, Quality.UNCERTAIN_CLOCK),
        2: Latest(2, 5, None, Quality.BAD_COMM_FAILURE),
        3: Latest(3, 5, 1.0, Quality.GOOD),
        4: Latest(4, 5, None, Quality.BAD_OUT_OF_RANGE),
    }
    problem = {"message": "No such register.", "hint": "Check the address."}
    health = DeviceHealth(1, "running", tag_problems={"2": problem})
    found = reasons_of(tags, health, latest)
    assert [(item.tag.id, item.level) for item in found] == [(2, "bad"), (4, "bad"), (1, "warn")]
    assert (found[0].message, found[0].hint) == ("No such register.", "Check the address.")
    assert found[1].message == "Out of range"
    assert "byte order" in found[1].hint
    assert "clock" in found[2].hint


def test_every_quality_that_is_not_good_has_something_to_do() -> None:
    without = {words(code) for code in Quality if not is_good(code)} - set(hint_words())
    assert without == {"bad"}, "only the quality that says nothing has no hint"


def test_a_trace_as_text_marks_what_went_wrong() -> None:
    good = Exchange(
        1_700_000_000_123_000_000, 6.12, "read HR:0", "2 values", True, "01 03", "01 04"
    )
    bad = replace(good, answer="exception 2", good=False, received="")
    lines = as_text([good, bad]).splitlines()
    assert lines[0] == "2023-11-14 22:13:20.123Z  6.1 ms  read HR:0"
    assert lines[1:4] == ["    answer: 2 values", "    sent: 01 03", "    received: 01 04"]
    assert lines[4].endswith("<-- bad")
    assert lines[-1] == "    sent: 01 03"
