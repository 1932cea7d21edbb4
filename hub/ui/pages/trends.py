"""Trends: the picker and the toolbar are drawn here, everything that moves is in trend.js."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui
from starlette.datastructures import QueryParams
from starlette.requests import Request

from hub.ui.components.empty import empty_state
from hub.ui.components.tag_picker import TagPicker, described
from hub.ui.components.time_range import custom_range
from hub.ui.endpoints import tag_ids, tags_by_id
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.session import Session

_PRESETS = ((300, "5 min"), (3600, "1 h"), (28800, "8 h"), (86400, "24 h"), (604800, "7 d"))
_DEFAULT_S = 3600
_LONGEST_S = 20 * 366 * 86400


def register() -> None:
    @page("/trends", "Trends")
    async def trends(session: Session, request: Request) -> None:
        ids = tag_ids(request.query_params.get("tags", ""))
        known = await tags_by_id(session.services, ids)
        start = start_of(request.query_params)
        start["tags"] = [described(tag) for tag in known.values()]
        with heading("Trends"):
            TagPicker(session)
        toolbar = ui.html(_toolbar(), sanitize=False).classes("toolbar-box")
        toolbar.on("spindle-custom", custom_range)
        legend = ui.element("div").classes("trend-legend").props('aria-label="Chosen tags"')
        note = ui.element("div").classes("callout warn hidden").props("role=status")
        gone = len(ids) - len(known)
        if gone:
            with ui.element("div").classes("callout info"):
                ui.label(f"{gone} of the tags in this address do not exist any more.")
        empty = ui.element("div").classes("" if known else "shown")
        with empty:
            text = (
                "Search a tag above and press Enter to draw it. Drag or scroll in the chart to "
                "move and zoom. The address of this page keeps what you see: share or bookmark it."
            )
            empty_state("show_chart", "No tag chosen", text)
        with ui.element("section").classes("panel trend-panel"):
            chart = ui.echart({"series": []}).classes("trend-chart")
            chart.props('role=img aria-label="Trend of the chosen tags"')
        parts = {
            "chart": chart.id,
            "legend": legend.id,
            "empty": empty.id,
            "toolbar": toolbar.id,
            "note": note.id,
        }
        ui.run_javascript(f"spindle.trend.open({json.dumps(parts)}, {json.dumps(start)})")


def start_of(query: QueryParams) -> dict[str, Any]:
    """What the address says: `range` in seconds, or `from` and `to` in ISO 8601; `live=0`."""
    range_s = _DEFAULT_S
    text = query.get("range", "")
    if text.isdecimal() and 0 < int(text) <= _LONGEST_S:
        range_s = int(text)
    begin, end = _ms(query.get("from", "")), _ms(query.get("to", ""))
    fixed = begin is not None and end is not None and begin < end
    return {
        "range_s": range_s,
        "from": begin if fixed else None,
        "to": end if fixed else None,
        "live": not fixed and query.get("live", "1") != "0",
    }


def _ms(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    known = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (known - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _toolbar() -> str:
    """Plain buttons; trend.js listens. All of it is constant text."""
    presets = "".join(
        f'<button type="button" data-range="{seconds}">{title}</button>'
        for seconds, title in _PRESETS
    )
    return f"""<div class="toolbar">
<div class="group" role="group" aria-label="Time range">{presets}
<button type="button" data-custom>Custom</button></div>
<div class="group" role="group" aria-label="Move">
{_icon_button('data-step="-0.5"', "Earlier", "chevron_left")}
{_icon_button('data-zoom="0.5"', "Zoom in", "zoom_in")}
{_icon_button('data-zoom="2"', "Zoom out", "zoom_out")}
{_icon_button('data-step="0.5"', "Later", "chevron_right")}</div>
<button type="button" class="tool" data-live aria-pressed="false">
<i class="material-icons" aria-hidden="true">podcasts</i>Follow live</button>
<a class="tool disabled" data-csv href="#" download><i class="material-icons" aria-hidden="true">
download</i>CSV</a></div>"""


def _icon_button(action: str, title: str, icon: str) -> str:
    return (
        f'<button type="button" {action} aria-label="{title}" title="{title}">'
        f'<i class="material-icons" aria-hidden="true">{icon}</i></button>'
    )
