"""Which built-in type a node wants to be written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.devices import ManifestTag
from schemas.errors import WriteRefusedError
from schemas.kinds import DataType
from spoke.drivers.base import RawWrite
from spoke.drivers.opcua.session import Session
from spoke.drivers.opcua.statuses import words

_V = ua.VariantType
_RANGES = {
    _V.SByte: (-(2**7), 2**7 - 1),
    _V.Byte: (0, 2**8 - 1),
    _V.Int16: (-(2**15), 2**15 - 1),
    _V.UInt16: (0, 2**16 - 1),
    _V.Int32: (-(2**31), 2**31 - 1),
    _V.UInt32: (0, 2**32 - 1),
    _V.Int64: (-(2**63), 2**63 - 1),
    _V.UInt64: (0, 2**64 - 1),
}
_LARGEST_FLOAT = 3.4028234663852886e38
_TEXTS = (_V.String, _V.LocalizedText)
_OURS = {
    DataType.BOOL: _V.Boolean,
    DataType.INT8: _V.SByte,
    DataType.UINT8: _V.Byte,
    DataType.INT16: _V.Int16,
    DataType.UINT16: _V.UInt16,
    DataType.INT32: _V.Int32,
    DataType.UINT32: _V.UInt32,
    DataType.INT64: _V.Int64,
    DataType.UINT64: _V.UInt64,
    DataType.FLOAT32: _V.Float,
    DataType.FLOAT64: _V.Double,
    DataType.STRING: _V.String,
}
_WRITABLE = frozenset((_V.Boolean, *_RANGES, _V.Float, _V.Double, *_TEXTS))
_DECLARED = {kind.value: kind for kind in _WRITABLE}
_GONE = frozenset({Codes.BadNodeIdUnknown, Codes.BadNodeIdInvalid})
_ATTRIBUTES = (ua.AttributeIds.DataType, ua.AttributeIds.ValueRank, ua.AttributeIds.Value)


@dataclass(frozen=True, slots=True)
class NodeType:
    variant: Any
    """A VariantType; None where the server does not tell, then the tag's own type is taken."""
    array: bool = False
    missing: int = 0
    """The status code when the server does not have the node."""

    def of(self, tag: ManifestTag) -> NodeType:
        """This type; the tag's own one where the server does not tell."""
        return self if self.variant else replace(self, variant=_OURS.get(tag.data_type))

    def value(self, write: RawWrite) -> Any:
        """The value to send. Raises WriteRefusedError for one that the node cannot hold."""
        tag, value = write.tag, write.value
        if self.missing:
            raise WriteRefusedError(
                f"{tag.name} was not written: the server says {words(self.missing)}.",
                hint="The PLC program may have lost this variable; check the address.",
            )
        if self.array:
            raise WriteRefusedError(
                f"{tag.name} is an array on the server; it was not written.",
                hint="Spindle writes single values: give the element a node of its own.",
            )
        if self.variant not in _WRITABLE:
            raise _unfit(write, self.variant, "no type that Spindle writes")
        if self.variant is _V.Boolean or isinstance(value, bool):
            if self.variant is not _V.Boolean or not isinstance(value, bool):
                raise _unfit(write, self.variant, "not what the tag is")
            return value
        if self.variant in _TEXTS or isinstance(value, str):
            return self._text(write)
        return self._number(write, value)

    def _text(self, write: RawWrite) -> Any:
        if self.variant not in _TEXTS or not isinstance(write.value, str):
            raise _unfit(write, self.variant, "not what the tag is")
        return ua.LocalizedText(write.value) if self.variant is _V.LocalizedText else write.value

    def _number(self, write: RawWrite, value: float) -> float | int:
        if self.variant not in _RANGES:
            if self.variant is _V.Float and abs(value) > _LARGEST_FLOAT:
                raise _unfit(write, self.variant, "too small for the value")
            return float(value)
        low, high = _RANGES[self.variant]
        if value != int(value) or not low <= value <= high:
            raise _unfit(write, self.variant, f"whole, from {low} to {high}")
        return int(value)


class NodeTypes:
    """The types of nodes, asked for once each."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[ua.NodeId, NodeType] = {}

    async def of(self, nodes: Iterable[ua.NodeId]) -> dict[ua.NodeId, NodeType]:
        """The type of each node. Raises DeviceError."""
        unknown = [node for node in dict.fromkeys(nodes) if node not in self._known]
        limit = max(1, self._session.limits.nodes_per_read // len(_ATTRIBUTES))
        found = await self._session.in_chunks(unknown, limit, self._ask)
        asked = dict(zip(unknown, found, strict=True))
        self._known |= {node: kind for node, kind in asked.items() if kind.variant is not None}
        return self._known | asked

    async def _ask(self, nodes: Sequence[ua.NodeId]) -> list[NodeType]:
        wanted = ua.ReadParameters()
        wanted.TimestampsToReturn = ua.TimestampsToReturn.Neither
        wanted.NodesToRead = [
            ua.ReadValueId(node, attribute) for node in nodes for attribute in _ATTRIBUTES
        ]
        answers: list[Any] = await self._session.services.read(wanted)
        if len(answers) != len(nodes) * len(_ATTRIBUTES):
            return []  # `in_chunks` says so
        rows = zip(answers[0::3], answers[1::3], answers[2::3], strict=True)
        return [_missing(row[0]) or _type_of(*map(_variant, row)) for row in rows]


def _missing(data: Any) -> NodeType | None:
    code = int(data.StatusCode.value) if data.StatusCode is not None else 0
    return NodeType(None, missing=code) if code in _GONE else None


def _variant(data: Any) -> Any:
    """A good value's Variant, else a Null."""
    good = data.StatusCode is None or data.StatusCode.is_good()
    return data.Value if good and data.Value is not None else ua.Variant()


def _type_of(data_type: Any, rank: Any, value: Any) -> NodeType:
    """The declared type where it is a built-in one, else that of the present value: a Duration is
    written as a Double, an enumeration as an Int32."""
    array = rank.Value is not None and int(rank.Value) >= 0
    present = value.VariantType
    if present is not _V.Null:
        array = bool(value.is_array)
    declared = data_type.Value
    if isinstance(declared, ua.NodeId) and declared.NamespaceIndex == 0:
        built_in = _DECLARED.get(declared.Identifier)
        if built_in is not None:
            return NodeType(built_in, array)
    return NodeType(None if present is _V.Null else present, array)


def _unfit(write: RawWrite, variant: Any, what: str) -> WriteRefusedError:
    name = getattr(variant, "name", str(variant))
    return WriteRefusedError(
        f"{write.tag.name}: {write.value!r} was not written; on the server it is {name}, {what}.",
        hint="Correct the value or the tag's data type.",
    )
