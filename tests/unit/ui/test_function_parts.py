"""Parts of the function pages without a browser: what differs, log lines, outputs, shadows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.function_records import FunctionVersion
from hub.records import Revision, Tag
from hub.ui.components.function_compare import texts_of
from hub.ui.components.function_faults import equal_ones
from hub.ui.components.function_inputs import found_by, readable, writable
from hub.ui.components.function_log import LogLines
from hub.ui.components.function_outputs import output_tags
from hub.ui.components.function_setup import touching
from hub.ui.components.function_shadow import compare_data, shadow_figures
from hub.ui.components.function_spec import parameter_rows
from hub.ui.components.function_trend import curves
from hub.ui.components.source_diff import compared, counts, side_by_side, unified
from hub.ui.words import NOTHING
from schemas.config.devices import TagConfig
from schemas.errors import ConfigErrors
from schemas.functions import FunctionSpec, Input, Output
from schemas.kinds import Kind
from schemas.messages.health import ShadowHealth


def _tag(tag_id: int, name: str, kind: str = "float32", device: str = "Filler", **more: Any) -> Tag:
    config = TagConfig.model_validate({"name": name, "address": "a", "data_type": kind} | more)
    return Tag(tag_id, 10, device, "filling-1", config)


# --- what differs --------------------------------------------------------------------------
_BEFORE = "\n".join(f"line {number}" for number in range(30))
_AFTER = _BEFORE.replace("line 5", "line five").replace("line 20\n", "") + "\nthe end"


def test_only_changes_with_lines_around_them_are_shown() -> None:
    lines = compared(_BEFORE, _AFTER)
    kinds = [line.kind for line in lines]
    assert kinds.count("changed") == 1
    assert (kinds.count("gone"), kinds.count("new"), kinds.count("gap")) == (1, 1, 3)
    changed = next(line for line in lines if line.kind == "changed")
    assert (changed.old, changed.new, changed.after) == (6, 6, "line five")
    gone = next(line for line in lines if line.kind == "gone")
    assert (gone.old, gone.new, gone.before) == (21, 0, "line 20")
    assert counts(lines) == (2, 2)
    assert "line 12" not in {line.before for line in lines}


def test_equal_texts_have_no_difference() -> None:
    assert compared(_BEFORE, _BEFORE) == []


@pytest.mark.parametrize("drawn", [side_by_side, unified])
def test_a_source_cannot_smuggle_html_in(drawn: Any) -> None:
    lines = compared("x = '<b>'\nsame", "x = '<script>alert(1)</script>'\nsame")
    html = drawn(lines)
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;" in html


@pytest.mark.parametrize("drawn", [side_by_side, unified])
def test_each_change_can_be_stepped_to(drawn: Any) -> None:
    assert drawn(compared(_BEFORE, _AFTER)).count("data-change") == 3


def test_what_differs_within_a_line_is_marked() -> None:
    html = side_by_side(compared('version = "1.1.0"', 'version = "1.2.0"'))
    assert re.findall("<mark>(.*?)</mark>", html) == ["1", "2"]
    assert "<mark>" not in side_by_side(compared("abcdef", "uvwxyz"))


def test_one_column_has_old_lines_before_new_ones() -> None:
    html = unified(compared("a\nb\nsame", "x\ny\nsame"))
    signs = re.findall(r'class="sign">(.)<', html)
    assert signs == ["-", "-", "+", "+", " "]


def test_a_wheel_is_compared_by_what_it_declares() -> None:
    old = FunctionVersion("1.0.0", FunctionSpec("f", "1.0.0"), "a" * 64)
    new = FunctionVersion("1.1.0", FunctionSpec("f", "1.1.0", title="New"), "b" * 64)
    what, before, after = texts_of(old, new)
    assert what == "Declaration"
    assert '"title": ""' in before
    assert '"title": "New"' in after


# --- log -----------------------------------------------------------------------------------
def _lines(first: int, last: int, time_ns: int = 0) -> list[dict[str, Any]]:
    return [
        {"number": n, "time_ns": time_ns + n, "level": "info", "message": f"m{n}"}
        for n in range(first, last + 1)
    ]


def test_every_log_line_is_shown_once_and_a_gap_is_said() -> None:
    log = LogLines()
    log.started(1)
    assert [item["message"] for item in log.fresh(_lines(5, 7))] == ["m5", "m6", "m7"]
    assert log.newest == 7
    assert [item["message"] for item in log.fresh(_lines(6, 8))] == ["m8"]
    found = log.fresh(_lines(12, 12))
    assert [item["message"] for item in found] == ["⋯ 3 lines came too quickly to be shown", "m12"]


def test_a_process_that_counts_from_the_start_again_is_followed() -> None:
    log = LogLines()
    log.started(1)
    log.fresh(_lines(400, 410))
    log.started(1)
    assert log.newest == 410
    log.started(2)
    assert log.newest == 0
    assert [item["message"] for item in log.fresh(_lines(1, 2, 9000))] == ["m1", "m2"]


def test_a_gateway_that_goes_on_counting_repeats_nothing() -> None:
    log = LogLines()
    log.started(1)
    log.fresh(_lines(1, 3))
    log.started(2)
    assert [item["message"] for item in log.fresh(_lines(1, 4))] == ["m4"]


def test_a_level_that_nobody_knows_is_information() -> None:
    line = {"number": 1, "time_ns": 1, "level": "<b>", "message": "x"}
    assert LogLines().fresh([line])[0]["level"] == "info"


# --- tags ----------------------------------------------------------------------------------
_TORQUES = [_tag(n, f"Torque head {n}", device="Capper") for n in range(1, 4)]


def test_a_star_makes_a_pattern_of_the_whole_name() -> None:
    tags = [*_TORQUES, _tag(9, "Torque limit"), _tag(10, "Max torque head")]
    assert [tag.id for tag in found_by(tags, "torque head *")] == [1, 2, 3]
    assert [tag.id for tag in found_by(tags, "capper / *3")] == [3]
    assert [tag.id for tag in found_by(tags, "*torque*")] == [1, 2, 3, 9, 10]
    assert {tag.id for tag in found_by(tags, "torque head")} == {1, 2, 3, 10}


def test_only_stored_tags_of_a_fitting_kind_are_offered() -> None:
    tags = [
        _tag(1, "Float"),
        _tag(2, "Int", "int16"),
        _tag(3, "Bool", "bool"),
        _tag(4, "Text", "string"),
        _tag(5, "Live only", store=False),
    ]
    offered = {kind: [t.id for t in readable(Input("x", kind), tags)] for kind in Kind}
    assert offered == {
        Kind.FLOAT: [1, 2, 3],
        Kind.INT: [2, 3],
        Kind.BOOL: [2, 3],
        Kind.TEXT: [1, 2, 3, 4],
    }
    assert [tag.id for tag in writable([*tags, _tag(6, "Setpoint", access="rw")])] == [6]


_SPEC = FunctionSpec(
    "cap_torque",
    "1.0.0",
    inputs=(Input("torques", many=True),),
    outputs=(Output("spread", unit="Nm"), Output("mean", per="torques")),
)


def test_outputs_are_named_by_the_hubs_own_rule() -> None:
    twin = _tag(7, "Torque head 1", device="Capper 2", unit="Nm")
    found = output_tags(_SPEC, {"torques": [*_TORQUES[:1], twin]})
    assert [(tag.address, tag.name, tag.unit) for tag in found] == [
        ("spread", "spread", "Nm"),
        ("mean:1", "Torque head 1", ""),
        ("mean:7", "Capper 2 Torque head 1", "Nm"),
    ]
    assert all(tag.new for tag in found)
    named = output_tags(_SPEC, {"torques": _TORQUES[:1]}, (), {"spread": "Uneven"})
    assert named[0].name == "Uneven"


def test_tags_that_a_use_has_stay_what_they_are() -> None:
    mine = _tag(50, "My spread", "float64", address="spread")
    found = output_tags(_SPEC, {"torques": _TORQUES[:1]}, [mine])
    assert [(tag.name, tag.new) for tag in found] == [("My spread", False), ("Torque head 1", True)]


def test_two_outputs_cannot_have_one_name() -> None:
    with pytest.raises(ConfigErrors) as caught:
        output_tags(_SPEC, {"torques": _TORQUES[:1]}, (), {"spread": "X", "mean:1": "X"})
    assert caught.value.problems[0].path == "names.mean:1"


# --- shadow, trend, faults, history ----------------------------------------------------------
def test_shadow_figures_never_round_up_to_all() -> None:
    assert set(shadow_figures(None).values()) == {NOTHING}
    nearly = shadow_figures(ShadowHealth("1.2.0", 1_000_000, 999_999, 0.5, 0, 3.0))
    assert nearly["Equal"] == "99.99 %"
    assert nearly["Largest difference"] == "0.5"
    assert shadow_figures(ShadowHealth("1.2.0", 10, 10))["Equal"] == "100 %"
    fault = {"version": "1.2.0", "line": 3, "message": "bad"}
    faulty = shadow_figures(ShadowHealth("1.2.0", 0, 0, faults=2, fault=fault))
    assert faulty["Faults"] == "2 faults: 1.2.0, line 3: bad"
    assert faulty["Equal"] == NOTHING


def test_a_shadow_of_states_is_drawn_as_states() -> None:
    found = {"times_ns": [1_000_000, 2_000_000], "live": [True, None], "shadow": [False, True]}
    _, series = compare_data(found, _tag(1, "On", "bool"), ("1.0.0", "1.1.0"))
    assert series[0]["texts"] == ["true", None]
    assert series[1]["texts"] == ["false", "true"]
    text = {"times_ns": [1], "live": ["Running"], "shadow": ["Off"]}
    _, series = compare_data(text, _tag(1, "State", "string"), ("1.0.0", "1.1.0"))
    assert series[0]["texts"] == ["Running"]
    number = {"times_ns": [1_000_000], "live": [1.5], "shadow": [2.5]}
    titles, series = compare_data(number, _tag(1, "Level"), ("1.0.0", "1.1.0"))
    assert [item["title"] for item in titles] == ["1.0.0 at work", "1.1.0 shadow"]
    assert (series[1]["avg"], series[1]["t"], series[1]["texts"]) == ([2.5], [1], None)


def test_a_trend_has_inputs_and_outputs_but_not_too_many() -> None:
    found = curves([_tag(n, f"In {n}") for n in range(9)], [_tag(20, "Out")])
    assert [item["id"] for item in found] == [0, 1, 2, 3, 20]
    assert [item["role"] for item in found] == ["in"] * 4 + ["out"]


def test_equal_faults_are_one_with_how_often() -> None:
    fault = {"kind": "exception", "version": "1.0.0", "line": 3, "message": "bad"}
    other = {**fault, "line": 4}
    faults = [{**fault, "time_ns": 9}, {**other, "time_ns": 8}, {**fault, "time_ns": 7}]
    assert [(item["time_ns"], times) for item, times in equal_ones(faults)] == [(9, 2), (8, 1)]


def test_history_is_of_this_use() -> None:
    revisions = [
        Revision(1, 3, 0, "a", "Function Bowl trend changed"),
        Revision(1, 2, 0, "a", "Device Filler changed"),
    ]
    assert [item.number for item in touching(revisions, "Bowl trend")] == [3]


def test_parameters_have_type_limits_and_default() -> None:
    schema = {
        "required": ["points"],
        "properties": {
            "window_s": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600, "default": 60},
            "mode": {"$ref": "#/$defs/Mode", "default": "mean"},
            "limit": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
            "points": {"type": "array", "items": {"type": "number"}, "title": "Points"},
        },
        "$defs": {"Mode": {"enum": ["mean", "max"]}},
    }
    assert list(parameter_rows(schema)) == [
        ("window_s", "number > 0, ≤ 3600", "60", ""),
        ("mode", "mean | max", "mean", ""),
        ("limit", "number", NOTHING, ""),
        ("points", "list of number", "needed", "Points"),
    ]
