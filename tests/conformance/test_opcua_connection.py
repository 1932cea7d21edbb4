"""The OPC UA driver and its connection: refused, lost, silent, renewed, closed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    UnreachableError,
)
from schemas.kinds import DataType
from spoke.drivers.opcua.simulator import OpcUaSimulator

from .opcua_client import (
    SPARE,
    connected,
    device,
    simulated,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    async with simulated() as made:
        yield made


SPARE_TAGS = [(address, DataType.INT32) for address in SPARE[10:30]]
SPARE_VALUES = {i: [i + 9] for i in range(1, 21)}


async def test_nothing_listens() -> None:
    with pytest.raises(UnreachableError, match="Nothing listens"):
        async with connected(device("opc.tcp://127.0.0.1:1", [])):
            pass


async def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(UnreachableError, match="No way to"):
        async with connected(device("opc.tcp://host.invalid:4840", [])):
            pass


async def test_a_port_that_does_not_answer_and_a_cancelled_connect_leave_nothing() -> None:
    ended = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        ended.append(writer)  # the driver closed its side
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        wanted = device(f"opc.tcp://127.0.0.1:{port}", [], timeout_s=0.3)
        tasks = len(asyncio.all_tasks())
        with pytest.raises(DeviceTimeoutError):
            async with connected(wanted):
                pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), connected(wanted):
                pass
        await until(lambda: len(ended) == 2)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def test_a_port_that_speaks_something_else() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(DeviceError):
            async with connected(device(f"opc.tcp://127.0.0.1:{port}", [], timeout_s=1)):
                pass


async def test_close_leaves_nothing_on_either_side(simulator: OpcUaSimulator) -> None:
    service = simulator.server.iserver.subscription_service
    tasks = len(asyncio.all_tasks())
    async with connected(device(simulator.endpoint, SPARE_TAGS)) as found:
        await found.subscribe()
        await found.watch_until(lambda: bool(found.values))
        assert service.subscriptions
        await found.close()
        await found.close()
        assert not service.subscriptions
    await until(lambda: not simulator.server.bserver.clients)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def test_a_lost_connection_ends_watch_and_read(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, SPARE_TAGS)) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 20)
        for client in list(simulator.server.bserver.clients):
            client.transport.abort()
        with pytest.raises(UnreachableError, match="lost"):
            await found.watch_until(lambda: False)
        with pytest.raises(UnreachableError):
            await found.read()


async def test_a_deleted_subscription_ends_watch(simulator: OpcUaSimulator) -> None:
    service = simulator.server.iserver.subscription_service
    wanted = device(simulator.endpoint, SPARE_TAGS, timeout_s=1)
    async with connected(wanted) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 20)
        await service.delete_subscriptions(list(service.subscriptions))
        with pytest.raises(DeviceError):
            await found.watch_until(lambda: False)


async def test_a_half_open_connection_ends_watch(simulator: OpcUaSimulator) -> None:
    """The line goes dead without a word, as when a switch is unplugged."""
    alive = asyncio.Event()
    alive.set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await alive.wait()
                writer.write(data)
        writer.close()

    async def bridge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", simulator.port)
        await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))

    async with await asyncio.start_server(bridge, "127.0.0.1", 0) as proxy:
        endpoint = f"opc.tcp://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        async with connected(device(endpoint, SPARE_TAGS, timeout_s=0.5)) as found:
            await found.subscribe()
            await found.watch_until(lambda: len(found.values) == 20)
            alive.clear()
            started = time.monotonic()
            with pytest.raises(DeviceTimeoutError, match="silent"):
                await found.watch_until(lambda: False)
            assert 2.0 < time.monotonic() - started < 5.0  # three keep-alives of a second
        alive.set()


async def test_the_channel_is_renewed_while_values_flow(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, [("ns=2;s=Wave", DataType.FLOAT32)])) as found:
        await found.subscribe()
        session = found.driver._session
        await found.watch_until(lambda: bool(found.values))
        token = session._client.uaclient.protocol._connection.security_token.TokenId
        session._renew_at_s = 0.0
        count = len(found.values[1])
        await found.watch_until(lambda: len(found.values[1]) > count + 3)
        assert session._client.uaclient.protocol._connection.security_token.TokenId != token
        await found.read()
