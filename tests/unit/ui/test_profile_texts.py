"""Profiles between records, tables and JSON; texts that count; cells from a spreadsheet."""

from __future__ import annotations

import pytest

from hub.bulk import Parameter, Profile
from hub.ui.components.cell_table import pasted_cells
from hub.ui.components.fill_pattern import counts, filled, filled_rows
from hub.ui.components.profile_texts import (
    as_json,
    at_row,
    columns_to_fill,
    fits_form,
    of_json,
    parameters_of,
    said,
    tag_cells,
    tag_columns,
    tag_of,
)
from schemas.errors import ConfigError, ConfigErrors

DEVICE = {
    "name": "{name}",
    "connection": {"driver": "modbus", "host": "{host}", "unit_id": "{unit_id}"},
    "groups": [{"name": "normal", "period_ms": 1000}],
}


@pytest.mark.parametrize(
    ("pattern", "number", "text"),
    [
        ("Pump {n:02}", 7, "Pump 07"),
        ("Pump {n:02}", 123, "Pump 123"),
        ("10.0.0.{n+10}", 5, "10.0.0.15"),
        ("{n-1}/{n}", 1, "0/1"),
        ("{n+100:4}", 1, "0101"),
        ("{host} {nn}", 1, "{host} {nn}"),
    ],
)
def test_a_pattern_counts(pattern: str, number: int, text: str) -> None:
    assert filled(pattern, number) == text


def test_thirty_of_these() -> None:
    rows = filled_rows({"name": "Pump {n:02}", "host": "10.0.0.{n}", "note": "x"}, 1, 30)
    assert len(rows) == 30
    assert rows[0] == {"name": "Pump 01", "host": "10.0.0.1", "note": "x"}
    assert rows[-1] == {"name": "Pump 30", "host": "10.0.0.30", "note": "x"}
    assert counts("10.0.0.{n}")
    assert not counts("10.0.0.1")


def test_cells_from_a_spreadsheet() -> None:
    assert pasted_cells("a\tb\r\nc\t\r\n") == [["a", "b"], ["c", ""]]
    assert pasted_cells("one") == [["one"]]


def test_a_tag_survives_the_table_as_it_was() -> None:
    tag = {
        "name": "{name} speed",
        "address": "HR:{base}",
        "data_type": "int16",
        "scale": 0.1,
        "group": "normal",
        "clamp": True,
        "low": 0.0,
        "high": "{high}",
    }
    columns = tag_columns([tag])
    assert {"name", "address", "clamp", "low", "high"} <= set(columns)
    assert "raw_low" not in columns
    cells = {name: tag_cells(tag).get(name, "") for name in columns}
    assert cells["clamp"] == "true"
    assert cells["unit"] == ""
    assert tag_of(cells) == tag


def test_the_form_holds_texts_and_numbers_but_no_parameter_in_a_choice() -> None:
    assert fits_form(DEVICE)
    choice = {**DEVICE, "connection": {"driver": "modbus", "host": "h", "transport": "{kind}"}}
    assert not fits_form(choice)
    unknown = {**DEVICE, "connection": {"driver": "modbus", "host": "h", "colour": "red"}}
    assert not fits_form(unknown)
    assert not fits_form({**DEVICE, "connection": {"driver": "none"}})


def test_json_comes_back_and_mistakes_have_their_line() -> None:
    tags = ({"name": "A", "address": "HR:1"}, {"name": "B", "address": "HR:2"})
    assert of_json(as_json(DEVICE, tags)) == (DEVICE, tags)
    assert of_json(as_json(DEVICE, ())) == (DEVICE, ())
    with pytest.raises(ConfigErrors) as error:
        of_json('{\n "device": {},\n "tags": [}\n')
    assert "Line 3" in error.value.problems[0].message
    with pytest.raises(ConfigErrors):
        of_json("[]")
    with pytest.raises(ConfigErrors):
        of_json('{"device": {}, "tags": [1]}')


def test_problems_find_their_cell() -> None:
    problem = ConfigError("host: a value is missing.", hint="Fill it in.", path="rows.3.host")
    assert at_row(problem, "rows") == (3, "host", "A value is missing. Fill it in.")
    assert at_row(ConfigError("No.", path="rows.3"), "rows") == (3, "name", "No.")
    assert at_row(ConfigError("No.", path="rows"), "rows") is None
    assert at_row(ConfigError("No.", path="tags.1.name"), "rows") is None
    assert said(ConfigError("No", path="")) == "No."


def test_the_table_of_devices_starts_with_the_name() -> None:
    parameters = (Parameter("host", "Host"), Parameter("unit_id", "", "1"))
    profile = Profile(1, "Meter", 1, "", "modbus", parameters, DEVICE, ())
    assert columns_to_fill(profile) == [
        ("name", "Name"),
        ("host", "Host"),
        ("unit_id", "Unit id (1)"),
    ]


def test_empty_rows_are_no_parameters() -> None:
    rows = [
        {"name": "host", "title": "Host", "default": ""},
        {"name": "", "title": "", "default": ""},
    ]
    assert parameters_of(rows) == (Parameter("host", "Host"),)
