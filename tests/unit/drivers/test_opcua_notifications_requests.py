"""Requests that are encoded without asyncua's objects: the same bytes as asyncua's."""

from __future__ import annotations

import inspect
import uuid

from asyncua import ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from spoke.drivers.opcua import requests

nodes = st.one_of(
    st.builds(ua.NodeId, st.integers(0, 2**32 - 1), st.integers(0, 65535)),
    st.builds(ua.NodeId, st.text(min_size=1, max_size=10), st.integers(0, 65535)),
    st.builds(ua.NodeId, st.just(uuid.UUID(int=5)), st.just(2)),
    st.builds(ua.NodeId, st.binary(min_size=1, max_size=5), st.just(2)),
)


@given(st.lists(nodes, max_size=10))
def test_a_read_request_is_what_asyncua_would_send(found: list[ua.NodeId]) -> None:
    request = ua.ReadRequest()
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
    request.Parameters.NodesToRead = [ua.ReadValueId(node, ua.AttributeIds.Value) for node in found]
    start = requests._ReadStart()
    start.RequestHeader = request.RequestHeader
    assert struct_to_binary(start) + requests.encode_nodes(found) == struct_to_binary(request)


def test_what_is_private_in_asyncua_is_still_there() -> None:
    """`requests._send` does what asyncua's `_send_request` does; look there when this fails."""
    source = inspect.getsource(UASocketProtocol._send_request)
    for part in (
        "self._setup_request_header(request.RequestHeader, timeout)",
        "next_request_id = self._request_id + 1",
        "self.revolve_security_token()",
        "self._connection.message_to_binary(",
        "binreq, message_type=message_type, request_id=next_request_id",
        "self._request_id = next_request_id",
        "self._callbackmap[self._request_id] = future",
        "self.transport.write(msg)",
    ):
        assert part in source
