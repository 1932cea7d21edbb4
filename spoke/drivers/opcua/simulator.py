"""An OPC UA server with simulated signals, on a real socket: for tests and for a first look.

Anonymous and without security, for loopback, unless it gets a `ServerSecurity`. Values change every
250 ms, process values (floats) every 500 ms, half of them at a time, because each change costs
asyncua's server 130 us with a subscriber. All have source timestamps; only what changed is written.
A signal with `counts_reads` counts up by one each second, beginning with 1, so that a change that
was lost or delivered twice shows as a gap or a twin. A value that a client writes stands still.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua

from schemas.addresses.opcua import parse
from schemas.kinds import DataType, Kind
from spoke.drivers.opcua.addresses import node_id
from spoke.drivers.opcua.simulator_security import ServerSecurity
from spoke.drivers.sim.signals import Signal, Value

PERIOD_S = 0.25
COUNT_S = 1.0
NAMESPACE = "urn:spindle:simulator"
"""Uri of namespace 2; namespaces 3, 4, ... are NAMESPACE:3, ..."""

_TYPES = {
    DataType.BOOL: ua.VariantType.Boolean,
    DataType.INT8: ua.VariantType.SByte,
    DataType.UINT8: ua.VariantType.Byte,
    DataType.INT16: ua.VariantType.Int16,
    DataType.UINT16: ua.VariantType.UInt16,
    DataType.INT32: ua.VariantType.Int32,
    DataType.UINT32: ua.VariantType.UInt32,
    DataType.INT64: ua.VariantType.Int64,
    DataType.UINT64: ua.VariantType.UInt64,
    DataType.FLOAT32: ua.VariantType.Float,
    DataType.FLOAT64: ua.VariantType.Double,
    DataType.STRING: ua.VariantType.String,
}

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)  # see session.py


@dataclass(slots=True)
class _Point:
    signal: Signal
    node: ua.NodeId
    last: Value | None = None


class OpcUaSimulator:
    """A server with one variable per signal, below the folder Objects/Simulator.

    Starting takes 1 to 2 s: asyncua builds the standard address space. `server` is asyncua's
    Server, for tests that refuse logins, set limits or write status codes.
    """

    def __init__(
        self,
        signals: Sequence[Signal],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        security: ServerSecurity | None = None,
        advertised: str = "",
    ) -> None:
        """`port` 0 takes a free one; it stays the same when the simulator is started again.

        `advertised` is the endpoint that the server names as its own, if it is another one.
        """
        self.host = host
        self.port = port
        self.security = security
        self._advertised = advertised
        self.server: Any = None
        self._signals = tuple(signals)
        self._points: list[_Point] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://{self.host}:{self.port}"

    async def start(self, *, prepare: Any = None) -> None:
        """Listen. `prepare(server)`, a coroutine function, runs before that."""
        server = Server()
        server.disable_clock()
        await server.init()
        server.set_server_name("Spindle simulator")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken])
        if self.security is not None:
            await self.security.install(server)
        server.set_endpoint(self._advertised or self.endpoint)
        if self._advertised:
            server.socket_address = (self.host, self.port)
            server.set_match_discovery_endpoint_url(False)
            server.set_match_discovery_client_ip(False)
        self._points = await self._make_nodes(server)
        await self._update(server, self._points, 0.0)
        if prepare is not None:
            await prepare(server)
        await server.start()
        self.server = server
        self.port = server.bserver.port
        self._task = asyncio.get_running_loop().create_task(self._run(server))

    async def stop(self) -> None:
        """End all connections and the server. May be called twice."""
        task, self._task = self._task, None
        server, self.server = self.server, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if server is not None:  # subscriptions first: they would write to closed connections
            service = server.iserver.subscription_service
            await service.delete_subscriptions(list(service.subscriptions))
            await server.stop()

    async def _make_nodes(self, server: Any) -> list[_Point]:
        uris = await self._namespaces(server)
        folder = await server.nodes.objects.add_folder(ua.NodeId("Simulator", 2), "2:Simulator")
        points = []
        for signal in self._signals:
            node = node_id(signal.address, uris)
            first = ua.Variant(_first(signal), _TYPES[signal.data_type])
            variable = await folder.add_variable(node, ua.QualifiedName(signal.name, 2), first)
            await variable.set_writable()
            points.append(_Point(signal, node))
        return points

    async def _namespaces(self, server: Any) -> list[str]:
        """Namespaces up to the highest index that an address uses, and those it names by uri."""
        nodes = [parse(signal.address) for signal in self._signals]
        highest = max([2, *(node.namespace for node in nodes)])
        for index in range(2, highest + 1):
            await server.register_namespace(NAMESPACE if index == 2 else f"{NAMESPACE}:{index}")
        for uri in sorted({node.uri for node in nodes if node.uri}):
            await server.register_namespace(uri)
        return list(await server.get_namespace_array())

    async def _run(self, server: Any) -> None:
        loop = asyncio.get_running_loop()
        start = due = loop.time()
        floats = [point for point in self._points if _is_float(point)]
        others = [point for point in self._points if not _is_float(point)]
        turn = 0
        while True:
            due += PERIOD_S
            await asyncio.sleep(due - loop.time())
            turn ^= 1
            await self._update(server, others + floats[turn::2], due - start)

    async def _update(self, server: Any, points: Sequence[_Point], t: float) -> None:
        now = datetime.now(UTC)
        for point in points:
            signal = point.signal
            value = 1 + int(t / COUNT_S) if signal.counts_reads else signal.value(t)
            if signal.data_type.kind is Kind.FLOAT:
                value = float(value)
            if value == point.last or _written(server, point):
                continue
            point.last = value
            data = ua.DataValue(
                ua.Variant(value, _TYPES[signal.data_type]),
                SourceTimestamp=now,
                ServerTimestamp=now,
            )
            await server.write_attribute_value(point.node, data)


def _written(server: Any, point: _Point) -> bool:
    """A client wrote it: then it keeps that value."""
    if point.last is None:
        return False
    found = server.read_attribute_value(point.node).Value
    return found is None or bool(found.Value != point.last)


def _is_float(point: _Point) -> bool:
    return point.signal.data_type.kind is Kind.FLOAT


def _first(signal: Signal) -> Value:
    value = 1 if signal.counts_reads else signal.value(0.0)
    return float(value) if signal.data_type.kind is Kind.FLOAT else value
