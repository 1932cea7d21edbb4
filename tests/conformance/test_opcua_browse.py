"""Looking around on OPC UA servers: asyncua's, and node-opcua as a foreign one."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.devices import TagConfig
from schemas.config.opcua import OpcUaConfig
from schemas.errors import AddressError, UnreachableError
from schemas.kinds import DataType
from schemas.messages.browsing import BrowseReply, Node
from spoke.drivers.opcua import browsing, references
from spoke.drivers.opcua.browsing import browse
from spoke.drivers.opcua.simulator import OpcUaSimulator
from tests.fixtures.context import driver_context

from .opcua_client import connected, device, signals, until
from .opcua_node import Foreign, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = 1500
PLANT = "urn:plant"


async def look(endpoint: str, node: str = "", *, deep: bool = False) -> BrowseReply:
    settings = OpcUaConfig.model_validate({"endpoint": endpoint, "security": "None"})
    return await browse(settings, driver_context(), node, deep)


def by_name(reply: BrowseReply) -> dict[str, Node]:
    found = {node.name: node for node in reply.nodes}
    assert len(found) == len(reply.nodes)
    return found


async def build(server: Any) -> None:
    """A folder of 1,500 variables; folders that contain each other; types that derive."""
    index = await server.get_namespace_index(PLANT)
    objects = server.nodes.objects
    many = await objects.add_folder(ua.NodeId("Many", index), f"{index}:Many")
    for i in range(MANY):
        await many.add_variable(ua.NodeId(i + 1, index), f"{index}:Tag{i}", float(i))
    first = await objects.add_folder(ua.NodeId("First", index), f"{index}:First")
    second = await first.add_folder(ua.NodeId("Second", index), f"{index}:Second")
    await second.add_reference(first, ua.ObjectIds.HasComponent)
    await second.add_variable(ua.NodeId("Deep", index), f"{index}:Deep", True)
    state = await first.add_variable(
        ua.NodeId("State", index), f"{index}:State", 0, datatype=ua.NodeId(ua.ObjectIds.ServerState)
    )
    await state.set_writable()
    await first.add_variable(
        ua.NodeId("Age", index), f"{index}:Age", 1.0, datatype=ua.NodeId(ua.ObjectIds.Duration)
    )
    await first.add_variable(ua.NodeId("List", index), f"{index}:List", [1.0, 2.0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    made = OpcUaSimulator(signals())
    await made.start(prepare=build)
    try:
        yield made
    finally:
        await made.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def foreign(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Foreign]:
    async with running("space.js", tmp_path_factory.mktemp("node-opcua")) as made:
        yield made


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """(service, nodes) of every browse that was sent."""
    sent: list[tuple[str, int]] = []
    browser = references.Browser
    plain, following = browser._browse, browser._browse_next

    async def seen(self: Any, wanted: Any, most: int = 250) -> Any:
        sent.append(("browse", len(wanted)))
        return await plain(self, wanted, most)

    async def seen_next(self: Any, points: Any) -> Any:
        sent.append(("next", len(points)))
        return await following(self, points)

    monkeypatch.setattr(browser, "_browse", seen)
    monkeypatch.setattr(browser, "_browse_next", seen_next)
    return sent


async def test_the_top_is_what_is_below_objects(simulator: OpcUaSimulator) -> None:
    reply = await look(simulator.endpoint)
    found = by_name(reply)
    assert {"Server", "Simulator", "Many", "First"} <= set(found)
    assert reply.complete
    assert found["Server"].address == "i=2253"
    assert found["Many"].address == f"nsu={PLANT};s=Many"
    assert all(found[name].has_children for name in ("Server", "Simulator", "Many", "First"))
    assert found["Many"].data_type == ""


async def test_one_level_with_types_access_and_children(simulator: OpcUaSimulator) -> None:
    found = by_name(await look(simulator.endpoint, f"nsu={PLANT};s=First"))
    assert set(found) == {"Second", "State", "Age", "List"}
    kinds = {name: (node.data_type, node.native_type) for name, node in found.items()}
    assert kinds == {
        "Second": ("", ""),
        "State": (DataType.INT32, "ServerState"),
        "Age": (DataType.FLOAT64, "Duration"),
        "List": ("", "Double[]"),
    }
    assert [name for name, node in found.items() if node.writable] == ["State"]
    assert [name for name, node in found.items() if node.has_children] == ["Second"]
    assert found["State"].address == f"nsu={PLANT};s=State"


async def test_the_addresses_can_be_read_as_tags(simulator: OpcUaSimulator) -> None:
    """Every identifier kind, and the data type that a tag gets is the right one."""
    nodes = (await look(simulator.endpoint, "ns=2;s=Simulator")).nodes
    assert len(nodes) == len(signals())
    wanted = {
        node.name: TagConfig(name=f"t{i}", address=node.address, data_type=DataType(node.data_type))
        for i, node in enumerate(nodes)
    }
    assert {s.name: s.data_type for s in signals()} == {n: t.data_type for n, t in wanted.items()}
    tags = [(tag.address, tag.data_type) for tag in wanted.values()]
    async with connected(device(simulator.endpoint, tags)) as plant:
        assert {code for _, code in (await plant.read()).values()} == {192}


async def test_a_folder_of_1500(simulator: OpcUaSimulator) -> None:
    started = time.monotonic()
    reply = await look(simulator.endpoint, f"nsu={PLANT};s=Many")
    print(f"asyncua: 1,500 nodes of one level in {time.monotonic() - started:.2f} s")
    assert [node.name for node in reply.nodes] == [f"Tag{i}" for i in range(MANY)]
    assert reply.complete
    assert {node.data_type for node in reply.nodes} == {DataType.FLOAT64}


async def test_all_below_ends_though_folders_contain_each_other(simulator: OpcUaSimulator) -> None:
    reply = await look(simulator.endpoint, f"nsu={PLANT};s=First", deep=True)
    assert {node.path for node in reply.nodes} == {"State", "Age", "List", "Second/Deep"}
    assert reply.complete
    inner = await look(simulator.endpoint, f"nsu={PLANT};s=Second", deep=True)
    assert {node.path for node in inner.nodes} == {"Deep", "First/State", "First/Age", "First/List"}


async def test_all_below_stops_at_its_limit(
    simulator: OpcUaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "MAX_NODES", 100)
    reply = await look(simulator.endpoint, f"nsu={PLANT};s=Many", deep=True)
    assert (len(reply.nodes), reply.complete) == (100, False)
    level = await look(simulator.endpoint, f"nsu={PLANT};s=Many")
    assert (len(level.nodes), level.complete) == (100, False)


async def test_a_server_that_makes_up_nodes_without_end_is_left(
    simulator: OpcUaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "MAX_REFERENCES", 500)
    reply = await look(simulator.endpoint, "", deep=True)
    assert not reply.complete


async def test_a_server_short_of_continuation_points_is_asked_again(
    simulator: OpcUaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It continues two nodes of a request and refuses the others (OPC 10000-4, 5.9.2)."""
    view = simulator.server.iserver.view_service
    browse_all, sizes = view.browse, list[int]()

    def continue_only(most: int, params: Any) -> Any:
        results = browse_all(params)
        sizes.append(len(results))
        for result in results[most:]:
            result.References = []
            result.StatusCode = ua.StatusCode(Codes.BadNoContinuationPoints)
        return results

    whole = await look(simulator.endpoint, "i=2253", deep=True)
    monkeypatch.setattr(view, "browse", partial(continue_only, 2))
    reply = await look(simulator.endpoint, "i=2253", deep=True)
    assert {node.path for node in reply.nodes} == {node.path for node in whole.nodes}
    assert len(reply.nodes) > 50
    assert reply.complete
    assert max(sizes) > 2
    monkeypatch.setattr(view, "browse", partial(continue_only, 0))
    reply = await look(simulator.endpoint, "i=2253", deep=True)
    assert (reply.nodes, reply.complete) == ((), False)


