"""A small file or body that would become something huge."""

from __future__ import annotations

import io
import time
import zipfile

import openpyxl
import pytest

from hub.bulk import ImportOptions, Parameter, Profile
from hub.fleet import profile_plans, validation
from hub.fleet.drafts import checked, template_of
from hub.tagfiles.kinds import read_file
from hub.tagfiles.own_table import write_table
from hub.tagfiles.preview import preview_rows
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConfigErrors

DEVICE = DeviceConfig.model_validate(
    {"name": "d", "connection": {"driver": "modbus", "host": "127.0.0.1"}}
)


def profile(tags, parameters=(), **connection):
    device = {"connection": {"driver": "modbus", "host": "127.0.0.1", **connection}}
    return Profile(0, "p", 0, "", "modbus", tuple(parameters), device, tuple(tags))


def test_arrays_of_a_file_are_counted_while_they_unfold():
    rows = "".join(f"n{n},HR:0[1000],int16\n" for n in range(5000))
    content = f"name,address,data_type\n{rows}".encode()
    file = read_file("tags.csv", content, DEVICE, ImportOptions())
    started = time.process_time()
    with pytest.raises(ConfigError, match="100,000 tags"):
        preview_rows(file, DEVICE, [], ImportOptions())
    assert time.process_time() - started < 15


def test_arrays_of_a_device_are_counted_while_they_unfold(monkeypatch):
    monkeypatch.setattr(validation, "MAX_TAGS", 100)
    array = TagConfig(name="n", address="HR:0[60]", data_type="int16")
    assert len(validation.expand_and_check(DEVICE, [array])) == 60
    with pytest.raises(ConfigErrors, match="more than 100 tags"):
        validation.expand_and_check(DEVICE, [array, array])


def test_arrays_of_many_devices_are_counted(monkeypatch):
    monkeypatch.setattr(profile_plans, "MAX_TAGS", 100)
    kind = checked(profile([{"name": "n", "address": "HR:0[40]", "data_type": "int16"}]))
    rows = [{"name": f"d{n}"} for n in range(3)]
    assert len(profile_plans.plan_rows(template_of(kind), rows[:2])) == 2
    with pytest.raises(ConfigErrors, match="100 tags at a time"):
        profile_plans.plan_rows(template_of(kind), rows)


def test_holes_that_would_be_gigabytes():
    tag = {"name": "t", "address": "HR:0", "description": "{a}" * 1_000_000}
    with pytest.raises(ConfigErrors, match="longer than"):
        checked(profile([tag], [Parameter("a", default="x" * 500)]))


def test_a_profile_that_is_nested_without_end():
    deep: object = "x"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ConfigErrors, match="nested"):
        checked(profile([], more=deep))


def test_far_rows_of_many_sheets_are_counted_together():
    book = openpyxl.Workbook()
    for number in range(30):
        page = book.create_sheet(f"S{number}")
        page["A1"] = "name"
        page["A900000"] = 1
    file = io.BytesIO()
    book.save(file)
    started = time.process_time()
    with pytest.raises(ConfigError, match="100,000 rows"):
        read_file("tags.xlsx", file.getvalue(), DEVICE, ImportOptions())
    assert time.process_time() - started < 10


def test_our_own_workbook_says_its_size():
    """Without it openpyxl parses every sheet twice."""
    content = write_table([(1, TagConfig(name="t", address="HR:0"))], "xlsx")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b'<dimension ref="A1:' in archive.read("xl/worksheets/sheet1.xml")
