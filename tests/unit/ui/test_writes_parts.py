"""What writing asks and says, and which texts are values."""

from __future__ import annotations

from typing import Any

import pytest

from hub.records import Device, Tag
from hub.ui.components.write_fields import number_of
from hub.ui.components.write_words import limits_words, question, result_words
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.drivers import SimConfig
from schemas.errors import WriteRefusedError
from schemas.messages.writes import WriteResult, WriteState

DEVICE = Device(1, 1, "line", DeviceConfig(name="Filler 3", connection=SimConfig()), 2, 1)


def _tag(**more: Any) -> Tag:
    found = {"name": "Setpoint", "address": "wave", "unit": "°C", "access": "rw"} | more
    return Tag(7, 1, "Filler 3", "line", TagConfig.model_validate(found))


def test_the_question_names_value_unit_tag_and_device() -> None:
    tag = _tag()
    assert question(DEVICE, {7: tag}, {7: 42.0}) == "Write 42 °C to Setpoint on Filler 3?"
    valve = _tag(name="Valve", data_type="bool", unit="")
    assert question(DEVICE, {7: valve}, {7: True}) == "Write on (true) to Valve on Filler 3?"
    assert question(DEVICE, {7: tag, 8: valve}, {7: 1.0, 8: False}) == "Write 2 values to Filler 3?"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("42,5", 42.5),
        (" 5e1 ", 50.0),
        ("", "A value is needed."),
        ("12 bar", "A number is needed."),
        ("nan", "A number is needed."),
        ("inf", "A number is needed."),
        ("99.9", "Allowed: 0 to 90 °C."),
        ("-1", "Allowed: 0 to 90 °C."),
    ],
)
def test_only_numbers_within_the_limits_are_values(text: str, found: object) -> None:
    assert number_of(text, _tag(write_low=0, write_high=90)) == found


def test_a_whole_number_stays_whole_and_keeps_64_bits() -> None:
    tag = _tag(data_type="int64")
    assert number_of("9007199254740993", tag) == 9007199254740993
    assert number_of("1.5", tag) == "A whole number is needed."
    assert number_of("1.5", _tag(data_type="int64", scale=0.1)) == 1.5


def test_limits_in_words() -> None:
    assert limits_words(_tag()) == ""
    assert limits_words(_tag(write_low=3)) == "Allowed: 3 °C or more"
    assert limits_words(_tag(write_high=3, unit="")) == "Allowed: 3 or less"


def test_every_state_has_a_level_and_only_verified_and_written_are_good() -> None:
    levels = {state: result_words(WriteResult(7, state), _tag())[0] for state in WriteState}
    assert levels == {
        WriteState.VERIFIED: "ok",
        WriteState.WRITTEN: "ok",
        WriteState.DIFFERS: "warn",
        WriteState.REFUSED: "bad",
        WriteState.UNKNOWN: "warn",
    }


def test_results_say_what_was_read_and_why_it_was_refused() -> None:
    differs = result_words(WriteResult(7, WriteState.DIFFERS, 41.0), _tag())
    assert differs[1] == "Written, but now it is 41 °C"
    error = WriteRefusedError("Write protected.", hint="Set the PLC to remote.").as_dict()
    refused = result_words(WriteResult(7, WriteState.REFUSED, error=error), _tag())
    assert refused[1:] == ("Not written", "Write protected. Set the PLC to remote.")
    unknown = result_words(WriteResult(7, WriteState.UNKNOWN), _tag())
    assert "may have been written or not" in unknown[2]
    assert "does not try it again" in unknown[2]
