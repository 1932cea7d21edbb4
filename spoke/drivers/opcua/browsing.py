"""Looking around in a server's address space: one level for a tree, or all variables below a node.

Many nodes go into each request (Browse service set, OPC 10000-4, section 5.9); what does not fit
into an answer is fetched by its continuation point.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.addresses.opcua import parse
from schemas.config.opcua import OpcUaConfig
from schemas.errors import AddressError, DeviceError
from schemas.messages.browsing import BrowseReply, Node
from spoke.drivers.base import DriverContext
from spoke.drivers.opcua.addresses import address_of, node_id
from spoke.drivers.opcua.datatypes import DataTypes
from spoke.drivers.opcua.references import Browser, key_of
from spoke.drivers.opcua.session import Session

MAX_NODES = 10_000
_MAX_VISITED = 50_000
_WALK_S = 30.0  # spoke/calls.py gives a deep look 55 s; the rest is for the attributes
_BATCH = 500
_MAX_DESCRIPTION, _MAX_UNIT = 500, 30  # as a tag's
_READABLE, _WRITABLE = 1, 2  # bits of UserAccessLevel, OPC 10000-3, section 8.57
_UNIT = "EngineeringUnits"
_UNKNOWN = frozenset({Codes.BadNodeIdUnknown, Codes.BadNodeIdInvalid})
_VARIABLE_ATTRIBUTES = (
    ua.AttributeIds.DataType,
    ua.AttributeIds.ValueRank,
    ua.AttributeIds.UserAccessLevel,
    ua.AttributeIds.Description,
)


@dataclass(slots=True, eq=False)
class _Found:
    """A node that a reference leads to."""

    node: ua.NodeId
    name: str
    path: str
    variable: bool
    has_children: bool = False
    unit: ua.NodeId | None = None
    """Its property EngineeringUnits."""


@dataclass(slots=True)
class _Walk:
    """A search in breadth. `seen` ends loops: a node that was met once is not met again."""

    seen: set[tuple[int, object]]
    frontier: list[_Found]
    variables: list[_Found] = field(default_factory=list)


async def browse(
    settings: OpcUaConfig, context: DriverContext, node: str, deep: bool
) -> BrowseReply:
    """What lies below a node (its address, empty for the folder Objects).

    One level, or with `deep` all variables below it, at most MAX_NODES; `complete` is False where
    there are more. Opens a session of its own. Raises DeviceError, ConfigError, AddressError.
    """
    if node:
        parse(node)  # a wrong address is told without connecting
    session = Session(settings, context)
    await session.open()
    try:
        return await _Look(session, context).look(node, deep)
    finally:
        await session.close()


class _Look:
    def __init__(self, session: Session, context: DriverContext) -> None:
        self._session = session
        self._clock = context.clock
        self._browser = Browser(session)

    async def look(self, node: str, deep: bool) -> BrowseReply:
        await self._browser.prepare()
        start = await self._start(node)
        found, complete = await (self._all_below(start) if deep else self._level(start))
        nodes = await self._describe(found)
        return BrowseReply(tuple(nodes), complete and self._browser.complete)

    async def _start(self, node: str) -> _Found:
        namespaces = self._session.namespaces
        wanted = node_id(node, namespaces) if node else ua.NodeId(ua.ObjectIds.ObjectsFolder)
        (data,) = await self._browser.attributes([(wanted, ua.AttributeIds.NodeClass)])
        if not data.StatusCode.is_good():
            name = data.StatusCode.name
            kind = AddressError if data.StatusCode.value in _UNKNOWN else DeviceError
            raise kind(f"{self._session.endpoint} does not show the node {node} ({name}).")
        return _Found(wanted, "", "", data.Value.Value == ua.NodeClass.Variable)

    async def _level(self, start: _Found) -> tuple[list[_Found], bool]:
        walk = _Walk({key_of(start.node)}, [start])
        (references,) = await self._browser.children([start.node])
        found = _follow(start, references, walk)
        variables = [item for item in found if item.variable]
        for item, below in zip(
            variables, await self._browser.children([i.node for i in variables]), strict=True
        ):
            _follow(item, below, _Walk(set(), []))
        others = [item for item in found if not item.variable]
        for item, any_below in zip(
            others, await self._browser.have_children([i.node for i in others]), strict=True
        ):
            item.has_children = any_below
        return found[:MAX_NODES], len(found) <= MAX_NODES

    async def _all_below(self, start: _Found) -> tuple[list[_Found], bool]:
        walk = _Walk({key_of(start.node)}, [start])
        until_s = self._clock.monotonic() + _WALK_S
        while walk.frontier and self._clock.monotonic() < until_s:
            if len(walk.variables) > MAX_NODES or len(walk.seen) > _MAX_VISITED:
                break
            batch, walk.frontier = walk.frontier[:_BATCH], walk.frontier[_BATCH:]
            answers = await self._browser.children([item.node for item in batch])
            for item, references in zip(batch, answers, strict=True):
                below = _follow(item, references, walk)
                walk.frontier += below
                walk.variables += (found for found in below if found.variable)
        complete = not walk.frontier and len(walk.variables) <= MAX_NODES
        return walk.variables[:MAX_NODES], complete

    async def _describe(self, found: list[_Found]) -> list[Node]:
        variables = [item for item in found if item.variable]
        width = len(_VARIABLE_ATTRIBUTES)
        answers = await self._browser.attributes(
            [(item.node, attribute) for item in variables for attribute in _VARIABLE_ATTRIBUTES]
        )
        values = [_value(data) for data in answers]
        rows = [values[i : i + width] for i in range(0, len(values), width)]
        types = DataTypes(self._browser)
        named = await types.name(
            [(item.node, row[0], row[1]) for item, row in zip(variables, rows, strict=True)]
        )
        units = await self._units(variables)
        facts = {
            id(item): (row, kind, units.get(id(item), ""))
            for item, row, kind in zip(variables, rows, named, strict=True)
        }
        return [self._node(item, facts.get(id(item))) for item in found]

    def _node(self, item: _Found, facts: tuple[list[Any], tuple[str, str], str] | None) -> Node:
        address = address_of(item.node, self._session.namespaces)
        if facts is None:
            return Node(address, item.name, item.has_children, path=item.path)
        (_, _, level, description), (data_type, native), unit = facts
        level = _READABLE if level is None else int(level)
        return Node(
            address,
            item.name,
            item.has_children,
            data_type if level & _READABLE else "",
            native if level & _READABLE else f"{native}, not readable",
            bool(level & _WRITABLE),
            _text(description)[:_MAX_DESCRIPTION],
            unit,
            item.path,
        )

    async def _units(self, variables: list[_Found]) -> dict[int, str]:
        with_unit = [(id(item), item.unit) for item in variables if item.unit is not None]
        answers = await self._browser.attributes(
            [(unit, ua.AttributeIds.Value) for _, unit in with_unit]
        )
        return {
            key: _text(getattr(_value(data), "DisplayName", None))[:_MAX_UNIT]
            for (key, _), data in zip(with_unit, answers, strict=True)
        }


def _follow(parent: _Found, references: Iterable[Any], walk: _Walk) -> list[_Found]:
    """The nodes below `parent` that were not met before. Notes its unit and if it has any.

    The properties of a variable (range, unit, texts) describe it and are no places of their own;
    those of an object are often its data.
    """
    found = []
    for reference in references:
        name = str(reference.BrowseName.Name or "")
        if parent.variable and reference.ReferenceTypeId == ua.NodeId(ua.ObjectIds.HasProperty):
            if name == _UNIT:
                parent.unit = reference.NodeId
            continue
        parent.has_children = True
        if key_of(reference.NodeId) in walk.seen:
            continue
        walk.seen.add(key_of(reference.NodeId))
        shown = _text(reference.DisplayName) or name
        path = f"{parent.path}/{shown}" if parent.path else shown
        variable = reference.NodeClass == ua.NodeClass.Variable
        found.append(_Found(reference.NodeId, shown, path, variable))
    return found


def _value(data: ua.DataValue) -> Any:
    if data.StatusCode is not None and not data.StatusCode.is_good():
        return None
    return data.Value.Value if data.Value is not None else None


def _text(found: Any) -> str:
    return str(getattr(found, "Text", None) or "").strip()
