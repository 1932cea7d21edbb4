"""The OPC UA driver against a foreign stack: node-opcua, from npm."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from schemas.config.drivers import OpcUaMode
from schemas.kinds import DataType
from schemas.messages.writes import WriteState
from schemas.quality import Quality
from spoke.drivers.base import RawWrite
from spoke.drivers.opcua.planner import Limits

from .opcua_client import connected, device
from .opcua_node import Foreign, running

pytestmark = [pytest.mark.foreign, pytest.mark.asyncio(loop_scope="module")]

TYPES: list[tuple[str, DataType, object]] = [
    ("Bool", DataType.BOOL, True),
    ("Int8", DataType.INT8, -100),
    ("UInt8", DataType.UINT8, 200),
    ("Int16", DataType.INT16, -30000),
    ("UInt16", DataType.UINT16, 60000),
    ("Int32", DataType.INT32, -2000000000),
    ("UInt32", DataType.UINT32, 4000000000),
    ("Int64", DataType.INT64, -2),
    ("UInt64", DataType.UINT64, 2**63 - 1),
    ("Float", DataType.FLOAT32, 1.5),
    ("Double", DataType.FLOAT64, 1e300),
    ("String", DataType.STRING, "Grüße"),
    ("Localized", DataType.STRING, "läuft"),
]
MANY = [(f"ns=1;s=Many{i}", DataType.INT32) for i in range(40)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def foreign(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Foreign]:
    async with running("server.js", tmp_path_factory.mktemp("node-opcua")) as made:
        yield made


def type_tags() -> list[tuple[str, DataType]]:
    return [(f"ns=1;s={name}", kind) for name, kind, _ in TYPES]


async def test_types_by_subscription(foreign: Foreign) -> None:
    async with connected(device(foreign.endpoint, type_tags())) as found:
        assert await found.subscribe() == {"normal"}
        await found.watch_until(lambda: len(found.values) == len(TYPES))
    assert [found.values[i][0] for i in range(1, len(TYPES) + 1)] == [value for *_, value in TYPES]
    assert found.driver._answers.fallbacks == 0
    assert {code for codes in found.quality.values() for code in codes} == {Quality.GOOD}


async def test_types_by_polling(foreign: Foreign) -> None:
    wanted = device(foreign.endpoint, type_tags(), mode=OpcUaMode.POLL)
    async with connected(wanted) as found:
        assert await found.subscribe() == frozenset()
        answers = await found.read()
        assert found.driver._answers.fallbacks == 0
    assert answers == {i: (value, Quality.GOOD) for i, (*_, value) in enumerate(TYPES, 1)}


async def test_requests_keep_to_its_limits(foreign: Foreign) -> None:
    """It takes 7 nodes in a read and 5 items in a call, and refuses more."""
    async with connected(device(foreign.endpoint, MANY)) as found:
        assert found.driver._session.limits == Limits(7, 5)
        assert await found.read() == {i + 1: (i, Quality.GOOD) for i in range(40)}
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 40)
    assert found.values == {i + 1: [i] for i in range(40)}


async def test_what_does_not_fit_is_bad_and_the_others_are_good(foreign: Foreign) -> None:
    tags = [
        ("ns=1;s=Float", DataType.FLOAT64),
        ("ns=1;s=Nowhere", DataType.FLOAT32),
        ("ns=1;s=String", DataType.FLOAT32),
        ("ns=1;s=Array", DataType.FLOAT32),
        ("ns=1;s=UInt64Large", DataType.UINT64),
    ]
    bad = Quality.BAD_CONFIG_ERROR
    expected = {1: Quality.GOOD, 2: bad, 3: bad, 4: bad, 5: Quality.BAD_OUT_OF_RANGE}
    async with connected(device(foreign.endpoint, tags)) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == len(tags))
        assert {tag: codes[0] for tag, codes in found.quality.items()} == expected
        assert set(found.driver.problems) == {2, 3, 4}
        assert "array of Float" in found.driver.problems[4].message
        assert {tag: code for tag, (_, code) in (await found.read()).items()} == expected


async def test_every_change_arrives_exactly_once(foreign: Foreign) -> None:
    """Four values in each report: it samples every 50 ms and reports every 400 ms."""
    tags = [("ns=1;s=Counter", DataType.UINT32)]
    async with connected(device(foreign.endpoint, tags, publishing_ms=400)) as found:
        await found.subscribe()
        await found.watch_until(lambda: bool(found.values))
        await foreign.tell("count 16")
        await found.watch_until(lambda: found.values[1][-1] == 16)
        assert found.values[1] == list(range(17))
        assert len(found.frames) < 10
        assert found.driver.problems == {}


async def test_a_deleted_node_is_bad_and_the_others_go_on(foreign: Foreign) -> None:
    async with connected(device(foreign.endpoint, MANY[:3])) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 3)
        await foreign.tell("delete Many0")
        await found.watch_until(lambda: found.quality[1][-1] != Quality.GOOD)
        assert found.quality[1][-1] == Quality.BAD_CONFIG_ERROR
        assert set(found.driver.problems) == {1}
        answers = await found.read()
    assert [code for _, code in answers.values()] == [Quality.BAD_CONFIG_ERROR, 192, 192]


async def test_writes_take_its_types_and_its_refusals(foreign: Foreign) -> None:
    """All types at once, in its own data types; last, what cannot be written."""
    tags = [*type_tags()[:12], ("ns=1;s=Array", DataType.FLOAT32), ("i=2258", DataType.STRING)]
    values = [False, 5, 6, -7, 8, -9, 10, -11, 12, 2.5, -1.5, "geändert", 1.0, "now"]
    async with connected(device(foreign.endpoint, tags)) as found:
        ordered = sorted(
            (tag for group in found.groups for tag in group.tags), key=lambda tag: tag.id
        )
        writes = [RawWrite(tag, value) for tag, value in zip(ordered, values, strict=True)]
        results = await found.driver.write(writes)
        states = [item.state for item in results]
        assert states == [WriteState.WRITTEN] * 12 + [WriteState.REFUSED] * 2
        assert [item.read_back for item in results[:12]] == values[:12]
        back = [RawWrite(write.tag, TYPES[i][2]) for i, write in enumerate(writes[:12])]
        again = await found.driver.write(back)  # type: ignore[arg-type]
        assert [item.read_back for item in again] == [value for *_, value in TYPES[:12]]
