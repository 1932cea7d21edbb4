"""Arrays: one line in the tag list, a tag for each element."""

from __future__ import annotations

import time

import pytest

from schemas.addresses import check_tags, expand
from schemas.addresses.arrays import elements
from schemas.config.devices import TagConfig
from schemas.config.drivers import ModbusConfig, OpcUaConfig, S7Config, SimConfig
from schemas.errors import AddressError

PLC = ModbusConfig(host="plc")


def tag(name: str, address: str, data_type: str = "float32", **more: object) -> TagConfig:
    return TagConfig.model_validate(
        {"name": name, "address": address, "data_type": data_type, **more}
    )


@pytest.mark.parametrize(
    ("address", "data_type", "expected"),
    [
        ("HR:0[3]", "float32", ["HR:0", "HR:2", "HR:4"]),
        ("40001[2]@CDAB", "float64", ["40001@CDAB", "40005@CDAB"]),
        ("40001@CDAB[2]", "float64", ["40001@CDAB", "40005@CDAB"]),
        ("HR:100:20[2]", "string", ["HR:100:20", "HR:110:20"]),
        ("HR:10.14[3]", "bool", ["HR:10.14", "HR:10.15", "HR:11.0"]),
        ("CO:8[2]", "bool", ["CO:8", "CO:9"]),
        (" HR:7[1] ", "int16", ["HR:7"]),
    ],
)
def test_elements(address: str, data_type: str, expected: list[str]) -> None:
    found = expand([tag("Oven", address, data_type)], PLC)
    assert [one.address for one in found] == expected
    assert [one.name for one in found] == [f"Oven[{i}]" for i in range(len(expected))]
    assert check_tags(found, PLC) == []


def test_everything_else_of_the_tag_is_kept_and_others_stay_in_place() -> None:
    before, after = tag("a", "HR:90"), tag("z", "IR:90")
    array = tag("Zone", "HR:0[2]", "int16", unit="°C", scale=0.1, access="rw", group="fast")
    found = expand([before, array, after], PLC)
    assert [one.name for one in found] == ["a", "Zone[0]", "Zone[1]", "z"]
    assert found[0] is before
    assert found[3] is after
    for one in found[1:3]:
        same = one.model_copy(update={"name": array.name, "address": array.address})
        assert same == array


def test_expanding_twice_changes_nothing() -> None:
    once = expand([tag("a", "HR:0[5]"), tag("b", "CO:1", "bool")], PLC)
    assert expand(once, PLC) == once


@pytest.mark.parametrize(
    ("address", "says", "hint"),
    [
        ("HR:0[0]", "1 to 1000 elements, not 0", "[10]"),
        ("HR:0[1001]", "1 to 1000 elements, not 1001", "[10]"),
        ("HR:0[]", "not nothing", "[10]"),
        ("HR:0[0..9]", "not 0..9", "[10]"),
        ("HR:0[-1]", "not -1", "[10]"),
        ("HR:0[\u0663]", "1 to 1000", "[10]"),
        ("HR:0[99999999999999999999]", "1 to 1000", "[10]"),
        ("HX:0[3]", "not a Modbus address", "HR:0"),
        ("HR:0[2][3]", "array", "HR:0[10]"),
        ("HR:65530[4]", "the last holding register is 65535", "HR:65534"),
        ("HR:0.0[3]", "is a bool", "bool"),
    ],
)
def test_a_wrong_array_is_named_with_its_path(address: str, says: str, hint: str) -> None:
    with pytest.raises(AddressError) as caught:
        expand([tag("a", "HR:0"), tag("Oven", address)], PLC)
    assert caught.value.path == "tags.1.address"
    assert caught.value.message.startswith("Oven: ")
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_the_names_of_elements_have_room() -> None:
    assert len(expand([tag("n" * 97, "HR:0[10]")], PLC)[9].name) == 100
    with pytest.raises(AddressError, match="longer than 100") as caught:
        expand([tag("n" * 97, "HR:0[11]")], PLC)
    assert "96 characters" in caught.value.hint


def test_brackets_of_an_opcua_node_are_its_own() -> None:
    node = tag("a", 'ns=3;s="Data"."Zone"[2]')
    assert expand([node], OpcUaConfig(endpoint="opc.tcp://plc:4840")) == [node]


def test_a_simulated_device_has_no_arrays() -> None:
    with pytest.raises(AddressError, match="sim has no arrays"):
        expand([tag("a", "wave[3]")], SimConfig())


def test_a_string_length_of_s7_is_no_array() -> None:
    cpu = S7Config(host="plc")
    text = tag("a", "DB1.20:STRING[30]", "string")
    assert elements(text, cpu) == [text]
    found = expand([tag("a", "DB1.20:STRING[30][2]", "string")], cpu)
    assert [one.address for one in found] == ["DB1.20:STRING[30]", "DB1.52:STRING[30]"]


@pytest.mark.parametrize(
    ("address", "data_type", "last"),
    [
        ("DB1.DBD10[5]", "float32", "DB1.DBD26"),
        ("DB1.10:REAL[5]", "float32", "DB1.26:REAL"),
        ("MW20[5]", "int16", "MW28"),
        ("DB1.DBX0.6[5]", "bool", "DB1.DBX1.2"),
    ],
)
def test_arrays_of_s7(address: str, data_type: str, last: str) -> None:
    found = expand([tag("Zone", address, data_type)], S7Config(host="plc"))
    assert (found[4].name, found[4].address) == ("Zone[4]", last)
    assert check_tags(found, S7Config(host="plc")) == []


def test_ten_thousand_tags_in_a_moment() -> None:
    tags = [tag(f"t{i}", f"HR:{i}[1000]", "int16") for i in range(10)]
    start = time.process_time()
    assert len(expand(tags, PLC)) == 10_000
    assert time.process_time() - start < 2.0
