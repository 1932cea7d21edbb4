"""From a tag's address to the node id of this server; a pure function."""

from __future__ import annotations

from collections.abc import Sequence

from asyncua import ua

from schemas.addresses.opcua import parse
from schemas.errors import AddressError

_TYPES = {
    "i": ua.NodeIdType.Numeric,
    "s": ua.NodeIdType.String,
    "g": ua.NodeIdType.Guid,
    "b": ua.NodeIdType.ByteString,
}


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
