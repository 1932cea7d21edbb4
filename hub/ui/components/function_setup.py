"""How a use is set up: its function, tags, parameters, limits; and what was changed when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from hub.function_records import Use
from hub.records import Revision, Tag
from hub.ui.components.facts import Facts
from hub.ui.components.function_words import function_of
from hub.ui.components.plain_table import table_head
from hub.ui.words import NOTHING, clock, duration, size
from schemas.config.functions import FunctionConfig
from schemas.functions import FunctionSpec

_SHOWN = 12
_REVISIONS = 20


def setup_panels(
    use: Use, spec: FunctionSpec, tags: Mapping[int, Tag], revisions: Sequence[Revision]
) -> None:
    """Settings on the left, tags and history on the right."""
    config = function_of(use)
    with ui.element("div").classes("halves"):
        with ui.element("div").classes("stack"):
            Facts("Settings").show(setting_facts(use))
            Facts("Parameters").show(parameter_facts(config, spec) or {"None": ""})
        with ui.element("div").classes("stack"):
            _inputs(config, spec, tags)
            _history(touching(revisions, use.device.config.name))


def setting_facts(use: Use) -> dict[str, str]:
    config, health = function_of(use), use.health
    facts = {
        "Function": config.function,
        "Version": config.version or "of the gateway's release",
        "Gateway": use.device.spoke,
        "Waits for late values": duration(config.lateness_ms / 1000),
        "Description": use.device.config.description or NOTHING,
    }
    if not config.built_in:
        limits = config.limits
        facts |= {
            "Package": config.package[:16],
            "Memory": f"{size(health.memory_bytes) if health else NOTHING} used",
            "Limits": f"{limits.memory_mb} MB, {duration(limits.batch_s)} per batch, "
            f"{limits.cpu_percent:g} % of a core",
            "Stops after": f"{limits.faults} faults in ten minutes",
        }
    return facts


def parameter_facts(config: FunctionConfig, spec: FunctionSpec) -> dict[str, str]:
    """By title: what is set, else the default."""
    found = {}
    for name, item in spec.parameters.get("properties", {}).items():
        default = item.get("default")
        value = config.parameters.get(name, default)
        shown = NOTHING if value is None or value == "" else _text(value)
        set_here = name in config.parameters and config.parameters[name] != default
        found[str(item.get("title") or name)] = shown if set_here else f"{shown} (default)"
    return found


def touching(revisions: Sequence[Revision], name: str) -> list[Revision]:
    """Those whose summary names the use; a gateway has many others."""
    return [item for item in revisions if name in item.summary][:_REVISIONS]


def _inputs(config: FunctionConfig, spec: FunctionSpec, tags: Mapping[int, Tag]) -> None:
    with ui.element("section").classes("panel"):
        with ui.element("div").classes("panel-head"):
            ui.html("Reads and writes", tag="h2", sanitize=False)
        with ui.element("div").classes("panel-body stack tight"):
            for port in spec.inputs:
                _port(port.name, config.inputs.get(port.name, ()), tags)
            for write in spec.writes:
                wanted = config.writes.get(write.name)
                _port(f"writes {write.name}", () if wanted is None else (wanted,), tags)


def _port(title: str, ids: Sequence[int], tags: Mapping[int, Tag]) -> None:
    with ui.element("div").classes("setup-port"):
        ui.label(title).classes("mono muted")
        with ui.element("div").classes("setup-tags"):
            if not ids:
                ui.label("no tag").classes("muted")
            for tag_id in ids[:_SHOWN]:
                tag = tags.get(tag_id)
                if tag is None:
                    ui.label(f"tag {tag_id}, which is gone")
                else:
                    ui.link(f"{tag.device} / {tag.config.name}", f"/devices/{tag.device_id}")
            if len(ids) > _SHOWN:
                ui.label(f"and {len(ids) - _SHOWN} more").classes("muted")


def _history(revisions: Sequence[Revision]) -> None:
    with ui.element("section").classes("panel").mark("history"):
        with ui.element("div").classes("panel-head"):
            ui.html("History", tag="h2", sanitize=False)
            ui.label("Revisions of the gateway that name it").classes("muted")
        with ui.element("div").classes("spec-scroll"), ui.element("table").classes("plain-table"):
            table_head(("Revision", "When", "Who", "What"))
            with ui.element("tbody"):
                for item in revisions:
                    texts = (str(item.number), clock(item.time_ns), item.author, item.summary)
                    with ui.element("tr"):
                        for text in texts:
                            with ui.element("td"):
                                ui.label(text)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"
