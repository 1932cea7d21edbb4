"""Nodes of a device as tags: unique names, nothing twice. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from schemas.config.base import explain
from schemas.config.devices import Access, TagConfig
from schemas.messages.browsing import Node

_NAME_LENGTH = 100
_UNIT_LENGTH = 30


@dataclass(slots=True)
class BrowsedTags:
    """`known` counts the nodes that are tags already; `problems` are those that cannot be one."""

    tags: list[TagConfig] = field(default_factory=list)
    known: int = 0
    problems: list[str] = field(default_factory=list)


def as_tags(
    nodes: Sequence[Node],
    group: str,
    *,
    names: Collection[str] = (),
    addresses: Collection[str] = (),
    writable: bool = False,
) -> BrowsedTags:
    """`names` and `addresses` are those of the device's tags. A name that is there already, or
    twice among the nodes, becomes the node's path. With `writable` the nodes that the device lets
    be written become tags that operators may write."""
    found = BrowsedTags()
    taken = set(names)
    times = Counter(node.name for node in nodes)
    for node in nodes:
        if node.address in addresses:
            found.known += 1
            continue
        twice = times[node.name] > 1 or node.name in taken
        name = _free(node.path if twice and node.path else node.name, taken)
        access = Access.READ_WRITE if writable and node.writable else Access.READ
        try:
            tag = TagConfig.model_validate(
                {
                    "name": name,
                    "address": node.address,
                    "data_type": node.data_type,
                    "unit": node.unit[:_UNIT_LENGTH],
                    "group": group,
                    "access": access,
                    "description": node.description[:500],
                }
            )
        except ValidationError as error:
            found.problems += [f"{node.name}: {item.message}" for item in explain(error)]
            continue
        taken.add(tag.name)
        found.tags.append(tag)
    return found


def _free(name: str, taken: Collection[str]) -> str:
    """The name, its end when it is too long, with a number when it is taken."""
    base = name.strip()[-_NAME_LENGTH:].strip("/ ")
    made, number = base, 2
    while made in taken:
        made = f"{base[: _NAME_LENGTH - 6]} {number}"
        number += 1
    return made
