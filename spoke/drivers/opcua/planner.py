"""Which tag is which node on this server; pure functions, used after connect when its namespaces
are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from schemas.config.devices import ManifestTag
from schemas.errors import AddressError, SpindleError
from spoke.drivers.base import GroupLayout
from spoke.drivers.opcua.addresses import node_id
from spoke.drivers.opcua.codec import TypeLimits, limits_of

DEFAULT_LIMIT = 1000
"""Nodes per request where the server names no limit (missing or 0)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server takes in one request (OPC 10000-5, OperationLimitsType)."""

    nodes_per_read: int = DEFAULT_LIMIT
    items_per_call: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One tag on the server; group, column and position say where it is in the layouts."""

    node: ua.NodeId
    tag: ManifestTag
    group: int
    column: int
    position: int
    period_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class GroupPlan:
    """A group's tags that have a node, and (column, position) of those that have none."""

    layout: GroupLayout
    first: int
    """Index of the first item among all items of the device."""
    items: tuple[Item, ...]
    homeless: tuple[tuple[int, int], ...]

    @property
    def indexes(self) -> range:
        return range(self.first, self.first + len(self.items))


class Items:
    """All items of a device, in columns. An item's client handle is its index + 1."""

    def __init__(self, groups: Sequence[GroupLayout], plans: Sequence[GroupPlan]) -> None:
        self.all = tuple(item for plan in plans for item in plan.items)
        self.tag_ids = np.array([item.tag.id for item in self.all], np.int32)
        self.positions = np.array([item.position for item in self.all], np.int64)
        self.limits: TypeLimits = limits_of([item.tag for item in self.all])
        self.columns = [
            (number, index) for number, group in enumerate(groups) for index in _columns(group)
        ]
        """(group, column), all of them."""
        places = {place: number for number, place in enumerate(self.columns)}
        self._places = np.array(
            [places[item.group, item.column] for item in self.all], dtype=np.int64
        )

    def __len__(self) -> int:
        return len(self.all)

    def by_column(
        self, indexes: NDArray[np.intp]
    ) -> Iterator[tuple[tuple[int, int], NDArray[np.intp]]]:
        """((group, column), which of these items are of it), only where there are some."""
        places = self._places[indexes]
        for number in np.flatnonzero(np.bincount(places)).tolist():
            yield self.columns[number], np.flatnonzero(places == number)


def plan(
    groups: Sequence[GroupLayout], namespaces: Sequence[str]
) -> tuple[list[GroupPlan], dict[int, SpindleError]]:
    """The plans of all groups, and what is wrong with tags that cannot be planned, by tag id."""
    problems: dict[int, SpindleError] = {}
    plans: list[GroupPlan] = []
    first = 0
    for number, layout in enumerate(groups):
        items: list[Item] = []
        homeless: list[tuple[int, int]] = []
        for index, column in enumerate(layout.columns):
            for position, tag in enumerate(column.tags):
                try:
                    node = node_id(tag.address, namespaces)
                except AddressError as error:
                    problems[tag.id] = error
                    homeless.append((index, position))
                    continue
                items.append(Item(node, tag, number, index, position, layout.period_ms))
        plans.append(GroupPlan(layout, first, tuple(items), tuple(homeless)))
        first += len(items)
    return plans, problems


def _columns(group: GroupLayout) -> range:
    return range(len(group.columns))
