"""What people write: every mistake is named with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.addresses import check_tags
from schemas.config.base import Config, explain
from schemas.config.devices import DeviceConfig, GroupConfig, Manifest, ManifestDevice, TagConfig
from schemas.config.drivers import DRIVERS, DriverConfig, SimConfig
from schemas.errors import AddressError
from schemas.kinds import DataType, Kind

TAG = {"id": 7, "name": "Level", "address": "wave"}
DEVICE = {"id": 1, "name": "Tank", "connection": {"driver": "sim"}, "tags": [TAG]}
MANIFEST = {"spoke": "line-1", "revision": 3, "devices": [DEVICE]}


def problems(model: type[Config], found: Any, prefix: str = "") -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(found)
    return {item.path: item.message for item in explain(caught.value, prefix)}


def test_a_manifest_survives_json() -> None:
    manifest = Manifest.model_validate(MANIFEST)
    assert Manifest.model_validate(json.loads(manifest.model_dump_json())) == manifest
    assert manifest.devices[0].tags[0].data_type is DataType.FLOAT32
    assert manifest.devices[0].groups == (GroupConfig(),)


def test_every_problem_is_named_with_its_path() -> None:
    tag = {**TAG, "data_type": "floaty", "colour": "red"}
    found = problems(Manifest, {**MANIFEST, "x": 1, "devices": [{**DEVICE, "tags": [TAG, tag]}]})
    assert set(found) == {"x", "devices.0.tags.1.data_type", "devices.0.tags.1.colour"}
    assert found["x"] == "x: Extra inputs are not permitted"


def test_a_prefix_stands_before_every_path() -> None:
    assert set(problems(TagConfig, {"name": "a"}, "tags.4")) == {"tags.4.address"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"devices": [DEVICE, {**DEVICE, "id": 2}]}, "device 'Tank' occurs more than once"),
        ({"devices": [DEVICE, {**DEVICE, "name": "B"}]}, "device id '1' occurs more than once"),
    ],
)
def test_devices_differ_in_name_and_id(change: dict[str, Any], words: str) -> None:
    assert words in " ".join(problems(Manifest, {**MANIFEST, **change}).values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tags": [TAG, {**TAG, "id": 8}]}, "tag 'Level' occurs more than once"),
        ({"tags": [TAG, {**TAG, "name": "B"}]}, "tag id '7' occurs more than once"),
        ({"tags": [{**TAG, "group": "fast"}]}, "scan group 'fast' does not exist"),
        ({"groups": [{"name": "a"}, {"name": "a "}]}, "scan group 'a' occurs more than once"),
        ({"groups": []}, "at least 1"),
        ({"tags": [{**TAG, "id": 0}]}, "greater than or equal to 1"),
        ({"tags": [{**TAG, "id": 2**31}]}, "less than 2147483648"),
        ({"connection": {"driver": "fax"}}, "fax"),
        ({"connection": {"driver": "modbus"}}, "host"),
        ({"name": "a\nb"}, "control characters"),
        ({"name": "  "}, "at least 1"),
        ({"description": "a\0b"}, "NUL"),
    ],
)
def test_a_device_that_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    assert words in " ".join(problems(ManifestDevice, {**DEVICE, **change}).values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": 0}, "scale 0 would make every value the same"),
        ({"scale": float("nan")}, "finite"),
        ({"offset": float("inf")}, "finite"),
        ({"scale": 2, "data_type": "bool"}, "bool tag cannot have scale"),
        ({"offset": 1, "data_type": "string"}, "string tag cannot have scale"),
        ({"address": " "}, "at least 1"),
        ({"address": "a" * 501}, "at most 500"),
        ({"unit": "x" * 31}, "at most 30"),
    ],
)
def test_a_tag_that_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    assert words in " ".join(problems(TagConfig, {**TAG_CONFIG, **change}).values())


TAG_CONFIG = {"name": "Level", "address": "wave"}


@pytest.mark.parametrize("data_type", DataType)
def test_the_column_of_each_data_type(data_type: DataType) -> None:
    tag = TagConfig(name="a", address="b", data_type=data_type)
    assert (tag.wire, tag.kind) == (data_type.wire, data_type.kind)
    if data_type.kind in (Kind.INT, Kind.FLOAT):
        scaled = tag.model_copy(update={"offset": -1.0})
        assert (scaled.wire, scaled.kind) == ("<f8", Kind.FLOAT)


def test_a_model_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        GroupConfig().period_ms = 5


@pytest.mark.parametrize("period", [19, 3_600_001, 1.5, "soon"])
def test_a_period_has_limits(period: Any) -> None:
    assert set(problems(GroupConfig, {"period_ms": period})) == {"period_ms"}


@pytest.mark.parametrize("model", [*DRIVERS.values(), DeviceConfig, TagConfig, GroupConfig])
def test_every_field_of_a_form_has_a_title(model: type[Config]) -> None:
    schema = model.model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["description"]
    for name, field in schema["properties"].items():
        if name not in ("driver", "connection", "groups"):
            assert field["title"][0].isupper(), name
            assert "_" not in field["title"], name


@pytest.mark.parametrize("model", DRIVERS.values())
def test_every_driver_setting_says_what_it_is(model: type[Config]) -> None:
    properties = model.model_json_schema()["properties"]
    without = {name for name, field in properties.items() if not field.get("description")}
    assert without <= {"driver", "password"}


def test_the_drivers_and_their_union_are_the_same() -> None:
    schema = TypeAdapter(DriverConfig).json_schema()
    assert set(schema["discriminator"]["mapping"]) == {*DRIVERS, "function"}  # it is no protocol
    for name, model in DRIVERS.items():
        assert model.model_fields["driver"].default == name


def test_a_password_is_drawn_as_one() -> None:
    for model in DRIVERS.values():
        for name, field in model.model_json_schema()["properties"].items():
            assert (field.get("format") == "password") == ("password" in name)


class _Foreign(SimConfig):
    driver: Any = "acme"


def test_addresses_are_checked_by_the_driver_that_reads_them() -> None:
    tags = [TagConfig(name=name, address=name) for name in ("wave", "HR:0", "ramp:3", "DB1.DBD4")]
    found = check_tags(tags, SimConfig())
    assert [item.path for item in found] == ["tags.1.address", "tags.3.address"]
    assert all(isinstance(item, AddressError) and item.hint for item in found)
    assert found[0].message.startswith("HR:0: ")
    assert check_tags(tags, _Foreign()) == []


def test_every_driver_of_ours_checks_addresses() -> None:
    settings = {
        "modbus": {"host": "a"},
        "s7": {"host": "a"},
        "opcua": {"endpoint": "opc.tcp://a"},
        "sim": {},
    }
    assert set(settings) == set(DRIVERS)
    tags = [TagConfig(name="a", address="no such place ~~")]
    for name, fields in settings.items():
        found = check_tags(tags, DRIVERS[name].model_validate(fields))
        assert [item.path for item in found] == ["tags.0.address"], name


def test_overlaps_are_named_at_their_own_tag_behind_a_wrong_one() -> None:
    tags = [
        TagConfig(name="wrong", address="nowhere"),
        TagConfig(name="float", address="HR:10", data_type=DataType.FLOAT32),
        TagConfig(name="half", address="HR:11", data_type=DataType.UINT16),
    ]
    found = check_tags(tags, DRIVERS["modbus"].model_validate({"host": "a"}))
    assert found[0].path == "tags.0.address"
    assert {item.path for item in found[1:]} <= {"tags.1.address", "tags.2.address"}
    assert len(found) > 1
