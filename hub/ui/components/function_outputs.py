"""The tags that a use will have, with names that can be changed before they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from nicegui import ui

from hub.functions.bindings import Plant
from hub.functions.outputs import plan_tags, wanted_tags
from hub.records import Tag
from hub.storage.records import TagRow
from hub.ui.components.plain_table import table_head
from hub.ui.words import NOTHING
from schemas.config.functions import FunctionConfig
from schemas.errors import SpindleError
from schemas.functions import FunctionSpec

SHOWN = 60
"""Rows with a field; more outputs than that have the names of their inputs."""
_LOOKED_AT = 500
"""Tags of an input for which names are found out here."""


@dataclass(frozen=True, slots=True)
class OutputTag:
    address: str
    name: str
    kind: str
    unit: str
    description: str
    new: bool = True
    """False: the use has it already, with its id and its stored values."""


def output_tags(
    spec: FunctionSpec,
    inputs: Mapping[str, Sequence[Tag]],
    existing: Sequence[Tag] = (),
    names: Mapping[str, str] | None = None,
) -> list[OutputTag]:
    """By the hub's own rule. Raises ConfigErrors at `names.<address>`."""
    tags = {tag.id: _row(tag) for found in inputs.values() for tag in found}
    config = FunctionConfig(
        function=spec.name,
        inputs={name: tuple(tag.id for tag in found) for name, found in inputs.items() if found},
    )
    wanted = wanted_tags(config, spec, Plant({}, tags))
    given = {item.address for item in wanted}
    known = {tag.config.address: tag.config for tag in existing}
    chosen = {place: name for place, name in (names or {}).items() if place in given}
    plan = plan_tags(wanted, [_row(tag) for tag in existing], chosen)
    fresh = {tag.address: tag for tag in (*plan.new, *(tag for _, tag in plan.changed))}
    new = {tag.address for tag in plan.new}
    return [
        OutputTag(
            tag.address, tag.name, tag.kind.value, tag.unit, tag.description, tag.address in new
        )
        for tag in (fresh.get(item.address) or known[item.address] for item in wanted)
    ]


def _row(tag: Tag) -> TagRow:
    config = tag.config.model_dump(mode="json")
    return TagRow(
        tag.id,
        tag.device_id,
        tag.device,
        0,
        tag.spoke,
        tag.config.name,
        config,
        None,
        tag.config.kind,
    )


class OutputNames:
    """A table of the outputs; `changed` is called when somebody has typed a name."""

    def __init__(self, existing: Sequence[Tag], changed: Callable[[], None]) -> None:
        self._existing = existing
        self._changed = changed
        self._typed: dict[str, str] = {}
        self._shown: list[OutputTag] = []
        self._number = 0
        self._fields: dict[str, ui.input] = {}
        self._place = ui.element("div").classes("spec-scroll").mark("outputs")
        self._rest = ui.label().classes("muted")
        self._gone = ui.element("div").classes("callout warn")
        self._gone.set_visibility(False)

    @property
    def names(self) -> dict[str, str]:
        """Those that are not as the hub would give them."""
        known = {tag.address for tag in self._shown}
        return {place: name for place, name in self._typed.items() if place in known}

    def show(self, spec: FunctionSpec, inputs: Mapping[str, Sequence[Tag]]) -> None:
        """Of this declaration, with these tags at its inputs. What was typed stays."""
        cut = {name: found[:_LOOKED_AT] for name, found in inputs.items()}
        found = output_tags(spec, cut, self._existing)
        number = sum(len(inputs.get(out.per, ())) if out.per else 1 for out in spec.outputs)
        if found == self._shown and number == self._number and self._fields:
            return
        self._shown, self._number = found, number
        self._draw()
        known = {tag.address for tag in found}
        lost = [tag.config.name for tag in self._existing if tag.config.address not in known]
        lost = lost if number == len(found) else []
        self._gone.clear()
        self._gone.set_visibility(bool(lost))
        with self._gone:
            names = ", ".join(lost[:10]) + (" …" if len(lost) > 10 else "")
            ui.label(f"These tags go away: {names}. Their stored values stay in SQL.")

    def problems(self, found: Iterable[SpindleError]) -> list[SpindleError]:
        """Each at its field; the rest is returned."""
        rest = []
        for problem in found:
            place = problem.path.removeprefix("names.")
            if problem.path.startswith("names.") and place in self._fields:
                self._fields[place].error = f"{problem.message} {problem.hint}".strip()
            else:
                rest.append(problem)
        return rest

    def clear(self) -> None:
        for field in self._fields.values():
            field.error = None

    def _draw(self) -> None:
        self._place.clear()
        self._fields = {}
        with self._place:
            if not self._shown:
                ui.label("Choose its inputs first.").classes("muted panel-body")
                return
            with ui.element("table").classes("plain-table outputs"):
                table_head(("Tag name", "Output", "Kind", "Unit", "Description"))
                with ui.element("tbody"):
                    for tag in self._shown[:SHOWN]:
                        self._one(tag)
        more = self._number - SHOWN
        self._rest.set_text(f"and {more} more, named like their inputs" if more > 0 else "")

    def _one(self, tag: OutputTag) -> None:
        with ui.element("tr"):
            with ui.element("td"):
                name = self._typed.get(tag.address, tag.name)
                field = ui.input(value=name).props("outlined dense hide-bottom-space maxlength=100")
                field.props(f'aria-label="Name of {tag.address}" data-output="{tag.address}"')
                self._fields[tag.address] = field
                field.on_value_change(lambda: self._take(tag, str(field.value or "").strip()))
            with ui.element("td"):
                ui.label(tag.address.partition(":")[0]).classes("mono")
            for text in (tag.kind, tag.unit or NOTHING, tag.description):
                with ui.element("td"):
                    ui.label(text)

    def _take(self, tag: OutputTag, name: str) -> None:
        self._fields[tag.address].error = None
        if not name or name == tag.name:
            self._typed.pop(tag.address, None)
        else:
            self._typed[tag.address] = name
        self._changed()
