"""From a tag's address to the node id of this server, and back; pure functions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from asyncua import ua

from schemas.addresses.opcua import IdType, NodeAddress, parse
from schemas.errors import AddressError

_TYPES = {
    "i": ua.NodeIdType.Numeric,
    "s": ua.NodeIdType.String,
    "g": ua.NodeIdType.Guid,
    "b": ua.NodeIdType.ByteString,
}
_KINDS: dict[type, IdType] = {int: "i", str: "s", uuid.UUID: "g", bytes: "b"}


def node_id(address: str, namespaces: Sequence[str]) -> ua.NodeId:
    """The node id of an address; `namespaces` is the server's NamespaceArray.

    Raises AddressError for a wrong address and for a namespace uri that the server does not have.
    """
    node = parse(address)
    index = node.namespace
    if node.uri:
        if node.uri not in namespaces:
            raise AddressError(
                f"The server has no namespace {node.uri!r}.",
                hint=f"It has: {', '.join(namespaces) or 'none'}.",
            )
        index = namespaces.index(node.uri)
    return ua.NodeId(node.identifier, index, _TYPES[node.kind])


def address_of(node: ua.NodeId, namespaces: Sequence[str]) -> str:
    """The address of a node, with its namespace's uri, because an index can change.

    By index where the server has no uri for it or the same one twice, and for namespace 1: it is
    always the server's own (OPC 10000-3, section 8.2.2), and its uri often has the host's name.
    """
    index = int(node.NamespaceIndex)
    uri = namespaces[index] if 1 < index < len(namespaces) else ""
    if uri and namespaces.index(uri) == index:
        index = 0
    else:
        uri = ""
    return str(NodeAddress(index, uri, _KINDS[type(node.Identifier)], node.Identifier))
