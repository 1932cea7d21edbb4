"""Texts with parameters, and profiles as people write them; pure functions."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.bulk import Parameter, Profile
from hub.fleet.drafts import checked, draft, template_of
from hub.fleet.profile_plans import MAX_ROWS, plan_rows
from hub.fleet.secrets import MASK
from hub.fleet.templates import fill, plain
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigErrors

PUMP = Profile(
    id=0,
    name="Pump",
    version=0,
    description="",
    driver="",
    parameters=(
        Parameter("host", "Host"),
        Parameter("unit", "Unit id", "1"),
        Parameter("base", "First register", "0"),
    ),
    device={
        "connection": {"driver": "modbus", "host": "{host}", "unit_id": "{unit}"},
        "groups": [{"name": "fast", "period_ms": 100}],
    },
    tags=(
        {"name": "speed", "address": "HR:{base}", "group": "fast", "unit": "1/min"},
        {"name": "{name} on", "address": "CO:0", "data_type": "bool", "group": "fast"},
    ),
)


def changed(**more):
    return Profile(**({name: getattr(PUMP, name) for name in PUMP.__slots__} | more))


def paths(profile):
    with pytest.raises(ConfigErrors) as found:
        checked(profile)
    return [item.path for item in found.value.problems]


def plan(*rows):
    return plan_rows(template_of(checked(PUMP)), rows)


def bad_rows(*rows):
    with pytest.raises(ConfigErrors) as found:
        plan(*rows)
    return [item.path for item in found.value.problems]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{a}", "1"),
        ("x{a}y{b}{a}", "x1y21"),
        ("{{a}}", "{a}"),
        ("{{{a}}}", "{1}"),
        ("{1-2} { a } {", "{1-2} { a } {"),
        ("no", "no"),
    ],
)
def test_what_becomes_of_a_text(text, filled):
    assert fill(text, {"a": "1", "b": "2"}) == filled


def test_a_value_is_never_filled_again():
    assert fill("{a}", {"a": "{b}", "b": "x"}) == "{b}"
    with pytest.raises(KeyError):
        fill(["{c}"], {"a": "1"})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("{}ab_1"),
        lambda part: st.lists(part) | st.dictionaries(st.text("ab"), part),
    )
)
def test_a_plain_value_comes_back_as_it_was(value):
    assert fill(plain(value), {}) == value


def test_thirty_of_these():
    rows = [{"name": f"Pump {n}", "host": f"10.0.0.{n}", "base": str(10 * n)} for n in range(30)]
    plans = plan(*rows)
    assert len(plans) == 30
    last = plans[29]
    assert last.config.name == "Pump 29"
    assert (last.config.connection.host, last.config.connection.unit_id) == ("10.0.0.29", 1)
    assert [tag.name for tag in last.tags] == ["speed", "Pump 29 on"]
    assert last.tags[0].address == "HR:290"
    assert last.values == {"name": "Pump 29", "host": "10.0.0.29", "unit": "1", "base": "290"}


def test_every_problem_of_every_row_is_named_by_its_parameter():
    good = {"name": "P", "host": "h"}
    assert bad_rows(good, {"name": "P", "host": "h"}) == ["rows.1.name"]
    assert bad_rows({"host": "h"}, {"name": "B", "host": " "}) == ["rows.0.name", "rows.1.host"]
    assert bad_rows(good | {"unit": "many"}, good | {"name": "Q", "base": "70000"}) == [
        "rows.0.unit",
        "rows.1.base",
    ]
    assert bad_rows(good | {"colour": "red"}) == ["rows.0.colour"]
    assert bad_rows(good | {"host": "a b"}) == ["rows.0.host"]
    assert bad_rows() == ["rows"]
    assert bad_rows(*[good] * (MAX_ROWS + 1)) == ["rows"]


def test_a_name_in_the_row_goes_before_the_one_in_the_profile():
    profile = checked(changed(device=PUMP.device | {"name": "Pump {unit}"}, tags=()))
    named, given_name = plan_rows(
        template_of(profile), [{"host": "h", "unit": "7"}, {"host": "h", "name": "Other"}]
    )
    assert (named.config.name, given_name.config.name) == ("Pump 7", "Other")


def test_a_profile_is_checked_when_it_is_saved():
    kept = checked(PUMP)
    assert kept.driver == "modbus"
    assert kept.device["name"] == "{name}"
    connection = PUMP.device["connection"]
    assert paths(changed(name=" ")) == ["name"]
    assert paths(changed(device={})) == ["device.connection.driver"]
    assert paths(changed(device={"connection": {"driver": "{host}"}})) == [
        "device.connection.driver"
    ]
    assert paths(changed(device=PUMP.device | {"colour": 1})) == ["device.colour"]
    assert paths(changed(device={"connection": connection | {"port": 70000}})) == [
        "device.connection.port"
    ]
    assert paths(changed(device={"connection": connection | {"port": "{prot}"}})) == [
        "device.connection.port"
    ]
    assert paths(changed(tags=({"name": "a", "address": "HR:0", "scale": "much"},))) == [
        "tags.0.scale"
    ]
    assert paths(changed(tags=({"name": "a", "address": "?", "group": "fast"},))) == [
        "tags.0.address"
    ]
    assert paths(changed(tags=PUMP.tags[:1] * 2)) == ["tags.1.name"]
    assert paths(changed(tags=({"name": "a", "address": "HR:0", "group": "slow"},))) == [
        "tags.0.group"
    ]
    assert paths(changed(parameters=(*PUMP.parameters, Parameter("a b")))) == ["parameters.3.name"]
    assert paths(changed(parameters=(*PUMP.parameters, Parameter("host")))) == ["parameters.3.name"]
    assert paths(changed(description="\ud800")) == ["device"]
    assert paths(changed(parameters=(*PUMP.parameters, Parameter("x", "a\0")))) == ["device"]


def test_registers_that_only_seem_to_overlap_are_no_reason():
    tags = (
        {"name": "a", "address": "HR:{base}", "group": "fast"},
        {"name": "b", "address": "HR:2", "group": "fast"},
    )
    moving = changed(tags=tags, parameters=(*PUMP.parameters[:2], Parameter("base")))
    assert checked(moving).tags == tags
    still = ({"name": "a", "address": "HR:1", "group": "fast"}, tags[1])
    assert paths(changed(tags=still)) == ["tags.1.address"]


def test_a_profile_holds_no_secret():
    connection = {
        "driver": "opcua", "endpoint": "opc.tcp://h", "login": "password", "username": "u",
    }  # fmt: skip
    device = {"connection": connection | {"password": "hunter2 hunter2"}}
    assert paths(changed(device=device, tags=())) == ["device.connection.password"]
    device = {"connection": connection | {"password": "{secret}"}}
    safe = changed(device=device, tags=(), parameters=(Parameter("secret"),))
    template = template_of(checked(safe))
    (plan,) = plan_rows(template, [{"name": "A", "secret": "hunter2"}])
    assert plan.config.connection.password == "hunter2"
    with pytest.raises(ConfigErrors) as found:
        plan_rows(template, [{"name": "A", "secret": MASK}])
    assert found.value.path == "rows.0.secret"
    shown = changed(device=device, tags=(), parameters=(Parameter("secret", "", "hunter2"),))
    assert paths(shown) == ["parameters.0.default"]


def test_a_draft_of_a_device_makes_that_device_again():
    config = DeviceConfig(
        name="Mixer {1}",
        connection={"driver": "modbus", "host": "10.0.0.9", "unit_id": 3, "port": 1502},
        groups=[{"name": "fast", "period_ms": 50}],
        description="left {side}",
    )
    tags = [TagConfig(name="a{b}", address="HR:0", group="fast", unit="{x}", access="rw")]
    profile = checked(draft("Mixer", config, tags))
    assert [(item.name, item.default) for item in profile.parameters] == [
        ("name", ""),
        ("host", ""),
        ("unit_id", "3"),
    ]
    (plan,) = plan_rows(template_of(profile), [{"name": config.name, "host": "10.0.0.9"}])
    assert plan.config == config
    assert list(plan.tags) == tags


@pytest.mark.parametrize(
    ("connection", "parameters"),
    [
        ({"driver": "sim", "seed": 4}, []),
        ({"driver": "s7", "host": "h"}, ["host"]),
        ({"driver": "modbus", "transport": "rtu", "serial_port": "/dev/ttyS0"},
         ["serial_port", "unit_id"]),
        ({"driver": "opcua", "endpoint": "opc.tcp://h", "login": "password", "username": "u",
          "password": "hunter2 hunter2"}, ["endpoint", "password"]),
    ],
)  # fmt: skip
def test_drafts_of_every_driver(connection, parameters):
    profile = checked(draft("D", DeviceConfig(name="D", connection=connection), []))
    assert [item.name for item in profile.parameters] == ["name", *parameters]
    assert "hunter2" not in repr(profile)


def test_a_hundred_devices_of_a_hundred_tags_are_planned_quickly():
    tags = tuple({"name": f"t{n}", "address": f"HR:{n * 2}", "group": "fast"} for n in range(100))
    template = template_of(checked(changed(tags=tags)))
    started = time.perf_counter()
    plans = plan_rows(template, [{"name": f"P{n}", "host": "h"} for n in range(100)])
    took_s = time.perf_counter() - started
    assert len(plans) == 100
    print(f"10,000 tags planned in {took_s:.2f} s")
    assert took_s < 4
