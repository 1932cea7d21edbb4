"""The tree of what lies on a device: folders open on demand, values and whole folders are ticked.

Nodes are fetched one level at a time; a ticked folder is read to the ground once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from nicegui import ui

from hub.ui.components.endpoint_finder import show_refusal
from hub.ui.notices import explained
from schemas.messages.browsing import BrowseReply, Node

Browse = Callable[[str, bool], Awaitable[BrowseReply]]
"""Called with a node's address (empty for the top) and whether to read to the ground."""
_WAITING = "waiting:"

_HEADER = """
<span class="node-name">
  <i class="material-icons" aria-hidden="true">{{ props.node.icon_name }}</i>
  <span>{{ props.node.label }}</span><span class="node-facts">{{ props.node.facts }}</span>
</span>
"""


@dataclass(slots=True)
class _Place:
    """A node with its whole path and what is known below it."""

    node: Node
    children: list[str] | None = None
    below: tuple[Node, ...] | None = None
    complete: bool = True


class NodeTree:
    """`changed` is called when the choice changes or while more of it is read."""

    def __init__(self, browse: Browse, changed: Callable[[], None]) -> None:
        self._browse = browse
        self._changed = changed
        self._places: dict[str, _Place] = {}
        self._top: list[str] = []
        self._ticked: set[str] = set()
        self._asked: set[str] = set()
        self._more: set[str] = set()
        self.reading = ""
        """Name of the folder that is being read to the ground, else empty."""
        with ui.element("div").classes("row"):
            box = ui.input(placeholder="Search in what is open").props(
                'outlined dense clearable type=search aria-label="Search nodes"'
            )
            box.classes("filter").mark("node-search")
        self._error = ui.element("div")
        with ui.element("div").classes("node-tree"):
            self._note = ui.element("div").classes("row")
            with self._note:
                ui.spinner(size="1.2em")
                ui.label("Reading from the device …")
            self._tree = ui.tree(
                [],
                on_expand=self._expanded,
                on_tick=self._tick,
                tick_strategy="strict",
            )
            self._tree.add_slot("default-header", _HEADER)
            self._tree.mark("nodes")
        box.on_value_change(lambda event: self._tree.set_filter(event.value or ""))

    async def load(self) -> None:
        """Read the top."""
        self._top = await self._read("")
        self._note.set_visibility(False)
        self._draw()

    async def _read(self, address: str) -> list[str]:
        reply = await self._browse(address, False)
        self._error.clear()
        if reply.error is not None:
            with self._error:
                show_refusal(reply.error)
            return []
        before = f"{self._places[address].node.path}/" if address else ""
        for node in reply.nodes:
            path = before + (node.path or node.name)
            self._places.setdefault(node.address, _Place(replace(node, path=path)))
        if address and not reply.complete:
            self._more.add(address)
        return [node.address for node in reply.nodes]

    def _draw(self) -> None:
        self._tree.props["nodes"] = [self._drawn(address, "") for address in self._top]
        self._tree.update()

    def _drawn(self, address: str, taken_with: str) -> dict[str, Any]:
        """The node for the tree; below a ticked folder nothing needs a tick of its own."""
        place = self._places[address]
        node = place.node
        drawn: dict[str, Any] = {
            "id": address,
            "label": node.name,
            "folder": node.has_children,
            "facts": _facts(node, taken_with),
            "icon_name": "folder" if node.has_children else "sell" if node.data_type else "block",
            "noTick": bool(taken_with) or not (node.has_children or node.data_type),
        }
        if node.has_children and not taken_with and address in self._ticked:
            taken_with = node.name
        if node.has_children:
            drawn["children"] = (
                [{"id": _WAITING + address, "label": "Reading …", "noTick": True, "facts": ""}]
                if place.children is None
                else [self._drawn(child, taken_with) for child in place.children]
            )
            if address in self._more:
                text = "There is more than can be shown here; tick the folder to take it."
                drawn["children"].append({"id": f"more:{address}", "label": text, "noTick": True})
        return drawn

    async def _expanded(self, event: Any) -> None:
        wanted = [key for key in event.value or () if key in self._places]
        for address in wanted:
            if self._places[address].children is None and address not in self._asked:
                self._asked.add(address)
                with explained():
                    self._places[address].children = await self._read(address)
                self._asked.discard(address)
                self._draw()

    async def _tick(self, event: Any) -> None:
        self._ticked = {key for key in event.value or () if key in self._places}
        self._draw()
        self._changed()
        for address in sorted(self._ticked):
            place = self._places[address]
            if place.node.has_children and place.below is None and address not in self._asked:
                await self._read_below(address, place)

    async def _read_below(self, address: str, place: _Place) -> None:
        self._asked.add(address)
        self.reading = place.node.name
        self._changed()
        try:
            with explained():
                reply = await self._browse(address, True)
                if reply.error is not None:
                    with self._error:
                        show_refusal(reply.error)
                place.complete = reply.complete
                place.below = tuple(
                    replace(node, path=f"{place.node.path}/{node.path or node.name}")
                    for node in reply.nodes
                    if node.data_type
                )
        finally:
            self._asked.discard(address)
            self.reading = ""
            self._changed()

    def chosen(self) -> list[Node]:
        """Every value that is ticked or lies below a ticked folder, each once, with its path."""
        found: dict[str, Node] = {}
        for address in self._ticked:
            place = self._places[address]
            if place.node.data_type:
                found[address] = place.node
            for node in place.below or ():
                found.setdefault(node.address, node)
        return sorted(found.values(), key=lambda node: node.path)

    def cut(self) -> list[str]:
        """Names of ticked folders of which the device has more than one answer may carry."""
        places = [self._places[address] for address in self._ticked]
        return [place.node.name for place in places if not place.complete]


def _facts(node: Node, taken_with: str) -> str:
    parts = [node.native_type or node.data_type, node.unit]
    parts.append("writable" if node.writable else "")
    if not node.has_children and not node.data_type:
        parts.append("cannot be a tag")
    elif taken_with:
        parts.append(f"taken with {taken_with}")
    return " · ".join(part for part in parts if part)
