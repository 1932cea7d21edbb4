"""References and attributes of many nodes at a time, as a server takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from spoke.drivers.opcua.session import Session

MAX_REFERENCES = 100_000
"""Of one browse; a server that makes up nodes without end is left after that many."""
_SHARE = 250
"""Nodes of one request, and references of one node in one answer: decoding these takes about 6 ms,
in which the scans of other devices in this process wait. More come by continuation point."""
_LIMIT = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse
_CLASSES = ua.NodeClass.Object | ua.NodeClass.Variable
_FIELDS = (
    ua.BrowseResultMask.ReferenceTypeId
    | ua.BrowseResultMask.NodeClass
    | ua.BrowseResultMask.BrowseName
    | ua.BrowseResultMask.DisplayName
)


def key_of(node: ua.NodeId) -> tuple[int, object]:
    """Equal for equal nodes, however they came over the wire."""
    return int(node.NamespaceIndex), node.Identifier


class Browser:
    """`complete` becomes False when something was left out."""

    def __init__(self, session: Session) -> None:
        self.complete = True
        self._session = session
        self._per_request = _SHARE
        self._references = 0

    async def prepare(self) -> None:
        """Ask for the server's limit. Raises DeviceError."""
        (data,) = await self.attributes([(ua.NodeId(_LIMIT), ua.AttributeIds.Value)])
        if data.StatusCode.is_good() and data.Value is not None:
            self._per_request = min(data.Value.Value or _SHARE, _SHARE)

    async def children(self, nodes: Sequence[ua.NodeId]) -> list[list[Any]]:
        """The ReferenceDescriptions to objects and variables below each node. Raises DeviceError.

        A node that cannot be browsed has none.
        """
        wanted = [_description(node, ua.ObjectIds.HierarchicalReferences) for node in nodes]
        return await self._follow(wanted)

    async def supertypes(self, nodes: Sequence[ua.NodeId]) -> list[ua.NodeId | None]:
        """The type from which each type derives. Raises DeviceError."""
        wanted = [_description(node, ua.ObjectIds.HasSubtype) for node in nodes]
        for description in wanted:
            description.BrowseDirection = ua.BrowseDirection.Inverse
            description.NodeClassMask = ua.NodeClass.DataType
        return [found[0].NodeId if found else None for found in await self._follow(wanted)]

    async def have_children(self, nodes: Sequence[ua.NodeId]) -> list[bool]:
        """Is there anything below each node? One reference is asked for. Raises DeviceError.

        The continuation points that are left at the server end with the session; where it has no
        more of them, there was something to continue with.
        """
        wanted = [_description(node, ua.ObjectIds.HierarchicalReferences) for node in nodes]
        results = await self._session.in_chunks(wanted, self._per_request, self._browse_one)
        return [
            bool(found.References) or found.StatusCode.value == Codes.BadNoContinuationPoints
            for found in results
        ]

    async def attributes(
        self, wanted: Sequence[tuple[ua.NodeId, ua.AttributeIds]]
    ) -> list[ua.DataValue]:
        """The attributes, in requests that the server takes. Raises DeviceError."""
        limit = min(self._session.limits.nodes_per_read, _SHARE)
        return await self._session.in_chunks(wanted, limit, self._read)

    async def _follow(self, wanted: Sequence[Any]) -> list[list[Any]]:
        found: list[list[Any]] = [[] for _ in wanted]
        waiting = list(range(len(wanted)))
        size = self._per_request
        while waiting and self._enough():
            part, waiting = waiting[:size], waiting[size:]
            answers = await self._session.in_chunks([wanted[i] for i in part], size, self._browse)
            refused = await self._continue(part, answers, found)
            if refused and len(part) == 1:
                self.complete = False  # not even alone
                refused = []
            if refused:  # OPC 10000-4, 5.9.2: browse them again, fewer at a time
                size = max(1, len(part) // 2)
                waiting = refused + waiting
        return found

    def _enough(self) -> bool:
        if self._references >= MAX_REFERENCES:
            self.complete = False
        return self._references < MAX_REFERENCES

    async def _continue(
        self, part: Sequence[int], answers: Sequence[Any], found: list[list[Any]]
    ) -> list[int]:
        """Take all that the answers lead to; returns those that got no continuation point."""
        refused: list[int] = []
        pending = list(zip(part, answers, strict=True))
        while True:
            more: list[tuple[int, bytes]] = []
            for i, answer in pending:
                if answer.StatusCode.value == Codes.BadNoContinuationPoints:
                    found[i].clear()
                    refused.append(i)
                    continue
                taken = [item for item in answer.References or () if self._is_here(item)]
                found[i] += taken
                self._references += len(taken)
                if answer.ContinuationPoint:
                    more.append((i, answer.ContinuationPoint))
            if not more or not self._enough():
                return refused
            points = [point for _, point in more]
            results = await self._session.in_chunks(points, self._per_request, self._browse_next)
            pending = [(i, result) for (i, _), result in zip(more, results, strict=True)]

    def _is_here(self, reference: Any) -> bool:
        """Makes the target a plain NodeId; False when it is on another server or nowhere.

        An ExpandedNodeId may name its namespace by uri (OPC 10000-4, section 7.16).
        """
        node, namespaces = reference.NodeId, self._session.namespaces
        uri = getattr(node, "NamespaceUri", None)
        if getattr(node, "ServerIndex", 0) or (uri and uri not in namespaces):
            return False
        index = namespaces.index(uri) if uri else node.NamespaceIndex
        reference.NodeId = ua.NodeId(node.Identifier, index)
        return True

    async def _browse(self, wanted: Sequence[Any], most: int = _SHARE) -> list[Any]:
        parameters = ua.BrowseParameters()
        parameters.RequestedMaxReferencesPerNode = most
        parameters.NodesToBrowse = list(wanted)
        return list(await self._session.services.browse(parameters) or ())

    async def _browse_one(self, wanted: Sequence[Any]) -> list[Any]:
        return await self._browse(wanted, 1)

    async def _browse_next(self, points: Sequence[bytes]) -> list[Any]:
        parameters = ua.BrowseNextParameters()
        parameters.ReleaseContinuationPoints = False
        parameters.ContinuationPoints = list(points)
        return list(await self._session.services.browse_next(parameters) or ())

    async def _read(self, wanted: Sequence[tuple[ua.NodeId, Any]]) -> list[ua.DataValue]:
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
        parameters.NodesToRead = [ua.ReadValueId(node, attribute) for node, attribute in wanted]
        return list(await self._session.services.read(parameters) or ())


def _description(node: ua.NodeId, reference: int) -> Any:
    wanted = ua.BrowseDescription()
    wanted.NodeId = node
    wanted.BrowseDirection = ua.BrowseDirection.Forward
    wanted.ReferenceTypeId = ua.NodeId(reference)
    wanted.IncludeSubtypes = True
    wanted.NodeClassMask = _CLASSES
    wanted.ResultMask = _FIELDS
    return wanted
