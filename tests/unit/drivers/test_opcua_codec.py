"""Types, quality and time of OPC UA values, without a server."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes
from hypothesis import given
from hypothesis import strategies as st

from schemas.config.devices import ManifestTag
from schemas.errors import SpindleError
from schemas.kinds import WIRE_TYPES, DataType
from schemas.quality import Quality
from spoke.drivers.opcua.clocks import SourceClocks
from spoke.drivers.opcua.codec import convert, limits_of, problem_of
from spoke.drivers.opcua.statuses import quality_of
from spoke.drivers.opcua.values import from_data_values

V = ua.VariantType
NOW_NS = 1_800_000_000 * 10**9
NOW = datetime.fromtimestamp(1_800_000_000, UTC)


def tag(data_type: DataType) -> ManifestTag:
    return ManifestTag(id=1, name="Speed", address="ns=2;s=Speed", data_type=data_type)


def converted(data_type: DataType, data: ua.DataValue) -> tuple[Any, int, SpindleError | None]:
    """(value, quality, problem) of one DataValue, for a tag of this type."""
    one = tag(data_type)
    found = convert(from_data_values([data]), np.array([0]), one.wire, limits_of([one]))
    assert found.values.dtype == (object if one.wire == "O" else np.dtype(one.wire))
    code = int(found.codes[0])
    problem = problem_of(code, one) if code else None
    return found.values.tolist()[0], int(found.quality[0]), problem


def decode(data_type: DataType, value: Any, variant: Any) -> tuple[Any, int, Any]:
    return converted(data_type, ua.DataValue(ua.Variant(value, variant)))


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
        (DataType.FLOAT64, 0.5, V.Float, 0.5),
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
    assert quality_of(code) == quality


def test_the_quality_of_every_standard_code_has_its_severity() -> None:
    codes = {name: value for name, value in vars(Codes).items() if isinstance(value, int)}
    assert len(codes) > 200
    for name, code in codes.items():
        quality = quality_of(code)
        bits = {"G": 3, "U": 1, "B": 0}[name[0]]
        assert quality >> 6 == bits, name


def test_an_uncertain_value_keeps_its_value_and_a_bad_one_does_not() -> None:
    data = ua.DataValue(ua.Variant(5.0, V.Double), StatusCode=ua.StatusCode(Codes.Uncertain))
    value, quality, problem = converted(DataType.FLOAT64, data)
    assert (value, quality) == (5.0, Quality.UNCERTAIN)
    assert "Uncertain (0x40000000)" in str(problem)
    data = ua.DataValue(ua.Variant(5.0, V.Double), StatusCode=ua.StatusCode(Codes.BadNotReadable))
    value, quality, problem = converted(DataType.FLOAT64, data)
    assert math.isnan(value)
    assert quality == Quality.BAD_CONFIG_ERROR
    assert "BadNotReadable (0x803A0000)" in str(problem)


def test_the_full_status_code_is_in_the_problem() -> None:
    data = ua.DataValue(StatusCode=ua.StatusCode(Codes.BadWaitingForInitialData | 0x480))
    _, quality, problem = converted(DataType.INT16, data)
    assert quality == Quality.BAD
    assert problem is not None
    assert "BadWaitingForInitialData (0x80320000)" in problem.message
    assert "no value yet" in problem.hint


def test_flags_of_a_good_status_are_no_problem() -> None:
    data = ua.DataValue(ua.Variant(5, V.Int16), StatusCode=ua.StatusCode(0x480))
    assert converted(DataType.INT16, data) == (5, Quality.GOOD, None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(DataType)),
            st.one_of(
                st.tuples(st.just(V.Int64), st.integers(-(2**63), 2**63 - 1)),
                st.tuples(st.just(V.UInt64), st.integers(0, 2**64 - 1)),
                st.tuples(st.just(V.Int16), st.integers(-(2**15), 2**15 - 1)),
                st.tuples(st.just(V.Byte), st.integers(0, 255)),
                st.tuples(st.just(V.Double), st.floats()),
                st.tuples(st.just(V.Float), st.floats(width=32)),
                st.tuples(st.just(V.Boolean), st.booleans()),
                st.tuples(st.just(V.String), st.text(max_size=5)),
            ),
            st.sampled_from([0, Codes.Uncertain, Codes.BadSensorFailure]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_many_at_once_are_the_same_as_one_by_one(rows: list[tuple[DataType, Any, int]]) -> None:
    found = [
        ua.DataValue(ua.Variant(value, variant), StatusCode=ua.StatusCode(code))
        for _, (variant, value), code in rows
    ]
    values = from_data_values(found)
    wires = [kind.wire for kind, _, _ in rows]
    for wire in set(wires):
        here = np.array([row for row, other in enumerate(wires) if other == wire])
        tags = [tag(rows[row][0]) for row in here.tolist()]
        many = convert(values, here, wire, limits_of(tags))
        for place, row in enumerate(here.tolist()):
            value, quality, _ = converted(rows[row][0], found[row])
            assert quality == many.quality[place]
            assert repr(value) == repr(many.values.tolist()[place])
            truth = rows[row][1][1]
            if quality >= Quality.UNCERTAIN and wire[1:2] in ("i", "u"):
                assert value == truth


HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
DEAD_BATTERY = datetime(2000, 1, 1, 0, 0, 3, tzinfo=UTC)


def time_of(clocks: SourceClocks, source: datetime | None, server: datetime | None) -> Any:
    data = ua.DataValue(ua.Variant(1), SourceTimestamp=source, ServerTimestamp=server)
    times, wrong = clocks.times(np.array([0]), from_data_values([data]), NOW_NS)
    return int(times[0]) - NOW_NS, bool(wrong[0])


@pytest.mark.parametrize(
    ("source", "server", "expected"),
    [
        (NOW - SECOND, NOW, (-(10**9), False)),
        (NOW - 50 * HOUR, NOW, (-50 * 3600 * 10**9, False)),  # a value that rarely changes
        (NOW + HOUR, NOW, (3600 * 10**9, False)),
        (NOW + HOUR + SECOND, NOW, (0, True)),
        (DEAD_BATTERY, NOW, (0, True)),
        (None, NOW + SECOND, (10**9, False)),
        (None, DEAD_BATTERY, (0, True)),
        (None, None, (0, False)),  # no clock cannot be wrong
    ],
)
def test_the_time_is_the_sources_else_the_servers_unless_it_cannot_be(
    source: datetime | None, server: datetime | None, expected: tuple[int, bool]
) -> None:
    assert time_of(SourceClocks(1), source, server) == expected


def test_a_clock_that_jumps_back_is_not_believed_until_it_is_right_again() -> None:
    clocks = SourceClocks(1)
    assert time_of(clocks, NOW - SECOND, None) == (-(10**9), False)
    for _ in range(2):
        assert time_of(clocks, NOW - HOUR - 2 * SECOND, None) == (0, True)
    assert time_of(clocks, NOW - HOUR, None) == (-3600 * 10**9, False)
    assert time_of(clocks, NOW, None) == (0, False)


def test_the_first_report_is_not_older_than_its_item() -> None:
    """Else it would be older than the BAD values of the outage before."""
    clocks = SourceClocks(1)
    clocks.renew(np.array([0]), NOW_NS - 5 * 10**9)
    assert time_of(clocks, NOW - 9 * HOUR, None) == (-5 * 10**9, False)
    assert time_of(clocks, NOW - 8 * HOUR, None) == (-8 * 3600 * 10**9, False)
    clocks.renew(np.array([0]), NOW_NS - 5 * 10**9)
    assert time_of(clocks, NOW - SECOND, None) == (-(10**9), False)


def test_times_are_exact_to_the_microsecond() -> None:
    stamp = datetime(2026, 11, 21, 3, 4, 5, 123457, tzinfo=UTC)
    found = [ua.DataValue(SourceTimestamp=at) for at in (stamp, stamp.replace(tzinfo=None))]
    times = from_data_values(found).source_ns
    assert times[0] % 10**9 == 123_457_000
    assert times[0] == times[1]


@pytest.mark.parametrize("data_type", list(DataType))
def test_a_column_has_its_wire_type_also_when_all_is_blank(data_type: DataType) -> None:
    assert data_type.wire in WIRE_TYPES
    bad = ua.DataValue(StatusCode=ua.StatusCode(Codes.Bad))
    value, quality, _ = converted(data_type, bad)
    assert quality == Quality.BAD
    assert value in (0, "") or math.isnan(value)
