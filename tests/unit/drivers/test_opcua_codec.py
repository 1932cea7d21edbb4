"""Types, quality and time of OPC UA values, without a server."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.devices import ManifestTag
from schemas.kinds import WIRE_TYPES, DataType, kind_of
from schemas.quality import Quality
from spoke.drivers.opcua import codec

V = ua.VariantType
NOW_NS = 1_800_000_000 * 10**9
NOW = datetime.fromtimestamp(1_800_000_000, UTC)


def tag(data_type: DataType) -> ManifestTag:
    return ManifestTag(id=1, name="Speed", address="ns=2;s=Speed", data_type=data_type)


def decode(data_type: DataType, value: Any, variant: Any) -> tuple[Any, int, Any]:
    data = ua.DataValue(ua.Variant(value, variant))
    return codec.decode(codec.rule_for(tag(data_type)), data)


@pytest.mark.parametrize(
    ("data_type", "value", "variant", "expected"),
    [
        (DataType.BOOL, True, V.Boolean, True),
        (DataType.INT8, -128, V.SByte, -128),
        (DataType.UINT16, 200, V.Byte, 200),
        (DataType.INT32, -5, V.Int16, -5),
        (DataType.INT16, 300, V.UInt32, 300),  # narrower, but it fits
        (DataType.INT64, 2**63 - 1, V.UInt64, 2**63 - 1),
        (DataType.UINT64, 2**63 - 1, V.UInt64, 2**63 - 1),
        (DataType.FLOAT32, 1.5, V.Double, 1.5),
        (DataType.FLOAT64, 0.1, V.Float, 0.1),
        (DataType.FLOAT64, 7, V.Int32, 7.0),
        (DataType.STRING, "Grüße", V.String, "Grüße"),
        (DataType.STRING, None, V.String, ""),
        (DataType.STRING, ua.LocalizedText("läuft"), V.LocalizedText, "läuft"),
        (DataType.STRING, NOW, V.DateTime, "2027-01-15T08:00:00+00:00"),
    ],
)
def test_a_value_that_fits_is_good(
    data_type: DataType, value: Any, variant: Any, expected: Any
) -> None:
    found, quality, problem = decode(data_type, value, variant)
    assert (found, quality, problem) == (expected, Quality.GOOD, None)
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("data_type", "value", "variant"),
    [
        (DataType.INT16, 40000, V.UInt16),
        (DataType.UINT8, -1, V.Int32),
        (DataType.UINT64, 2**63, V.UInt64),
        (DataType.UINT64, -1, V.Int64),
        (DataType.INT8, 200, V.Byte),
        (DataType.FLOAT32, 1e300, V.Double),
        (DataType.FLOAT32, math.nan, V.Float),
        (DataType.FLOAT64, math.inf, V.Double),
    ],
)
def test_what_the_type_cannot_hold_is_bad_and_never_another_number(
    data_type: DataType, value: Any, variant: Any
) -> None:
    found, quality, problem = decode(data_type, value, variant)
    assert quality == Quality.BAD_OUT_OF_RANGE
    assert problem is None
    assert found == 0 or math.isnan(found)


@pytest.mark.parametrize(
    ("data_type", "value", "variant", "word"),
    [
        (DataType.FLOAT32, "12.5", V.String, "String"),
        (DataType.BOOL, 1, V.Int32, "Int32"),
        (DataType.INT32, 1.0, V.Double, "Double"),
        (DataType.INT32, True, V.Boolean, "Boolean"),
        (DataType.STRING, 5, V.Int16, "Int16"),
        (DataType.FLOAT32, [1.0, 2.0], V.Float, "an array of Float"),
    ],
)
def test_another_type_is_a_configuration_error_that_names_it(
    data_type: DataType, value: Any, variant: Any, word: str
) -> None:
    _, quality, problem = decode(data_type, value, variant)
    assert quality == Quality.BAD_CONFIG_ERROR
    assert word in problem.message
    assert "Speed" in problem.message
    assert str(data_type) in problem.message


def test_a_good_status_without_a_value_is_bad() -> None:
    assert decode(DataType.FLOAT32, None, V.Null)[1] == Quality.BAD


@pytest.mark.parametrize(
    ("code", "quality"),
    [
        (Codes.Good, Quality.GOOD),
        (Codes.GoodClamped, Quality.GOOD),
        (Codes.Good | 0x480, Quality.GOOD),
        (Codes.Uncertain, Quality.UNCERTAIN),
        (Codes.UncertainSensorNotAccurate, Quality.UNCERTAIN),
        (Codes.UncertainLastUsableValue, Quality.UNCERTAIN_LAST_USABLE),
        (Codes.BadNodeIdUnknown, Quality.BAD_CONFIG_ERROR),
        (Codes.BadNodeIdUnknown | 0x480, Quality.BAD_CONFIG_ERROR),
        (Codes.BadSensorFailure, Quality.BAD_OUT_OF_RANGE),
        (Codes.BadOutOfService, Quality.BAD_OUT_OF_SERVICE),
        (Codes.BadNoCommunication, Quality.BAD_COMM_FAILURE),
        (Codes.BadWaitingForInitialData, Quality.BAD),
        (0xC0000000, Quality.BAD),  # reserved severity counts as bad
    ],
)
def test_status_codes_become_qualities(code: int, quality: Quality) -> None:
    assert codec.quality_of(code) == quality


def test_the_quality_of_every_standard_code_has_its_severity() -> None:
    codes = {name: value for name, value in vars(Codes).items() if isinstance(value, int)}
    assert len(codes) > 200
    for name, code in codes.items():
        quality = codec.quality_of(code)
        bits = {"G": 3, "U": 1, "B": 0}[name[0]]
        assert quality >> 6 == bits, name


def test_an_uncertain_value_keeps_its_value_and_a_bad_one_does_not() -> None:
    rule = codec.rule_for(tag(DataType.FLOAT64))
    data = ua.DataValue(ua.Variant(5.0, V.Double), StatusCode=ua.StatusCode(Codes.Uncertain))
    assert codec.decode(rule, data)[:2] == (5.0, Quality.UNCERTAIN)
    data = ua.DataValue(ua.Variant(5.0, V.Double), StatusCode=ua.StatusCode(Codes.BadNotReadable))
    value, quality, problem = codec.decode(rule, data)
    assert math.isnan(value)
    assert quality == Quality.BAD_CONFIG_ERROR
    assert problem is not None
    assert "BadNotReadable" in problem.message


def test_an_overflow_is_seen_only_in_the_flags_of_data_values() -> None:
    def status(code: int) -> ua.DataValue:
        return ua.DataValue(ua.Variant(1), StatusCode=ua.StatusCode(code))

    assert codec.overflowed(status(0x480))
    assert not codec.overflowed(status(0x080))  # info type 00: the bit has no meaning
    assert not codec.overflowed(status(0x400))
    assert not codec.overflowed(status(0))


HOURS_2, SECOND = timedelta(hours=2), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("source", "server", "expected"),
    [
        (NOW - SECOND, NOW, (NOW_NS - 10**9, True)),
        (NOW - HOURS_2, NOW + SECOND, (NOW_NS + 10**9, True)),
        (None, NOW, (NOW_NS, True)),
        (NOW + HOURS_2, NOW - HOURS_2, (NOW_NS, False)),
        (None, None, (NOW_NS, False)),
    ],
)
def test_the_time_is_the_sources_else_the_servers_else_ours(
    source: datetime | None, server: datetime | None, expected: tuple[int, bool]
) -> None:
    data = ua.DataValue(ua.Variant(1), SourceTimestamp=source, ServerTimestamp=server)
    assert codec.source_time_ns(data, NOW_NS) == expected


def test_times_are_exact_to_the_microsecond() -> None:
    stamp = datetime(2026, 11, 21, 3, 4, 5, 123457, tzinfo=UTC)
    assert codec.to_ns(stamp) % 10**9 == 123_457_000
    assert codec.to_ns(stamp.replace(tzinfo=None)) == codec.to_ns(stamp)


@pytest.mark.parametrize("data_type", list(DataType))
def test_a_column_has_its_wire_type_also_when_all_is_blank(data_type: DataType) -> None:
    assert data_type.wire in WIRE_TYPES
    rule = codec.rule_for(tag(data_type))
    array = codec.column(data_type.wire, [rule.blank, rule.blank])
    assert array.shape == (2,)
    assert array.dtype == (object if data_type.wire == "O" else np.dtype(data_type.wire))
    assert kind_of(data_type.wire) is data_type.kind
