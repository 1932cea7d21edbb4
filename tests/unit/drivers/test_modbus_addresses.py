"""The Modbus address grammar: what is taken, what is refused and how, and who lies across whom."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses.modbus import ModbusAddress, Table, check, parse
from schemas.addresses.modbus_overlaps import overlaps
from schemas.config.devices import TagConfig
from schemas.config.drivers import ModbusConfig
from schemas.errors import AddressError
from schemas.kinds import DataType

ONE_BASED = ModbusConfig(host="plc")
ZERO_BASED = ModbusConfig(host="plc", zero_based=True)
HR, IR, CO, DI = Table.HOLDING_REGISTER, Table.INPUT_REGISTER, Table.COIL, Table.DISCRETE_INPUT


@pytest.mark.parametrize(
    ("address", "data_type", "expected"),
    [
        ("40001", "int16", ModbusAddress(HR, 0, 1)),
        ("400001", "int16", ModbusAddress(HR, 0, 1)),
        ("465536", "uint16", ModbusAddress(HR, 65535, 1)),
        ("30010", "float32", ModbusAddress(IR, 9, 2)),
        ("00001", "bool", ModbusAddress(CO, 0, 1)),
        ("10002", "bool", ModbusAddress(DI, 1, 1)),
        ("hr:0x10", "float64", ModbusAddress(HR, 16, 4)),
        (" IR:5 ", "uint8", ModbusAddress(IR, 5, 1)),
        ("CO:65535", "bool", ModbusAddress(CO, 65535, 1)),
        ("DI:7", "bool", ModbusAddress(DI, 7, 1)),
        ("HR:10.3", "bool", ModbusAddress(HR, 10, 1, bit=3)),
        ("40011.15", "bool", ModbusAddress(HR, 10, 1, bit=15)),
        ("HR:100:20", "string", ModbusAddress(HR, 100, 10, length=20)),
        ("HR:100:21", "string", ModbusAddress(HR, 100, 11, length=21)),
        ("HR:65532", "int64", ModbusAddress(HR, 65532, 4)),
    ],
)
def test_forms(address: str, data_type: str, expected: ModbusAddress) -> None:
    assert parse(address, DataType(data_type), ONE_BASED) == expected


def test_zero_based_moves_numbers_and_nothing_else() -> None:
    assert parse("40001", DataType.INT16, ZERO_BASED).start == 1
    assert parse("40000", DataType.INT16, ZERO_BASED).start == 0
    assert parse("HR:7", DataType.INT16, ZERO_BASED).start == 7


@pytest.mark.parametrize(
    ("address", "data_type", "says", "hints"),
    [
        ("", "int16", "not a Modbus address", "HR:0"),
        ("7", "int16", "not a Modbus address", "40001"),
        ("20001", "int16", "not a Modbus address", "40001"),
        ("HR:-1", "int16", "not a Modbus address", "HR:0"),
        ("HR:1.x", "bool", "not a Modbus address", "HR:10.3"),
        ("HR:\u0663", "int16", "not a Modbus address", "HR:0"),  # an Arabic three
        ("40000", "int16", "count from 1", "40001"),
        ("400000", "int16", "count from 1", "400001"),
        ("HR:65535", "float32", "the last holding register is 65535", "HR:65534"),
        ("HR:65536", "int16", "the last holding register is 65535", "HR:65535"),
        ("CO:1", "int16", "cannot hold a int16", "bool"),
        ("CO:1.2", "bool", "no bits", "CO:1"),
        ("HR:1", "bool", "one of its bits", "HR:1.0"),
        ("HR:1.16", "bool", "0 to 15", "HR:1.0"),
        ("HR:1.2", "int16", "is a bool", "HR:1"),
        ("HR:1", "string", "number of characters", "HR:1:20"),
        ("HR:1:0", "string", "1 to 250", "HR:1:20"),
        ("HR:1:251", "string", "1 to 250", "HR:1:20"),
        ("HR:1:2", "float32", "only a string", "HR:1"),
    ],
)
def test_refused_with_a_hint_that_says_what_to_write(
    address: str, data_type: str, says: str, hints: str
) -> None:
    with pytest.raises(AddressError) as caught:
        parse(address, DataType(data_type), ONE_BASED)
    assert says in caught.value.message
    assert hints in caught.value.hint


def test_a_value_must_fit_one_request() -> None:
    narrow = ModbusConfig(host="plc", max_block=2)
    assert parse("HR:0", DataType.FLOAT32, narrow).count == 2
    with pytest.raises(AddressError, match=r"4 registers.*at most 2"):
        parse("HR:0", DataType.FLOAT64, narrow)


def attempt(address: str, data_type: DataType) -> ModbusAddress | str:
    """The place, or the hint of the AddressError."""
    try:
        return parse(address, data_type, ONE_BASED)
    except AddressError as error:
        return error.hint


@given(
    table=st.sampled_from(Table),
    start=st.integers(0, 65535),
    data_type=st.sampled_from(DataType),
    bit=st.none() | st.integers(0, 15),
    length=st.none() | st.integers(1, 250),
)
def test_both_forms_agree_and_stay_in_the_table(
    table: Table, start: int, data_type: DataType, bit: int | None, length: int | None
) -> None:
    suffix = ("" if bit is None else f".{bit}") + ("" if length is None else f":{length}")
    digit = {CO: "0", DI: "1", IR: "3", HR: "4"}[table]
    forms = [f"{table}:{start}", f"{table}:{start:#x}", f"{digit}{start + 1:05}"]
    place, *others = [attempt(form + suffix, data_type) for form in forms]
    assert [isinstance(other, str) for other in others] == [isinstance(place, str)] * 2
    if isinstance(place, ModbusAddress):
        assert others == [place, place]
        assert (place.table, place.start, place.bit) == (table, start, bit)
        assert 0 <= place.start < place.end <= 65536


@given(st.text(max_size=30), st.sampled_from(DataType))
def test_any_text_is_an_address_or_an_address_error(text: str, data_type: DataType) -> None:
    found = attempt(text, data_type)
    assert found  # never an empty hint, never another exception


# --- overlaps ---------------------------------------------------------------------------------


def tag(name: str, address: str, data_type: str) -> TagConfig:
    return TagConfig(name=name, address=address, data_type=DataType(data_type))


@pytest.mark.parametrize(
    "pair",
    [
        (tag("a", "HR:0", "float32"), tag("b", "HR:2", "float32")),
        (tag("a", "HR:0", "float32"), tag("b", "40001", "uint32")),  # two views
        (tag("a", "HR:0", "float32"), tag("b", "IR:1", "float32")),  # another table
        (tag("a", "HR:4.1", "bool"), tag("b", "HR:4", "uint16")),
        (tag("a", "HR:5.1", "bool"), tag("b", "HR:4", "uint32")),  # a bit of a double word
        (tag("a", "HR:4.1", "bool"), tag("b", "HR:4.1", "bool")),
        (tag("a", "CO:4", "bool"), tag("b", "CO:4", "bool")),
    ],
)
def test_these_do_not_overlap(pair: tuple[TagConfig, TagConfig]) -> None:
    assert overlaps(pair, ONE_BASED) == []
    assert overlaps(pair[::-1], ONE_BASED) == []


@pytest.mark.parametrize(
    "pair",
    [
        (tag("low", "HR:0", "float32"), tag("high", "HR:1", "float32")),
        (tag("low", "HR:0", "float32"), tag("high", "HR:1", "int16")),
        (tag("low", "HR:0", "float32"), tag("high", "HR:1.3", "bool")),
        (tag("low", "HR:0:2", "string"), tag("high", "HR:0.3", "bool")),
        (tag("low", "HR:0:40", "string"), tag("high", "HR:19", "uint16")),
    ],
)
def test_half_of_a_value_is_an_error_that_names_both(pair: tuple[TagConfig, TagConfig]) -> None:
    for tags in (pair, pair[::-1]):
        (error,) = overlaps(tags, ONE_BASED)
        assert "low" in error.message
        assert "high" in error.message
        assert "holding register" in error.message
        position = [one.name for one in tags].index("high")
        assert error.path == f"tags.{position}.address"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sampled_from(["int16", "uint32", "float32", "float64"]),
            st.none() | st.integers(0, 15),
        ),
        max_size=12,
    )
)
def test_overlaps_agree_with_comparing_all_pairs(specs: list[tuple[int, str, int | None]]) -> None:
    tags = [
        tag(f"t{i}", f"HR:{start}", kind)
        if bit is None
        else tag(f"t{i}", f"HR:{start}.{bit}", "bool")
        for i, (start, kind, bit) in enumerate(specs)
    ]
    places = [parse(one.address, one.data_type, ONE_BASED) for one in tags]

    def collide(i: int, j: int) -> bool:
        one, other = places[i], places[j]
        if one.end <= other.start or other.end <= one.start:
            return False
        if one.bit is not None and other.bit is not None:
            return False
        if one.bit is not None or other.bit is not None:
            whole = tags[j] if one.bit is not None else tags[i]
            return whole.data_type.value.startswith("float")
        return (one.start, one.count) != (other.start, other.count)

    order = sorted(
        range(len(tags)),
        key=lambda i: (places[i].start, -places[i].end, places[i].bit is not None),
    )
    expected = {
        j for at, j in enumerate(order) if any(collide(order[before], j) for before in range(at))
    }
    errors = overlaps(tags, ONE_BASED)
    assert sorted(int(error.path.split(".")[1]) for error in errors) == sorted(expected)


def test_a_wrong_address_is_passed_over() -> None:
    tags = [tag("wrong", "HR:", "int16"), tag("a", "HR:0", "float32"), tag("b", "HR:1", "int16")]
    assert [error.path for error in overlaps(tags, ONE_BASED)] == ["tags.2.address"]
    with pytest.raises(AddressError):
        check(tags[0], ONE_BASED)


def test_twenty_thousand_tags_are_compared_in_a_moment() -> None:
    tags = [tag(f"t{i}", f"HR:{2 * i}", "float32") for i in range(20_000)]
    start = time.process_time()
    assert overlaps(tags, ONE_BASED) == []
    assert time.process_time() - start < 5.0  # all pairs would take minutes
