"""A small table that is only read: no sorting, no filter (for those there is grid.py)."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui


def table_head(titles: Sequence[str]) -> None:
    """The row of titles; call it within a `table` of the class `plain-table`."""
    with ui.element("thead"), ui.element("tr"):
        for title in titles:
            with ui.element("th"):
                ui.label(title)
