"""Requests of the hot path, sent through asyncua's channel, with the answer as bytes.

asyncua's own `read` and `publish` cost 12 to 40 us per value in objects. Its channel (chunks,
signatures, tokens) and its matching of answers to requests are used as they are; what is private
there is pinned by the minor version in pyproject.toml, and looked at by
`test_opcua_notifications_requests.py`.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from asyncua.common.utils import wait_for
from asyncua.ua.ua_binary import nodeid_to_binary, struct_to_binary

_READ_START = struct.Struct("<diI")  # MaxAge, TimestampsToReturn, how many nodes
_AFTER_NODE = struct.pack("<IiHi", ua.AttributeIds.Value, -1, 0, -1)  # no range, no encoding


@dataclass(slots=True)
class _ReadStart:
    """What asyncua encodes of a ReadRequest; the parameters were encoded before."""

    TypeId: ua.NodeId = field(
        default_factory=lambda: ua.FourByteNodeId(ua.ObjectIds.ReadRequest_Encoding_DefaultBinary)
    )
    RequestHeader: ua.RequestHeader = field(default_factory=ua.RequestHeader)


async def publish(services: Any, acks: Sequence[Any]) -> bytes:
    """The PublishResponse to a PublishRequest with these acknowledgements. No time limit: the
    server answers when there is something to report. Raises asyncua's errors."""
    request = ua.PublishRequest()
    request.Parameters.SubscriptionAcknowledgements = list(acks)
    return _whole(await services._send_request(request, timeout=0))  # noqa: SLF001


def is_open(services: Any) -> bool:
    """Whether a request could be sent now."""
    protocol = services._client.protocol  # noqa: SLF001
    transport = protocol.transport if protocol is not None else None
    return transport is not None and not transport.is_closing()


def encode_nodes(nodes: Sequence[ua.NodeId]) -> bytes:
    """The parameters of a ReadRequest for the values of these nodes, without timestamps."""
    start = _READ_START.pack(0.0, ua.TimestampsToReturn.Neither, len(nodes))
    return start + b"".join(nodeid_to_binary(node) + _AFTER_NODE for node in nodes)


async def read(services: Any, parameters: bytes) -> bytes:
    """The ReadResponse to parameters of `encode_nodes`. Raises asyncua's errors."""
    if not is_open(services):
        raise ConnectionError("Connection is not open")
    protocol = services._client.protocol  # noqa: SLF001
    try:
        body = await wait_for(_send(protocol, parameters), protocol.timeout)
    except ua.UaError:
        raise
    except TimeoutError:
        raise
    except Exception:
        if protocol.is_closed:
            raise ConnectionError("Connection is closed") from None
        raise
    protocol.check_answer(body, " in response to a read")
    return _whole(body)


def _send(protocol: Any, parameters: bytes) -> asyncio.Future[Any]:
    """As asyncua's UASocketProtocol._send_request, with parameters that are bytes already."""
    start = _ReadStart()
    protocol._setup_request_header(start.RequestHeader, protocol.timeout)  # noqa: SLF001
    protocol.revolve_security_token()
    number = protocol._request_id + 1  # noqa: SLF001
    message = protocol._connection.message_to_binary(  # noqa: SLF001
        struct_to_binary(start) + parameters,
        message_type=ua.MessageType.SecureMessage,
        request_id=number,
    )
    protocol._request_id = number  # noqa: SLF001
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    protocol._callbackmap[number] = answer  # noqa: SLF001
    protocol.transport.write(message)
    return answer


def _whole(body: Any) -> bytes:
    """All that is left in asyncua's buffer."""
    return bytes(body)
