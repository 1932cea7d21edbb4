"""From a node of a server to an address that people keep, and back."""

from __future__ import annotations

import uuid

import pytest
from asyncua import ua

from spoke.drivers.opcua.addresses import address_of, node_id

NAMESPACES = (
    "http://opcfoundation.org/UA/",
    "urn:this:server",
    "urn:plant;1%",
    "urn:x",
    "urn:x",
    "",
)
GUID = uuid.UUID("09087e75-8e5e-499b-954f-f2a9603db28a")


@pytest.mark.parametrize("identifier", [7, 2**32 - 1, "a;b=c", '"DB1"."Speed"', b"\x00\xff", GUID])
@pytest.mark.parametrize("index", range(len(NAMESPACES) + 1))
def test_there_and_back(identifier: object, index: int) -> None:
    node = ua.NodeId(identifier, index)
    assert node_id(address_of(node, NAMESPACES), NAMESPACES) == node


def test_the_uri_where_the_index_can_change() -> None:
    found = [address_of(ua.NodeId("S", i), NAMESPACES) for i in range(len(NAMESPACES) + 1)]
    assert found == [
        "s=S",
        "ns=1;s=S",  # always the server's own; its uri often has the host's name
        "nsu=urn:plant%3B1%25;s=S",
        "nsu=urn:x;s=S",
        "ns=4;s=S",  # the same uri again
        "ns=5;s=S",  # none
        "ns=6;s=S",  # not in the server's list
    ]
