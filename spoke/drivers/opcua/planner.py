"""Which tag is which node on this server; a pure function, used after connect when its namespaces
and limits are known. The requests are cut to the limits by `Session.in_chunks`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncua import ua

from schemas.errors import AddressError, SpindleError
from spoke.drivers.base import GroupLayout
from spoke.drivers.opcua.addresses import node_id
from spoke.drivers.opcua.codec import Rule, rule_for

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
    rule: Rule
    group: int
    column: int
    position: int
    period_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class GroupPlan:
    """A group's tags that have a node, and (column, position) of those that have none."""

    layout: GroupLayout
    items: tuple[Item, ...]
    homeless: tuple[tuple[int, int], ...]


def plan(
    groups: Sequence[GroupLayout], namespaces: Sequence[str]
) -> tuple[list[GroupPlan], dict[int, SpindleError]]:
    """The plans of all groups, and what is wrong with tags that cannot be planned, by tag id."""
    problems: dict[int, SpindleError] = {}
    plans = []
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
                items.append(Item(node, rule_for(tag), number, index, position, layout.period_ms))
        plans.append(GroupPlan(layout, tuple(items), tuple(homeless)))
    return plans, problems
