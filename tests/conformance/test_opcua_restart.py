"""The OPC UA driver when its server restarts."""

from __future__ import annotations

import time

import pytest

from schemas.errors import UnreachableError
from schemas.kinds import DataType
from spoke.drivers.opcua.simulator import OpcUaSimulator

from .opcua_client import COUNTER, SPARE, connected, device, signals

TAGS = [(COUNTER, DataType.UINT32), (SPARE[0], DataType.INT32)]


async def test_a_restarted_server_ends_watch_and_takes_a_new_driver() -> None:
    simulator = OpcUaSimulator(signals())
    await simulator.start()
    port = simulator.port
    try:
        async with connected(device(simulator.endpoint, TAGS)) as found:
            await found.subscribe()
            await found.watch_until(lambda: len(found.values) == 2)
            started = time.monotonic()
            await simulator.stop()
            with pytest.raises(UnreachableError):
                await found.watch_until(lambda: False)
            assert time.monotonic() - started < 3.0
        with pytest.raises(UnreachableError, match="Nothing listens"):
            async with connected(device(simulator.endpoint, TAGS)):
                pass
        await simulator.start()
        assert simulator.port == port
        async with connected(device(simulator.endpoint, TAGS)) as found:
            await found.subscribe()
            await found.watch_until(lambda: len(found.values) == 2)
            assert found.values[1][0] in (1, 2)  # it counts from 1 again
            assert found.values[2] == [0]  # what never changes is reported once per connection
    finally:
        await simulator.stop()
