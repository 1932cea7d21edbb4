"""Functions and their uses as rows of tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from hub.function_records import Origin, PlantFunction, Use
from hub.ui.components.function_rates import Rates
from hub.ui.components.function_state import use_path
from hub.ui.components.function_words import (
    fault_words,
    first_sentence,
    function_badge,
    use_badge,
)
from hub.ui.components.grid import column, link_column, number_column, state_column
from hub.ui.words import NOTHING

_STATE = state_column(
    "state",
    "State",
    minWidth=150,
    **{":cellRenderer": "params => params.value ? spindle.cells.state(params) : ''"},
)
_FIGURES = (
    number_column("cpu", "CPU (%)", minWidth=88, maxWidth=110),
    number_column("values", "Values/s", minWidth=92, maxWidth=120),
    number_column("faults", "Faults", minWidth=78, maxWidth=95),
)
_ERROR = column("error", "Last error", minWidth=240, flex=3, tooltipField="error")
OWN_COLUMNS = (
    link_column("name", "Function", minWidth=150, flex=2),
    _STATE,
    column("newest", "Newest", minWidth=84, maxWidth=110),
    column("versions", "In use", minWidth=112),
    column("gateways", "Gateways", minWidth=130, flex=2, tooltipField="gateways"),
    number_column("uses", "Uses", minWidth=70, maxWidth=85),
    *_FIGURES,
    _ERROR,
)
BUILT_IN_COLUMNS = (
    link_column("name", "Function", minWidth=150, flex=1),
    column("description", "What it does", minWidth=320, flex=5, tooltipField="description"),
    number_column("uses", "Uses", minWidth=70, maxWidth=85),
    _STATE,
    *_FIGURES,
)
USE_COLUMNS = (
    link_column("name", "Use", minWidth=160, flex=2),
    _STATE,
    column("version", "Version", minWidth=86, maxWidth=110),
    column("gateway", "Gateway", minWidth=120),
    *_FIGURES,
    _ERROR,
)


def function_row(function: PlantFunction, uses: Sequence[Use], rates: Rates) -> dict[str, Any]:
    """`uses` are those of this function."""
    spec = function.newest.spec
    level, words = function_badge(uses)
    versions = [item.number for item in function.versions]
    used = {use.version for use in uses}
    return {
        "id": function.name,
        "name": function.name,
        "href": f"/functions/{quote(function.name)}",
        "state": words if uses or function.origin is not Origin.BUILT_IN else "",
        "state_level": level,
        "newest": function.newest.number,
        "versions": ", ".join(number for number in versions if number in used) or NOTHING,
        "gateways": ", ".join(sorted({use.device.spoke for use in uses})) or NOTHING,
        "description": first_sentence(spec.description or spec.title),
        "uses": len(uses),
        **_figures(uses, rates),
    }


def use_row(use: Use, rates: Rates) -> dict[str, Any]:
    level, words = use_badge(use)
    return {
        "id": use.device.id,
        "name": use.device.config.name,
        "href": use_path(use.device.id),
        "state": words,
        "state_level": level,
        "version": use.version or NOTHING,
        "gateway": use.device.spoke,
        **_figures([use], rates),
    }


def _figures(uses: Sequence[Use], rates: Rates) -> dict[str, Any]:
    """Sums over uses; the newest fault of all of them."""
    if not uses:
        return {"cpu": None, "values": None, "faults": None, "error": ""}
    found = [rates.of(use.device.id) for use in uses]
    faults = [use.health.fault for use in uses if use.health and use.health.fault]
    newest = max(faults, key=lambda fault: int(fault.get("time_ns", 0)), default=None)
    return {
        "cpu": round(sum(rate.cpu_percent for rate in found), 1),
        "values": round(sum(rate.values_in for rate in found), 1),
        "faults": sum(use.health.faults for use in uses if use.health),
        "error": fault_words(newest),
    }
