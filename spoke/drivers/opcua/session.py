"""One session with one server: socket, secure channel, session, and their end.

asyncua's own `Client.connect` is not used: it leaves tasks behind when it fails or is cancelled and
runs a supervisor of its own. Its steps are called one by one here; what has to go on afterwards
(publishing, renewing the channel) is awaited by the driver's `watch`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import urlparse

from asyncua import Client, ua

from schemas.config.drivers import OpcUaConfig, OpcUaSecurity
from schemas.errors import DeviceError, ProtocolError, UnreachableError
from spoke.drivers.base import DriverContext
from spoke.drivers.opcua.certificates import Identity, identity
from spoke.drivers.opcua.errors import LIBRARY_ERRORS, TOO_LARGE, code_of, distrusted, translate
from spoke.drivers.opcua.guard import ChunkGuard
from spoke.drivers.opcua.login import log_in
from spoke.drivers.opcua.planner import DEFAULT_LIMIT, Limits
from spoke.drivers.opcua.security import endpoint_for, secure
from spoke.drivers.opcua.trust import check_server

T = TypeVar("T")
R = TypeVar("R")

CHANNEL_LIFETIME_MS = 3_600_000
SESSION_TIMEOUT_MS = 120_000
_DEFAULT_PORT = 4840
_CLOSE_S = 1.0
_RENEW_AFTER = 0.75  # of the lifetime: OPC 10000-4, section 5.5.2.1
_LIMITS = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead
_ITEMS = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall

# The library logs each failed request at WARNING and above and raises as well; the runner reports
# an outage once, in its own words.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)


class Session:
    """A connected session. `open` it once; after the first DeviceError it is of no more use."""

    def __init__(self, settings: OpcUaConfig, context: DriverContext) -> None:
        self.limits = Limits()
        self.namespaces: tuple[str, ...] = ()
        self.used_at_s = 0.0
        """clock.monotonic() of the last request that was answered."""
        self._settings = settings
        self._clock = context.clock
        self._folder = context.folder
        self._own: Identity | None = None
        """The gateway's certificate, once a channel is secured with it."""
        self._client: Any = Client(_with_port(settings.endpoint), timeout=settings.timeout_s)
        self._client.name = self._client.description = "Spindle"
        self._client.product_uri = "urn:spindle"
        self._client.application_uri = f"urn:{socket.gethostname()}:spindle:spoke"
        self._client.secure_channel_timeout = CHANNEL_LIFETIME_MS
        self._renew_at_s = math.inf

    @property
    def services(self) -> Any:
        """asyncua's UaSession: read, publish, create_subscription, ..."""
        return self._client.uaclient.session

    @property
    def endpoint(self) -> str:
        """For messages: without user and password."""
        return str(self._client.server_url.geturl())

    @property
    def timeout_s(self) -> float:
        """After this time without a request the server ends the session."""
        return float(self._client.session_timeout) / 1000

    async def open(self, longest_period_ms: int = 0) -> None:
        """Connect, log in, and read what the server allows. Raises DeviceError, all closed.

        The session is asked to outlive three of the longest periods without a request.
        """
        self._client.session_timeout = max(SESSION_TIMEOUT_MS, 3 * longest_period_ms)
        try:
            with self.errors():
                await self._open()
        except BaseException:
            self.drop()
            raise

    async def offered(self) -> list[Any]:
        """The server's EndpointDescriptions, asked for without security and without a session.

        Raises DeviceError; the connection is closed in any case.
        """
        try:
            with self.errors():
                await self._open_channel()
                return list(await self._client.get_endpoints() or ())
        finally:
            self.drop()

    async def request(self, call: Awaitable[T]) -> T:
        """The answer to a request, in time. Raises DeviceError."""
        with self.errors():
            answer = await call
        self.used_at_s = self._clock.monotonic()
        return answer

    async def in_chunks(
        self, items: Sequence[T], limit: int, call: Callable[[Sequence[T]], Awaitable[Sequence[R]]]
    ) -> list[R]:
        """`call` for at most `limit` items at a time; all answers in order. Raises DeviceError.

        A server that refuses the size of a request, whatever limit it named, gets half of it.
        """
        answers: list[R] = []
        while len(answers) < len(items):
            part = items[len(answers) : len(answers) + limit]
            try:
                found = await self.request(call(part))
            except DeviceError as error:
                if len(part) == 1 or code_of(error) not in TOO_LARGE:
                    raise
                limit = len(part) // 2
                continue
            if len(found) != len(part):
                raise ProtocolError(
                    f"{self.endpoint} answered {len(found)} of {len(part)} nodes of a request."
                )
            answers.extend(found)
        return answers

    async def read(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """The value of each node, in requests that the server takes. Raises DeviceError."""
        return await self.in_chunks(nodes, self.limits.nodes_per_read, self._read)

    async def keep_alive(self) -> None:
        """To be called every second: renews the channel in time, and sends something over a
        session that idles. Raises DeviceError."""
        await self.renew_when_due()
        if self._clock.monotonic() - self.used_at_s > self.timeout_s / 3:
            await self.read([ua.NodeId(ua.ObjectIds.Server_ServerStatus_State)])

    async def renew_when_due(self) -> None:
        """Renew the secure channel when 75 % of its life is over. Raises DeviceError."""
        if self._clock.monotonic() < self._renew_at_s:
            return
        self._renew_at_s = math.inf  # one renewal at a time
        with self.errors():
            await self._secure_channel(renew=True)
        self._client.uaclient.revolve_security_token()
        self._plan_renewal()

    async def close(self) -> None:
        """Tell the server, for at most a second, and close. Never raises; may be called twice."""
        try:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_CLOSE_S):
                    await self.services.close_session(True)
                    await self._client.close_secure_channel()
        finally:
            self.drop()

    def drop(self) -> None:
        """Close the socket at once."""
        protocol = self._client.uaclient.protocol
        transport = protocol.transport if protocol is not None else None
        self._client.disconnect_socket()
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()  # else a dead peer would keep the socket open for minutes

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Translates the library's errors."""
        try:
            yield
        except LIBRARY_ERRORS as error:
            own = self._own.about.fingerprint if self._own is not None else ""
            raise translate(error, self.endpoint, own) from error

    async def _open(self) -> None:
        if self._settings.security is not OpcUaSecurity.NONE:
            await self._secure()
        await self._open_channel()
        self._plan_renewal()
        await self._client.create_session()
        await log_in(self._client, self._settings, self._own, self.endpoint, self._check_server)
        self.namespaces, self.limits = await self._capabilities()

    async def _open_channel(self) -> None:
        try:
            await self._client.connect_socket()
        except TimeoutError as error:
            raise UnreachableError(f"{self.endpoint} does not answer.") from error
        protocol = self._client.uaclient.protocol
        transport = protocol.transport
        transport.set_protocol(ChunkGuard(protocol, transport))
        await self._client.send_hello()
        await self._secure_channel()

    async def _secure_channel(self, *, renew: bool = False) -> None:
        """Open or renew it. A refusal of the server keeps its status code.

        asyncua takes every answer to this request for a good one and then fails with an assertion,
        so the answer is kept here and looked at again.
        """
        protocol = self._client.uaclient.protocol
        if protocol is None:
            raise ConnectionError("the connection is closed")
        answers: list[Any] = []
        deliver = protocol._call_callback  # noqa: SLF001 - nowhere else is the answer

        def keep(request_id: int, body: Any) -> None:
            answers.append(body.copy())
            deliver(request_id, body)

        protocol._call_callback = keep  # noqa: SLF001
        try:
            await self._client.open_secure_channel(renew=renew)
        except (ConnectionError, AssertionError) as error:
            for answer in answers:
                protocol.check_answer(answer, "")  # raises the server's status code
            if self._own is not None and not renew:
                raise distrusted(self.endpoint, self._own.about.fingerprint) from error
            raise ConnectionError(str(error)) from error
        finally:
            protocol._call_callback = deliver  # noqa: SLF001

    async def _secure(self) -> None:
        """Ask for the server's certificate and use the policy of the settings if it is trusted."""
        found = endpoint_for(await self.offered(), self._settings, self.endpoint)
        server = self._check_server(found.ServerCertificate or b"", found.Server.ApplicationUri)
        own = await asyncio.to_thread(identity, self._folder)
        secure(self._client, self._settings, own, server)
        self._own = own

    def _check_server(self, chain: bytes, application_uri: str | None = None) -> Any:
        return check_server(
            chain, application_uri, self._settings, self.endpoint, self._clock.time_ns()
        )

    async def _capabilities(self) -> tuple[tuple[str, ...], Limits]:
        found: list[Any] = []
        for node in (ua.ObjectIds.Server_NamespaceArray, _LIMITS, _ITEMS):
            (data,) = await self._read([ua.NodeId(node)])
            found.append(data.Value.Value if data.StatusCode.is_good() else None)
        uris, per_read, per_call = found
        return tuple(uris or ()), Limits(per_read or DEFAULT_LIMIT, per_call or DEFAULT_LIMIT)

    async def _read(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        wanted = ua.ReadParameters()
        wanted.TimestampsToReturn = ua.TimestampsToReturn.Neither
        wanted.NodesToRead = [ua.ReadValueId(node, ua.AttributeIds.Value) for node in nodes]
        answer: list[ua.DataValue] = await self.services.read(wanted)
        return answer

    def _plan_renewal(self) -> None:
        lifetime_s = self._client.secure_channel_timeout / 1000
        self.used_at_s = self._clock.monotonic()
        self._renew_at_s = self.used_at_s + _RENEW_AFTER * lifetime_s


def _with_port(endpoint: str) -> str:
    url = urlparse(endpoint)
    if url.port is not None:
        return endpoint
    return url._replace(netloc=f"{url.netloc.rstrip(':')}:{_DEFAULT_PORT}").geturl()
