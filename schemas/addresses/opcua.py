"""Addresses of OPC UA: node ids as OPC 10000-6, section 5.3.1.10 writes them.

`i=2258`, `ns=3;i=1001`, `ns=2;s=Filler.Speed`, `ns=2;g=<guid>`, `ns=2;b=<base64>`; instead of the
namespace's index its uri: `nsu=http://plant/filler;s=Speed`. An index can change when the server is
changed, a uri does not; the spoke looks it up in the server's NamespaceArray after each connect.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from dataclasses import dataclass
from typing import Any, Literal, cast

from schemas.config.devices import TagConfig
from schemas.errors import AddressError
from schemas.kinds import DataType

IdType = Literal["i", "s", "g", "b"]
Identifier = int | str | uuid.UUID | bytes

_FORM = re.compile(
    r"^(?:ns=(?P<ns>\d{1,5});|nsu=(?P<nsu>[^;]+);)?(?P<kind>[isgb])=(?P<id>.+)$", re.DOTALL
)
_HINT = "Write it like ns=2;s=Filler.Speed, ns=3;i=1001, i=2258 or nsu=http://plant/filler;s=Speed."
_NOT_OPC_UA = {
    DataType.BCD16: "uint16",
    DataType.BCD32: "uint32",
    DataType.FLOAT16: "float32",
}
_MAX_TEXT = 4096  # OPC 10000-3, section 8.2.4: string identifiers are at most 4096 characters


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """A node id. The namespace is `uri` where it is set, else the index `namespace`."""

    namespace: int
    uri: str
    kind: IdType
    identifier: Identifier

    def __str__(self) -> str:
        place = f"nsu={_escaped(self.uri)};" if self.uri else ""
        if self.namespace:
            place = f"ns={self.namespace};"
        text = self.identifier
        if isinstance(text, bytes):
            text = base64.b64encode(text).decode("ascii")
        return f"{place}{self.kind}={text}"


def parse(address: str) -> NodeAddress:
    """The node id that an address names. Raises AddressError."""
    text = address.strip()
    match = _FORM.match(text)
    if match is None:
        raise AddressError(f"{address!r} is not a node id.", hint=_hint(text))
    namespace = int(match["ns"] or 0)
    if namespace > 65535:
        raise AddressError(
            f"{address!r}: namespace index {namespace} is too large.", hint="It is at most 65535."
        )
    uri = _unescaped(match["nsu"] or "")
    kind = cast("IdType", match["kind"])
    return NodeAddress(namespace, uri, kind, _identifier(address, kind, match["id"]))


def check(tag: TagConfig, _settings: Any) -> None:
    """Raises AddressError when the tag's address is not a node id, and for a data type that OPC UA
    does not have (OPC 10000-6, section 5.1.2)."""
    parse(tag.address)
    instead = _NOT_OPC_UA.get(tag.data_type)
    if instead:
        raise AddressError(
            f"{tag.address!r}: OPC UA has no {tag.data_type}.",
            hint=f"The server converts such values: choose {instead}.",
        )


def _identifier(address: str, kind: str, text: str) -> Identifier:
    try:
        if kind == "i":
            return _number(text)
        if kind == "g":
            return uuid.UUID(text)
        if kind == "b":
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise AddressError(
            f"{address!r}: {text!r} is not {_MEANING[kind]}.",
            hint=f"After {kind}= comes {_MEANING[kind]}; text names start with s= instead.",
        ) from error
    if len(text) > _MAX_TEXT:
        raise AddressError(f"{address[:40]!r}...: a name has at most {_MAX_TEXT} characters.")
    return text


_MEANING = {
    "i": "a number from 0 to 4294967295",
    "g": "a GUID such as 09087e75-8e5e-499b-954f-f2a9603db28a",
    "b": "base64 such as M/RbKBsRVkePCePcx24oRA==",
}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**32:
        raise ValueError(text)
    return int(text)


def _hint(text: str) -> str:
    if re.match(r"^(ns=\d+;)?(svr=|nsu=)", text):
        return f"Only nodes of the server itself can be read, and nsu=<uri> ends with ';'. {_HINT}"
    if re.match(r"^[Nn][Ss]=\d+,", text):
        return f"Put a semicolon after the namespace, not a comma. {_HINT}"
    if re.match(r"^ns=\d+;", text):
        return f"After the namespace comes i=, s=, g= or b=. {_HINT}"
    return _HINT


def _escaped(uri: str) -> str:
    """In a uri ';' is %3B and '%' is %25 (OPC 10000-6, section 5.3.1.11)."""
    return uri.replace("%", "%25").replace(";", "%3B")


def _unescaped(uri: str) -> str:
    return uri.replace("%3B", ";").replace("%3b", ";").replace("%25", "%")
