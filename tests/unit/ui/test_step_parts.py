"""Tag patterns of a step, and functions in the words of devices."""

from __future__ import annotations

from dataclasses import replace

from hub.records import Device, Spoke
from hub.ui.components.device_rows import device_row, function_health
from hub.ui.components.function_state import use_problems
from hub.ui.components.step_row import count_words, patterns_of
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.functions import FunctionConfig
from schemas.kinds import DataType
from schemas.messages.health import FunctionHealth, SpokeHealth

_USE = FunctionConfig(function="level_trend", version="1.2.0", package="0" * 64)
_HEALTH = FunctionHealth(7, "running", "1.2.0")
_FAULT = {"line": 14, "message": "ZeroDivisionError: division by zero"}


def _tags(*names: str, data_type: DataType = DataType.FLOAT32) -> list[TagConfig]:
    return [TagConfig(name=name, address="HR:0", data_type=data_type) for name in names]


def _spoke(health: FunctionHealth) -> Spoke:
    said = SpokeHealth("filling-1", "0.1.0", 1, 1, 1, functions=(health,))
    return Spoke(1, "filling-1", "", 1, 1, 1, 1, online=True, health=said)


def _device(*, enabled: bool = True) -> Device:
    config = DeviceConfig(name="Bowl trend", connection=_USE, enabled=enabled)
    return Device(7, 1, "filling-1", config, 1, 1)


def test_patterns_are_apart_by_semicolons_and_counted_as_the_gateway_matches_them() -> None:
    assert patterns_of(" Speed;Torque *; ") == ["Speed", "Torque *"]
    tags = [*_tags("Speed", "Torque 1", "Torque 2"), *_tags("State", data_type=DataType.STRING)]
    assert count_words("Torque*", tags) == "2 tags: Torque 1, Torque 2"
    assert count_words("*", tags) == "3 tags: Speed, Torque 1, Torque 2"
    assert count_words("State", tags) == "No number of this device is called so."
    assert count_words("Speed", []) == "The device has no tags yet."
    assert count_words(" ; ", tags) == ""
    many = _tags(*(f"T{number}" for number in range(9)))
    assert count_words("T*", many).endswith("T3 and 5 more")


def test_a_function_is_a_device_row_with_the_state_of_its_gateway() -> None:
    row = device_row(_device(), True, function_health([_spoke(_HEALTH)]))
    assert (row["driver"], row["address"], row["state"]) == (
        "Function",
        "level_trend 1.2.0",
        "Running",
    )
    assert row["href"] == "/devices/7"
    assert row["address_href"] == row["state_href"] == "/functions/uses/7"
    stopped = replace(_HEALTH, state="stopped", fault=_FAULT)
    row = device_row(_device(), True, function_health([_spoke(stopped)]))
    assert (row["state"], row["state_level"]) == ("Stopped", "bad")
    assert row["problem"] == "Line 14: ZeroDivisionError: division by zero"
    off = device_row(_device(enabled=False), True, function_health([_spoke(stopped)]))
    assert (off["state"], off["problem"]) == ("Switched off", "")


def test_faults_are_a_warning_and_a_stop_is_a_problem() -> None:
    assert use_problems([_spoke(_HEALTH)], [_device()]) == []
    faulty = replace(_HEALTH, faults=3, fault=_FAULT)
    (found,) = use_problems([_spoke(faulty)], [_device()])
    assert (found.level, found.target) == ("warn", "/functions/uses/7")
    assert found.message.startswith("3 faults in ten minutes. Line 14")
    (found,) = use_problems([_spoke(replace(faulty, state="stopped"))], [_device()])
    assert (found.level, found.state) == ("bad", "Stopped")
    assert use_problems([_spoke(faulty)], [_device(enabled=False)]) == []
    away = replace(_spoke(faulty), online=False)
    assert use_problems([away], [_device()]) == []