async def test_nodes_that_are_none(simulator: OpcUaSimulator) -> None:
    with pytest.raises(AddressError, match="does not show the node"):
        await look(simulator.endpoint, "ns=2;s=Nowhere")
    with pytest.raises(AddressError, match="no namespace"):
        await look(simulator.endpoint, "nsu=urn:nowhere;s=X")
    with pytest.raises(AddressError, match="not a node id"):
        await look("opc.tcp://127.0.0.1:1", "Filler.Speed")
    with pytest.raises(UnreachableError):
        await look("opc.tcp://127.0.0.1:1")
    assert (await look(simulator.endpoint, "ns=2;s=Bool")).nodes == ()


async def test_the_session_is_closed(simulator: OpcUaSimulator) -> None:
    await look(simulator.endpoint)
    await until(lambda: not simulator.server.bserver.clients)
    assert simulator.server.iserver._external_sessions == {}


@pytest.mark.foreign
async def test_foreign_one_level(foreign: Foreign) -> None:
    top = by_name(await look(foreign.endpoint))
    found = by_name(await look(foreign.endpoint, top["Filler"].address))
    kinds = {name: (node.data_type, node.native_type) for name, node in found.items()}
    assert kinds == {
        "Speed": (DataType.FLOAT64, "Double"),
        "Level": (DataType.FLOAT32, "Float"),
        "Setpoint": (DataType.INT16, "Int16"),
        "Profile": ("", "Float[]"),
        "Any": (DataType.UINT16, "Number (UInt16)"),
        "State": (DataType.INT32, "FillerState"),
        "Secret": ("", "String, not readable"),
        "Valves": ("", ""),
    }
    assert found["Speed"].description == "Bottles per minute"
    assert not found["Speed"].writable
    assert found["Setpoint"].writable
    assert found["Level"].unit == "%"
    assert not found["Level"].has_children  # only properties: range and unit
    assert found["Valves"].has_children
    assert found["Speed"].address == "ns=1;s=Filler.Speed"


