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
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import urlparse

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from schemas.config.drivers import OpcUaConfig, OpcUaSecurity
from schemas.errors import DeviceError, ProtocolError, RefusedError, UnreachableError
from spoke.clock import Clock
from spoke.drivers.opcua.certificates import identity
from spoke.drivers.opcua.errors import LIBRARY_ERRORS, TOO_LARGE, code_of, translate
from spoke.drivers.opcua.guard import ChunkGuard
from spoke.drivers.opcua.planner import DEFAULT_LIMIT, Limits

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

    def __init__(self, settings: OpcUaConfig, clock: Clock) -> None:
        self.limits = Limits()
        self.namespaces: tuple[str, ...] = ()
        self.used_at_s = 0.0
        """clock.monotonic() of the last request that was answered."""
        self._settings = settings
        self._clock = clock
        self._client: Any = Client(_with_port(settings.endpoint), timeout=settings.timeout_s)
        self._client.name = self._client.description = "Spindle"
        self._client.product_uri = "urn:spindle"
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
            await self._client.open_secure_channel(renew=True)
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
            raise translate(error, self.endpoint) from error

    async def _open(self) -> None:
        client = self._client
        if self._settings.security is OpcUaSecurity.BASIC256SHA256:
            await self._secure()
        await self._open_channel()
        self._plan_renewal()
        await client.create_session()
        await client.activate_session(
            username=self._settings.username or None, password=self._settings.password or None
        )
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
        await self._client.open_secure_channel()

    async def _secure(self) -> None:
        """Ask for the server's certificate, then use Basic256Sha256, SignAndEncrypt.

        The server's certificate is accepted as it is; a trust list is a later issue.
        """
        client = self._client
        await self._open_channel()
        try:
            offered = await client.get_endpoints() or []
        finally:
            self.drop()
        wanted = SecurityPolicyBasic256Sha256.URI
        mode = ua.MessageSecurityMode.SignAndEncrypt
        fits = [e for e in offered if (e.SecurityPolicyUri, e.SecurityMode) == (wanted, mode)]
        if not fits:
            raise RefusedError(
                f"{self.endpoint} does not offer Basic256Sha256 with SignAndEncrypt.",
                hint=f"It offers: {_offers(offered)}. Change the device's security policy.",
            )
        own = await asyncio.to_thread(identity)
        client.application_uri = own.application_uri
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            own.certificate,
            own.key,
            server_certificate=_first_certificate(fits[0].ServerCertificate),
            mode=mode,
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


def _offers(endpoints: Sequence[Any]) -> str:
    names = {
        f"{str(e.SecurityPolicyUri).rpartition('#')[2]} {e.SecurityMode.name.rstrip('_')}"
        for e in endpoints
    }
    return ", ".join(sorted(names)) or "nothing"


def _first_certificate(chain: bytes) -> Any:
    """The server's own certificate of a chain: the first DER sequence (length in bytes 2-3)."""
    from asyncua.crypto.uacrypto import CertProperties

    length = int.from_bytes(chain[2:4], "big") + 4
    return CertProperties(chain[:length], extension="der")
