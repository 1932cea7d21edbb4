"""Functions at work in words, rates and rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.function_records import Use, UseDraft
from hub.records import Device, Spoke
from hub.ui.components.function_head import figures
from hub.ui.components.function_rates import IDLE, Rate, Rates, rate_of
from hub.ui.components.function_rows import use_row
from hub.ui.components.function_setup import parameter_facts
from hub.ui.components.function_words import (
    changes,
    contained_words,
    fault_words,
    first_sentence,
    function_badge,
    state_note,
    use_badge,
)
from hub.ui.words import NOTHING
from schemas.config.devices import DeviceConfig
from schemas.config.functions import FunctionConfig, LimitsConfig
from schemas.functions import FunctionSpec, Input
from schemas.messages.health import FunctionHealth, SpokeHealth

NS = 1_000_000_000
START_NS = 1_790_000_000 * NS
FAULT = {"version": "1.2.0", "line": 14, "message": "division by zero", "time_ns": START_NS}
SPEC = FunctionSpec(
    "level_trend",
    "1.2.0",
    inputs=(Input("level"), Input("others", many=True)),
    parameters={
        "properties": {
            "window_s": {"type": "number", "default": 60.0, "title": "Window (s)"},
            "limit": {"type": "number", "default": 90.0},
        }
    },
)


def _health(state: str = "running", **more: object) -> FunctionHealth:
    known = {"version": "1.2.0", "since_ns": START_NS, "batches": 40, "values_in": 200}
    return FunctionHealth(7, state, **{**known, **more})  # type: ignore[arg-type]


def _use(health: FunctionHealth | None, *, enabled: bool = True, online: bool = True) -> Use:
    connection = FunctionConfig(function="level_trend", version="1.2.0", package="a" * 64)
    config = DeviceConfig(name="Bowl", connection=connection, enabled=enabled)
    device = Device(7, 1, "filling-1", config, 2, 1)
    return Use(device, "level_trend", "1.2.0", health, online)


def _spoke(health: FunctionHealth, seconds: float, *, online: bool = True) -> Spoke:
    time_ns = START_NS + int(seconds * NS)
    said = SpokeHealth("filling-1", "1", time_ns, START_NS, 1, functions=(health,))
    return Spoke(1, "filling-1", "", 0, 1, 1, time_ns, online, said)


# --- rates ---------------------------------------------------------------------------------
def test_the_first_look_is_the_mean_since_the_start_and_then_what_came_in_between() -> None:
    rates = Rates()
    rates.look([_spoke(_health(cpu_s=2.0, values_in=1000, values_out=500), 100)])
    assert rates.of(7) == Rate(2.0, 10.0, 5.0)
    later = _health(cpu_s=2.5, values_in=1500, values_out=900, batches=80)
    rates.look([_spoke(later, 110)])
    assert rates.of(7) == Rate(5.0, 50.0, 40.0)
    rates.look([_spoke(later, 110)])
    assert rates.of(7) == Rate(5.0, 50.0, 40.0), "the same message twice changes nothing"


def test_a_new_process_is_not_compared_with_the_one_before() -> None:
    before = START_NS + 50 * NS, _health(cpu_s=90.0, batches=900)
    fresh = _health(cpu_s=1.0, values_in=100, since_ns=START_NS + 60 * NS)
    assert rate_of(fresh, START_NS + 70 * NS, before).cpu_percent == pytest.approx(10.0)


def test_nothing_is_claimed_of_a_use_that_stands_or_is_away() -> None:
    rates = Rates()
    rates.look([_spoke(_health("stopped", cpu_s=9.0), 100)])
    assert rates.of(7) == IDLE
    rates.look([_spoke(_health(cpu_s=9.0), 100)])
    rates.look([_spoke(_health(cpu_s=9.0), 105, online=False)])
    assert rates.of(7) == IDLE
    assert rates.of(8) == IDLE


# --- states --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("use", "badge"),
    [
        (_use(_health()), ("ok", "Running")),
        (_use(_health(faults=2)), ("warn", "Running, faults")),
        (_use(_health("stopped", faults=5)), ("bad", "Stopped")),
        (_use(_health(faults=2), enabled=False), ("off", "Switched off")),
        (_use(_health(faults=2), online=False), ("off", "Gateway offline")),
        (_use(None), ("off", "Unknown")),
    ],
)
def test_a_use_has_a_state_in_words(use: Use, badge: tuple[str, str]) -> None:
    assert use_badge(use) == badge


def test_a_function_is_as_bad_as_its_worst_use() -> None:
    good, faulty = _use(_health()), _use(_health(faults=1))
    stopped, away = _use(_health("stopped")), _use(_health(), online=False)
    assert function_badge([]) == ("off", "Not in use")
    assert function_badge([good, good]) == ("ok", "Running")
    assert function_badge([good, _use(_health(), enabled=False)]) == ("ok", "Running")
    assert function_badge([good, faulty]) == ("warn", "1 of 2 faults")
    assert function_badge([faulty, stopped, good]) == ("bad", "1 of 3 stopped")
    assert function_badge([good, away]) == ("off", "1 of 2 offline")
    assert function_badge([stopped]) == ("bad", "Stopped")


def test_the_last_error_is_version_line_and_message() -> None:
    assert fault_words(FAULT) == "1.2.0, line 14: division by zero"
    assert fault_words({"version": "1.2.0", "message": "too slow"}) == "1.2.0: too slow"
    assert fault_words(None) == ""
    row = use_row(_use(_health(faults=3, fault=FAULT)), Rates())
    assert (row["faults"], row["error"]) == (3, "1.2.0, line 14: division by zero")
    assert row["href"] == "/functions/uses/7"


def test_what_is_not_contained_is_said_too() -> None:
    all_of_it = ("memory", "network", "files", "processes")
    words = contained_words(_health(contained=all_of_it), built_in=False)
    assert words.startswith("A process of its own: its memory is limited, it has no network")
    assert "can" not in words.replace("cannot", "")
    some = contained_words(_health(contained=("memory",)), built_in=False)
    assert "it can reach the network" in some
    assert "it can start other programs" in some
    assert "without a process of its own" in contained_words(None, built_in=True)
    assert contained_words(None, built_in=False) == "Not known before its process runs."


def test_figures_warn_near_a_limit_and_are_empty_while_nothing_is_known() -> None:
    calm = figures(_use(_health(slowest_s=0.02, lag_s=0.4)), Rate(3.0, 10.0, 5.0))
    assert [level for level, _, _ in calm] == ["ok"] * 6
    near = figures(_use(_health(slowest_s=0.9, lag_s=40.0)), Rate(45.0, 10.0, 5.0))
    assert [level for level, _, _ in near] == ["ok", "warn", "ok", "warn", "warn", "ok"]
    away = figures(_use(_health(faults=3), online=False), IDLE)
    assert {value for _, value, _ in away[1:]} == {NOTHING}
    assert figures(_use(_health("stopped", faults=5)), IDLE)[5][:2] == ("bad", "5")


# --- changes -------------------------------------------------------------------------------
_OLD = UseDraft("Bowl", "level_trend", "1.1.0", {"window_s": 120.0}, {"level": (1,)})


def test_a_change_is_told_line_by_line() -> None:
    new = replace(
        _OLD,
        version="1.2.0",
        parameters={"window_s": 30.0, "limit": 90.0},
        inputs={"level": (2,), "others": (3, 4)},
        writes={"speed": 5},
        limits=LimitsConfig(memory_mb=512),
        names={"slope": "Bowl slope"},
    )
    assert changes(_OLD, new, SPEC, {1: "Filler / Level", 2: "Filler / Other"}) == [
        "Version: 1.1.0 becomes 1.2.0",
        "Input level: Filler / Level becomes Filler / Other",
        "Input others: 2 tags more",
        "Parameter window_s: 120 becomes 30",
        "Writes speed: none becomes tag 5",
        "Memory (MB): 256 becomes 512",
        "Output slope is called Bowl slope",
    ]


def test_a_default_that_is_written_down_is_no_change() -> None:
    same = replace(_OLD, parameters={"window_s": 120.0, "limit": 90.0})
    assert changes(_OLD, same, SPEC, {}) == []


def test_the_order_of_many_inputs_counts() -> None:
    one = replace(_OLD, inputs={"others": (1, 2, 3)})
    other = replace(_OLD, inputs={"others": (3, 2, 1)})
    assert changes(one, other, SPEC, {}) == ["Input others: another order"]


def test_the_state_stays_with_the_major_number() -> None:
    assert "goes on with its state" in state_note("1.1.0", "1.2.0")
    assert "starts anew" in state_note("1.9.0", "2.0.0")
    assert "stays" in state_note("1.1.0", "1.1.0")


def test_parameters_say_what_is_only_the_default() -> None:
    config = FunctionConfig(function="level_trend", parameters={"window_s": 30.0})
    assert parameter_facts(config, SPEC) == {"Window (s)": "30", "limit": "90 (default)"}


def test_one_line_of_a_description() -> None:
    assert first_sentence("Holds a value.\n  More of it. And more.") == "Holds a value."
    assert first_sentence("Bar to psi") == "Bar to psi"