@pytest.mark.foreign
async def test_foreign_1500_by_continuation_points(
    foreign: Foreign, requests: list[tuple[str, int]]
) -> None:
    """It takes 20 nodes in a browse, 900 in a read, and keeps two continuation points."""
    started = time.monotonic()
    reply = await look(foreign.endpoint, "ns=1;s=Many")
    print(f"node-opcua: 1,500 nodes of one level in {time.monotonic() - started:.2f} s")
    assert [node.name for node in reply.nodes] == [f"Tag{i}" for i in range(MANY)]
    assert reply.complete
    assert {node.data_type for node in reply.nodes} == {DataType.INT32}
    assert ("next", 1) in requests
    assert max(count for _, count in requests) == 20


@pytest.mark.foreign
async def test_foreign_few_continuation_points(
    foreign: Foreign, requests: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each node of a request needs one, the server has two: the others are asked for again."""
    browser = references.Browser._browse

    async def two(self: Any, wanted: Any, most: int = 2) -> Any:
        return await browser(self, wanted, min(most, 2))

    monkeypatch.setattr(references.Browser, "_browse", two)
    reply = await look(foreign.endpoint, "ns=1;s=Filler", deep=True)
    assert {node.path for node in reply.nodes} >= {"Speed", "Level", "State", "Valves/Open"}
    assert reply.complete
    assert any(kind == "next" for kind, _ in requests)


@pytest.mark.foreign
async def test_foreign_all_below_objects(foreign: Foreign) -> None:
    started = time.monotonic()
    reply = await look(foreign.endpoint, deep=True)
    print(f"node-opcua: {len(reply.nodes)} variables in {time.monotonic() - started:.2f} s")
    paths = {node.path for node in reply.nodes}
    assert {"Filler/Speed", "Filler/Valves/Open", "Many/Tag1499"} <= paths
    assert len(reply.nodes) > MANY
    assert len({node.address for node in reply.nodes}) == len(reply.nodes)
    assert reply.complete
