"""What a variable's DataType is to Spindle: a server's types lead up to the built-in ones.

Built-in types and their numbers: OPC 10000-6, section 5.1.2; they are also the numbers of their
nodes in namespace 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncua import ua

from schemas.kinds import DataType
from spoke.drivers.opcua.references import Browser, key_of

OURS: dict[int, DataType] = {
    ua.ObjectIds.Boolean: DataType.BOOL,
    ua.ObjectIds.SByte: DataType.INT8,
    ua.ObjectIds.Byte: DataType.UINT8,
    ua.ObjectIds.Int16: DataType.INT16,
    ua.ObjectIds.UInt16: DataType.UINT16,
    ua.ObjectIds.Int32: DataType.INT32,
    ua.ObjectIds.UInt32: DataType.UINT32,
    ua.ObjectIds.Int64: DataType.INT64,
    ua.ObjectIds.UInt64: DataType.UINT64,
    ua.ObjectIds.Float: DataType.FLOAT32,
    ua.ObjectIds.Double: DataType.FLOAT64,
    ua.ObjectIds.String: DataType.STRING,
    ua.ObjectIds.DateTime: DataType.STRING,
    ua.ObjectIds.Guid: DataType.STRING,
    ua.ObjectIds.LocalizedText: DataType.STRING,
    ua.ObjectIds.Enumeration: DataType.INT32,  # OPC 10000-6, section 5.2.4
}
_ABSTRACT = frozenset(
    {
        ua.ObjectIds.BaseDataType,
        ua.ObjectIds.Number,
        ua.ObjectIds.Integer,
        ua.ObjectIds.UInteger,
    }
)
_ROOTS = frozenset(
    {*OURS, *_ABSTRACT, ua.ObjectIds.Structure, *range(int(ua.ObjectIds.ByteString), 26)}
)
_MAX_DEPTH = 20
_SCALAR, _ANY, _SCALAR_OR_ONE = -1, -2, -3  # ValueRank, OPC 10000-3, section 5.6.2

_Key = tuple[int, object]
_Wanted = tuple[ua.NodeId, Any, Any]


class DataTypes:
    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._root: dict[_Key, int] = {}
        """The built-in type of each type, 0 where there is none."""
        self._name: dict[_Key, str] = {}

    async def name(self, variables: Sequence[_Wanted]) -> list[tuple[str, str]]:
        """(our DataType or empty, what the server calls it) of each (node, DataType, ValueRank).

        Where the type only says Number, or the rank that it may be an array, the present value
        tells. Raises DeviceError.
        """
        types = {key_of(kind): kind for _, kind, _ in variables if isinstance(kind, ua.NodeId)}
        await self._find_roots(types)
        await self._find_names(types)
        open_ones = [item for item in variables if self._is_open(item)]
        answers = await self._browser.attributes(
            [(node, ua.AttributeIds.Value) for node, _, _ in open_ones]
        )
        values = {
            key_of(node): data.Value for (node, _, _), data in zip(open_ones, answers, strict=True)
        }
        return [self._named(item, values.get(key_of(item[0]))) for item in variables]

    def _is_open(self, item: _Wanted) -> bool:
        _, kind, rank = item
        if not isinstance(kind, ua.NodeId):
            return False
        return rank in (_ANY, _SCALAR_OR_ONE) or self._root.get(key_of(kind)) in _ABSTRACT

    def _named(self, item: _Wanted, value: Any) -> tuple[str, str]:
        _, kind, rank = item
        if not isinstance(kind, ua.NodeId):
            return "", "unknown"
        root = self._root.get(key_of(kind), 0)
        name = self._name.get(key_of(kind), "unknown")
        array = rank is not None and rank >= 0
        if value is not None and value.VariantType is not ua.VariantType.Null:
            array = bool(value.is_array)
            if root in _ABSTRACT:
                root = int(value.VariantType.value)
                name = f"{name} ({value.VariantType.name})"
        if array:
            return "", f"{name}[]"
        ours = OURS.get(root)
        return (str(ours) if ours is not None else ""), name

    async def _find_roots(self, types: dict[_Key, ua.NodeId]) -> None:
        """Climb from each type to the first built-in one."""
        at = dict(types)
        for _ in range(_MAX_DEPTH):
            climbing = {}
            for key, kind in at.items():
                if kind.NamespaceIndex == 0 and kind.Identifier in _ROOTS:
                    self._root[key] = int(kind.Identifier)
                else:
                    climbing[key] = kind
            if not climbing:
                return
            above = await self._browser.supertypes(list(climbing.values()))
            at = {
                key: parent
                for key, parent in zip(climbing, above, strict=True)
                if parent is not None
            }

    async def _find_names(self, types: dict[_Key, ua.NodeId]) -> None:
        answers = await self._browser.attributes(
            [(kind, ua.AttributeIds.DisplayName) for kind in types.values()]
        )
        for key, data in zip(types, answers, strict=True):
            good = data.StatusCode is None or data.StatusCode.is_good()
            text = data.Value.Value.Text if good and data.Value is not None else None
            self._name[key] = text or f"i={key[1]}"
