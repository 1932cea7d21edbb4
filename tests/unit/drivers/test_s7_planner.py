"""Properties of the S7 request planner: every byte is asked for, in few whole reads that fit."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import S7Config
from schemas.errors import AddressError
from schemas.kinds import DataType
from spoke.drivers.base import GroupLayout, layouts
from spoke.drivers.s7.addresses import Area, parse
from spoke.drivers.s7.planner import HEADER_BYTES, plan

TYPES = {
    DataType.BOOL: "{area}{at}.5",
    DataType.UINT8: "{area}{at}",
    DataType.INT16: "{area}{at}",
    DataType.FLOAT32: "{area}{at}",
    DataType.UINT64: "{area}{at}",
    DataType.STRING: "{area}{at}:20",
}
PLACES = st.tuples(
    st.sampled_from(["DB1.", "DB7.", "M", "I"]), st.integers(0, 1500), st.sampled_from(list(TYPES))
)


def group_of(tags: list[tuple[str, DataType]]) -> GroupLayout:
    device = ManifestDevice(
        id=1,
        name="cpu",
        connection=S7Config(host="cpu"),
        tags=tuple(
            ManifestTag(id=i + 1, name=f"t{i}", address=address, data_type=data_type)
            for i, (address, data_type) in enumerate(tags)
        ),
    )
    return layouts(device)[0]


@settings(deadline=None)
@given(
    st.lists(PLACES, min_size=1, max_size=60),
    st.sampled_from([112, 240, 480, 960]),
    st.integers(0, 200),
)
def test_blocks(places: list[tuple[str, int, DataType]], pdu_bytes: int, max_gap: int) -> None:
    written = [(TYPES[kind].format(area=area, at=at), kind) for area, at, kind in places]
    group = group_of(written)
    made = plan(group, pdu_bytes, max_gap)
    assert made.unplanned == {}
    wanted = {tag.id: parse(tag.address, tag.data_type) for tag in group.tags}
    seen: set[int] = set()
    for block in made.blocks:
        assert 0 < block.size <= pdu_bytes - HEADER_BYTES
        used: set[int] = set()
        for item in block.items:
            place = wanted[item.tag_id]
            assert (place.area, place.db) == (block.area, block.db)
            assert block.start <= place.start_byte
            assert place.end_byte <= block.start + block.size
            seen.add(item.tag_id)
            used |= set(range(place.start_byte, place.end_byte))
        bridged = set(range(block.start, block.start + block.size)) - used
        assert _longest_run(bridged) <= max_gap
    assert seen == set(wanted)
    spans = sorted((block.offset, block.offset + block.size) for block in made.blocks)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert spans[-1][1] <= made.image_bytes


@settings(deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=60))
def test_each_value_is_gathered_from_its_own_bytes(
    places: list[tuple[str, int, DataType]],
) -> None:
    written = [(TYPES[kind].format(area=area, at=at), kind) for area, at, kind in places]
    made = plan(group_of(written), 240, 32)
    at: dict[int, tuple[Area, int, int]] = {}
    for block in made.blocks:
        for i in range(block.size):
            at[block.offset + i] = (block.area, block.db, block.start + i)
    for column in made.columns:
        for row, tag in enumerate(column.column.tags):
            place = parse(tag.address, tag.data_type)
            width = 1 if tag.data_type is DataType.STRING else place.size_bytes
            found = [at[index] for index in column.gather[row].tolist()]
            assert found == [(place.area, place.db, place.start_byte + i) for i in range(width)]
            assert column.bits[row] == (place.bit or 0)
            text = column.texts[row]
            assert (text.length if text else 0) == place.length


def _longest_run(numbers: set[int]) -> int:
    longest = 0
    for number in numbers:
        if number - 1 not in numbers:
            length = 1
            while number + length in numbers:
                length += 1
            longest = max(longest, length)
    return longest


def test_dense_tags_take_the_fewest_reads() -> None:
    group = group_of([(f"DB1.DBD{4 * i}", DataType.FLOAT32) for i in range(1000)])
    assert [block.size for block in plan(group, 480, 32).blocks] == [460] * 8 + [320]


def test_a_gap_is_bridged_up_to_the_limit() -> None:
    group = group_of([("DB1.DBW0", DataType.INT16), ("DB1.DBW12", DataType.INT16)])
    assert len(plan(group, 480, 10).blocks) == 1
    assert len(plan(group, 480, 9).blocks) == 2


def test_a_text_that_fits_in_no_answer_is_named_and_the_rest_is_planned() -> None:
    group = group_of([("DB1.0:254", DataType.STRING), ("DB1.DBW300", DataType.INT16)])
    made = plan(group, 240, 32)
    assert list(made.unplanned) == [1]
    assert isinstance(made.unplanned[1], AddressError)
    assert "at most 220" in made.unplanned[1].hint
    assert [block.start for block in made.blocks] == [300]
    assert plan(group, 480, 32).unplanned == {}


def test_an_address_that_is_none_is_named() -> None:
    made = plan(group_of([("HR:0", DataType.INT16), ("MW2", DataType.INT16)]), 480, 32)
    assert list(made.unplanned) == [1]
    assert len(made.blocks) == 1


def test_nothing_to_ask_for() -> None:
    made = plan(group_of([("HR:0", DataType.INT16)]), 480, 32)
    assert made.blocks == ()
    assert made.columns[0].gather.max() < made.image_bytes
