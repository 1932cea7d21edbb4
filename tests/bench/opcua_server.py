"""A lean OPC UA server for load tests: prepared answers, security None, one process.

    python -m tests.bench.opcua_server        prints its port; ends with its standard input

asyncua's server needs 130 to 190 us per change. This one changes every monitored item in every
publishing interval and sends a PublishResponse whose bytes were laid out once; only values and
times are put in, by numpy. Handshake and services other than Publish and Read are asyncua's codec.

The node `ns=2;s=<kind><anything>` has a type by its kind: F float, D double, I int32, H int16,
B bool, S string, A array of float. Its value counts up by one with each report (a bool toggles, a
text is the count), starting at 1, so a report that was lost or came twice shows.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections import deque
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary, struct_to_binary

from tests.bench.opcua_feed import Feed, Template, ticks

_CHUNK = 60_000
_HEADER, _SEQUENCE, _SYMMETRIC = struct.Struct("<3scI"), struct.Struct("<II"), 12 + 4
_MAX_WAITING = 50

_REQUESTS: dict[int, Any] = {
    getattr(ua.ObjectIds, f"{kind.__name__}_Encoding_DefaultBinary"): kind
    for kind in (
        ua.CreateSessionRequest,
        ua.ActivateSessionRequest,
        ua.CloseSessionRequest,
        ua.GetEndpointsRequest,
        ua.ReadRequest,
        ua.CreateSubscriptionRequest,
        ua.DeleteSubscriptionsRequest,
        ua.CreateMonitoredItemsRequest,
        ua.PublishRequest,
    )
}
_LIMITS = {
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite,
}


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = bytearray()
        self._sequence = 0
        self._feeds: dict[int, Feed] = {}
        self._waiting: deque[tuple[int, int]] = deque()  # (request id, handle)
        self._ready: deque[bytes] = deque()
        self._parts = b""
        self._timers: list[asyncio.Task[None]] = []
        self._templates: dict[bytes, Template] = {}

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers:
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            kind, last, length = _HEADER.unpack_from(self._buffer)
            if len(self._buffer) < length:
                return
            chunk = bytes(self._buffer[:length])
            del self._buffer[:length]
            self._chunk(kind, last, chunk)

    def _chunk(self, kind: bytes, last: bytes, chunk: bytes) -> None:
        if kind == b"HEL":
            self._transport.write(
                struct.pack("<3scIIIIII", b"ACK", b"F", 28, 0, 65536, 65536, 0, 0)
            )
        elif kind == b"OPN":
            self._open(chunk)
        elif kind == b"MSG":
            _, request = _SEQUENCE.unpack_from(chunk, _SYMMETRIC)
            self._parts += chunk[_SYMMETRIC + _SEQUENCE.size :]
            if last == b"F":
                body, self._parts = self._parts, b""
                self._request(request, body)
        else:
            self._transport.close()

    def _open(self, chunk: bytes) -> None:
        data = Buffer(chunk, 12)
        header = struct_from_binary(ua.AsymmetricAlgorithmHeader, data)
        request = struct_from_binary(ua.SequenceHeader, data).RequestId
        wanted = struct_from_binary(ua.OpenSecureChannelRequest, data)
        answer = ua.OpenSecureChannelResponse()
        answer.ResponseHeader.RequestHandle = wanted.RequestHeader.RequestHandle
        answer.Parameters.SecurityToken.ChannelId = 1
        answer.Parameters.SecurityToken.TokenId = 1
        answer.Parameters.SecurityToken.RevisedLifetime = 3_600_000
        self._sequence += 1
        body = struct.pack("<I", 1) + struct_to_binary(header)
        body += _SEQUENCE.pack(self._sequence, request) + struct_to_binary(answer)
        self._transport.write(_HEADER.pack(b"OPN", b"F", len(body) + 8) + body)

    def _send(self, request: int, body: bytes) -> None:
        parts = [body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)]
        for index, part in enumerate(parts):
            self._sequence += 1
            last = b"F" if index == len(parts) - 1 else b"C"
            head = _HEADER.pack(b"MSG", last, _SYMMETRIC + _SEQUENCE.size + len(part))
            ids = struct.pack("<II", 1, 1) + _SEQUENCE.pack(self._sequence, request)
            self._transport.write(head + ids + part)

    def _request(self, number: int, body: bytes) -> None:
        data = Buffer(body)
        kind = _REQUESTS.get(nodeid_from_binary(data).Identifier)
        if kind is ua.ReadRequest and self._read_again(number, body):
            return
        request = struct_from_binary(kind, Buffer(body))
        handle = request.RequestHeader.RequestHandle
        if kind is ua.PublishRequest:
            self._waiting.append((number, handle))
            self._pump()
        elif kind is ua.ReadRequest:
            self._read(number, handle, body, request)
        else:
            answer = getattr(self, f"_{kind.__name__}")(request)
            answer.ResponseHeader.RequestHandle = handle
            self._send(number, struct_to_binary(answer))

    def _CreateSessionRequest(self, _request: Any) -> Any:
        answer = ua.CreateSessionResponse()
        answer.Parameters.SessionId = ua.NodeId(1, 1)
        answer.Parameters.AuthenticationToken = ua.NodeId(2, 1)
        answer.Parameters.RevisedSessionTimeout = 120_000
        answer.Parameters.ServerEndpoints = [_endpoint()]
        return answer

    def _ActivateSessionRequest(self, _request: Any) -> Any:
        return ua.ActivateSessionResponse()

    def _CloseSessionRequest(self, _request: Any) -> Any:
        return ua.CloseSessionResponse()

    def _GetEndpointsRequest(self, _request: Any) -> Any:
        return ua.GetEndpointsResponse(Endpoints=[_endpoint()])

    def _DeleteSubscriptionsRequest(self, request: Any) -> Any:
        for number in request.Parameters.SubscriptionIds:
            self._feeds.pop(number, None)
        return ua.DeleteSubscriptionsResponse(Results=[ua.StatusCode()])

    def _CreateSubscriptionRequest(self, request: Any) -> Any:
        wanted = request.Parameters
        feed = Feed(len(self._feeds) + 1, wanted.RequestedPublishingInterval / 1000)
        self._feeds[feed.id] = feed
        answer = ua.CreateSubscriptionResponse()
        answer.Parameters.SubscriptionId = feed.id
        answer.Parameters.RevisedPublishingInterval = wanted.RequestedPublishingInterval
        answer.Parameters.RevisedLifetimeCount = wanted.RequestedLifetimeCount
        answer.Parameters.RevisedMaxKeepAliveCount = wanted.RequestedMaxKeepAliveCount
        return answer

    def _CreateMonitoredItemsRequest(self, request: Any) -> Any:
        feed = self._feeds[request.Parameters.SubscriptionId]
        answer = ua.CreateMonitoredItemsResponse()
        for item in request.Parameters.ItemsToCreate:
            name = str(item.ItemToMonitor.NodeId.Identifier)
            feed.items.append((item.RequestedParameters.ClientHandle, name[0]))
            result = ua.MonitoredItemCreateResult()
            result.MonitoredItemId = len(feed.items)
            answer.Results.append(result)
        return answer

    def _read(self, number: int, handle: int, body: bytes, request: Any) -> None:
        nodes = [item.NodeId for item in request.Parameters.NodesToRead]
        if all(isinstance(node.Identifier, str) for node in nodes):
            kinds: list[tuple[int | None, str]] = [(None, node.Identifier[0]) for node in nodes]
            self._templates[body[-64:]] = Template(kinds, times=False)
            self._read_again(number, body)
            return
        answer = ua.ReadResponse()
        answer.ResponseHeader.RequestHandle = handle
        for node in nodes:
            value = ua.Variant(0, ua.VariantType.UInt32)
            if node.Identifier in _LIMITS:
                value = ua.Variant(1000, ua.VariantType.UInt32)
            elif node.Identifier == ua.ObjectIds.Server_NamespaceArray:
                value = ua.Variant(["http://opcfoundation.org/UA/", "urn:1", "urn:2"])
            answer.Results.append(ua.DataValue(value))
        self._send(number, struct_to_binary(answer))

    def _read_again(self, number: int, body: bytes) -> bool:
        template = self._templates.get(body[-64:])
        if template is None:
            return False
        template.reads += 1
        found = template.filled(template.reads)
        head = _response(ua.ObjectIds.ReadResponse_Encoding_DefaultBinary, number)
        count = len(template.items)
        self._send(number, head + struct.pack("<i", count) + found + struct.pack("<i", 0))
        return True

    def _pump(self) -> None:
        if not self._timers and self._feeds:
            self._timers = [
                asyncio.get_running_loop().create_task(self._run(feed))
                for feed in self._feeds.values()
            ]
        while self._ready and self._waiting:
            request, handle = self._waiting.popleft()
            head = _response(ua.ObjectIds.PublishResponse_Encoding_DefaultBinary, handle)
            self._send(request, head + self._ready.popleft())

    async def _run(self, feed: Feed) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += feed.interval_s
            await asyncio.sleep(max(0.0, due - loop.time()))
            if len(self._ready) >= _MAX_WAITING:
                self._ready.popleft()  # the client is too slow: this shows as a lost report
            self._ready.append(feed.body())
            self._pump()


def _response(kind: int, handle: int) -> bytes:
    return struct.pack("<BBHqIIBi3s", 1, 0, kind, ticks(), handle, 0, 0, 0, b"\0\0\0")


def _endpoint() -> Any:
    found = ua.EndpointDescription()
    found.EndpointUrl = "opc.tcp://127.0.0.1"
    found.SecurityMode = ua.MessageSecurityMode.None_
    found.SecurityPolicyUri = "http://opcfoundation.org/UA/SecurityPolicy#None"
    policy = ua.UserTokenPolicy()
    policy.PolicyId, policy.TokenType = "anonymous", ua.UserTokenType.Anonymous
    found.UserIdentityTokens = [policy]
    return found


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
