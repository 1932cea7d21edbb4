"""Masks, checks over a whole device, and the words of a revision; pure functions."""

from __future__ import annotations

import pytest

from hub.fleet import words
from hub.fleet.secrets import MASK, masked, secret_fields, unmasked
from hub.fleet.validation import check_device, check_groups
from schemas.config.devices import DeviceConfig, GroupConfig, TagConfig
from schemas.config.drivers import DRIVERS
from schemas.errors import ConfigError, ConfigErrors


def modbus(**more):
    return DeviceConfig(name="D", connection={"driver": "modbus", "host": "h"}, **more)


def opcua(password="", **more):
    connection = {"driver": "opcua", "endpoint": "opc.tcp://h", "password": password}
    return DeviceConfig(name="D", connection=connection | more)


def tag(name, address, **more):
    return TagConfig(name=name, address=address, **more)


def paths(config, tags, existing=()):
    with pytest.raises(ConfigErrors) as found:
        check_device(config, tags, existing)
    return [item.path for item in found.value.problems]


def test_every_password_like_field_is_marked_as_secret():
    for model in DRIVERS.values():
        for name, item in model.model_fields.items():
            if any(word in name for word in ("password", "secret", "token", "passphrase")):
                assert (item.json_schema_extra or {}).get("format") == "password", name
    assert secret_fields(opcua()) == ["password"]
    assert secret_fields(modbus()) == []


def test_mask_and_back():
    stored = opcua("hunter2 hunter2")
    shown = masked(stored)
    assert shown.connection.password == MASK
    assert "hunter2" not in repr(shown)
    assert unmasked(shown, stored) == stored
    assert masked(opcua("")).connection.password == ""  # an empty one is shown as empty
    assert unmasked(opcua("new one"), stored).connection.password == "new one"
    assert unmasked(opcua(""), stored).connection.password == ""  # taken out


@pytest.mark.parametrize("old", [None, opcua(""), modbus()])
def test_a_mask_for_nothing_is_refused(old):
    with pytest.raises(ConfigError) as refused:
        unmasked(opcua(MASK), old)
    assert refused.value.path == "connection.password"


def test_checks_name_every_problem():
    tags = [
        tag("a", "HR:0"),
        tag("a", "HR:2"),
        tag("b", "what"),
        tag("c", "HR:3", group="fast"),
    ]
    found = paths(modbus(), tags)
    assert sorted(found) == ["tags.1.name", "tags.2.address", "tags.3.address", "tags.3.group"]


def test_new_tags_against_those_that_are_there():
    existing = [tag("a", "HR:0"), tag("b", "HR:2")]
    check_device(modbus(), [tag("c", "HR:4")], existing)
    assert paths(modbus(), [tag("c", "HR:4"), tag("b", "HR:6")], existing) == ["tags.1.name"]
    assert paths(modbus(), [tag("c", "HR:3")], existing) == ["tags.0.address"]


def test_an_overlap_that_is_found_at_the_older_tag_is_no_path_of_the_new_ones():
    assert paths(modbus(), [tag("new", "HR:1")], [tag("old", "HR:2")]) == [""]


def test_a_group_with_tags_stays():
    check_groups(modbus(), [tag("a", "HR:0")])
    with pytest.raises(ConfigErrors, match="fast"):
        check_groups(modbus(), [tag("a", "HR:0", group="fast")])


def test_words():
    groups = (GroupConfig(name="fast", period_ms=100),)
    assert words.device_change(modbus(), modbus(groups=groups)) == (
        "Device D: scan groups now fast 100 ms"
    )
    changed = words.device_change(opcua("one secret"), opcua("two secret", timeout_s=9))
    assert changed == "Device D: password changed, timeout_s 4.0 -> 9.0"
    assert "driver modbus -> opcua" in words.device_change(modbus(), opcua("x"))
    assert words.tag_change("D", tag("a", "HR:0"), tag("a", "HR:2", unit="bar")) == (
        "Tag D/a: address HR:0 -> HR:2, unit nothing -> bar"
    )
    many = [tag(f"t{index}", "HR:0") for index in range(5)]
    assert words.tags_added("D", many) == "Device D: 5 tags (t0, t1, t2, ...) added"
    assert words.device_change(modbus(), modbus()) == "Device D: saved without a change"
    long = words.tag_change("D", tag("a", "x" * 500), tag("b" * 100, "y" * 500))
    assert len(long) <= words.MAX_LENGTH
