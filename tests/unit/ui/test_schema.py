"""The form's fields come from the models, and errors find their field."""

from __future__ import annotations

import pytest

from hub.ui.components.labels import ADVANCED, CHOICE_WORDS
from hub.ui.components.schema import FieldKind, FieldSpec, fields_of, split_path
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.drivers import DRIVERS


def _named(specs: tuple[FieldSpec, ...], name: str) -> FieldSpec:
    return next(spec for spec in specs if spec.name == name)


def test_every_field_of_a_device_has_a_widget_title_and_place() -> None:
    specs = fields_of(DeviceConfig)
    assert [spec.name for spec in specs] == list(DeviceConfig.model_fields)
    assert all(spec.title for spec in specs)
    assert _named(specs, "name").required
    assert _named(specs, "enabled").kind is FieldKind.SWITCH


def test_each_driver_is_a_variant_with_all_its_fields_but_the_tag() -> None:
    connection = _named(fields_of(DeviceConfig), "connection")
    assert connection.kind is FieldKind.UNION
    assert {item.value for item in connection.variants} == set(DRIVERS)
    for variant in connection.variants:
        model = DRIVERS[variant.value]
        assert [item.name for item in variant.children] == [
            name for name in model.model_fields if name != "driver"
        ]


def test_kind_limits_choices_and_help_are_those_of_the_model() -> None:
    connection = _named(fields_of(DeviceConfig), "connection")
    by_driver = {item.value: item.children for item in connection.variants}
    port = _named(by_driver["modbus"], "port")
    assert (port.kind, port.limits, port.default) == (FieldKind.INTEGER, "1 to 65,535", 502)
    assert port.help == "TCP or UDP port."
    assert _named(by_driver["modbus"], "timeout_s").limits == "more than 0, at most 60"
    order = _named(by_driver["modbus"], "byte_order")
    assert order.kind is FieldKind.CHOICE
    assert order.choices == ("ABCD", "CDAB", "BADC", "DCBA")
    assert order.default == "ABCD"
    assert _named(by_driver["opcua"], "password").kind is FieldKind.PASSWORD
    groups = _named(fields_of(DeviceConfig), "groups")
    assert (groups.kind, groups.min_items) == (FieldKind.LIST, 1)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("name", ("name",)),
        ("connection.modbus.port", ("connection", "port")),
        ("connection.port", ("connection", "port")),
        ("devices.3.connection.modbus.port", ("connection", "port")),
        ("groups.1.period_ms", ("groups", "1", "period_ms")),
        ("groups", ("groups",)),
        ("tags.3.address", None),
        ("", None),
    ],
)
def test_paths_of_errors_lead_to_fields(path: str, place: tuple[str, ...] | None) -> None:
    assert split_path(path, fields_of(DeviceConfig)) == place


def test_the_place_of_a_tag_in_front_of_a_path_is_taken_off() -> None:
    assert split_path("tags.3.address", fields_of(TagConfig)) == ("address",)


def _drivers() -> dict[str, tuple[FieldSpec, ...]]:
    connection = _named(fields_of(DeviceConfig), "connection")
    return {item.value: item.children for item in connection.variants}


def test_a_field_applies_only_beside_the_values_that_its_schema_names() -> None:
    serial = _named(_drivers()["modbus"], "serial_port")
    assert serial.when == (("transport", ("rtu", "ascii")),)
    assert serial.applies({"transport": "rtu"})
    assert not serial.applies({"transport": "tcp"})
    assert _named(_drivers()["modbus"], "unit_id").applies({})


def test_an_optional_number_is_a_number_that_may_be_empty() -> None:
    slot = _named(_drivers()["s7"], "slot")
    assert (slot.kind, slot.optional, slot.limits) == (FieldKind.INTEGER, True, "0 to 31")
    low = _named(fields_of(TagConfig), "low")
    assert (low.kind, low.optional, low.default) == (FieldKind.NUMBER, True, None)
    assert not _named(fields_of(TagConfig), "scale").optional


def test_a_tuple_of_texts_is_no_list_of_objects() -> None:
    assert _named(_drivers()["opcua"], "trusted").kind is FieldKind.TEXTS


def test_words_of_choices_and_advanced_fields_are_of_fields_that_exist() -> None:
    fields = [item for specs in _drivers().values() for item in specs]
    known = {item.name: set(item.choices) for item in (*fields, *fields_of(TagConfig))}
    assert set(CHOICE_WORDS) <= set(known)
    assert set(known) >= ADVANCED
    stale = {name: set(texts) - known[name] for name, texts in CHOICE_WORDS.items()}
    stale["messages"] -= {"None"}  # what an endpoint without security says
    assert not any(stale.values())
