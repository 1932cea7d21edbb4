"""What a trial runs on: gateway, tags of the inputs, parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui import ui

from hub.function_records import UseDraft
from hub.records import Spoke, Tag
from hub.ui.components.parameter_form import ParameterForm
from hub.ui.components.try_tags import InputTags, by_name
from hub.ui.session import Session
from schemas.errors import ConfigErrors, SpindleError
from schemas.functions import FunctionSpec


class TryForm:
    """Drawn again with each other declaration; what was chosen stays."""

    def __init__(self, session: Session, edited: Callable[[], None]) -> None:
        self._session = session
        self._edited = edited
        self._spec: FunctionSpec | None = None
        self._loaded = False
        self._spokes: list[Spoke] = []
        self._tags: list[Tag] = []
        self._ports: dict[str, InputTags] = {}
        self._kept: dict[str, Sequence[int]] = {}
        self._values: dict[str, Any] = {}
        self._parameters: ParameterForm | None = None
        with ui.element("div").classes("try-form") as self._element:
            self._gateway = ui.select({}, label="Gateway").classes("field gateway-choice")
            self._gateway.props("outlined dense stack-label").mark("field-gateway")
            self._places = ui.element("div").classes("try-inputs")
            self._fields = ui.element("div")
        self._gateway.on_value_change(self._other_gateway)

    async def load(self, choice: Mapping[str, Any]) -> None:
        """Gateways and tags; `choice` is what was chosen last, of `choice()`."""
        fleet = self._session.services.fleet
        self._spokes, self._tags = await fleet.spokes(), await fleet.tags()
        self._kept = dict(choice.get("inputs") or {})
        self._values = dict(choice.get("parameters") or {})
        names = {spoke.id: spoke.name for spoke in self._spokes}
        self._gateway.set_options(names, value=self._first_gateway(choice.get("gateway")))
        self._loaded = True
        if self._spec is not None:
            self._draw(self._spec)

    def show(self, spec: FunctionSpec) -> None:
        """Another declaration of the function. Nothing is drawn before `load`."""
        before, self._spec = self._spec, spec
        if not self._loaded:
            return
        self._remember()
        if before is None:
            self._gateway.set_value(self._first_gateway(None))
        if before is None or (before.inputs, before.parameters) != (spec.inputs, spec.parameters):
            self._draw(spec)

    def draft(self, version: str) -> UseDraft:
        """Raises ConfigError for parameters that cannot be read."""
        assert self._spec is not None
        return UseDraft(
            name=f"Trial of {self._spec.name}",
            function=self._spec.name,
            version=version,
            parameters=self._parameters.value() if self._parameters else {},
            inputs={name: port.ids for name, port in self._ports.items() if port.ids},
        )

    def choice(self) -> dict[str, Any]:
        """What is chosen, for `load` next time."""
        self._remember()
        return {
            "gateway": self._gateway.value,
            "inputs": {name: list(ids) for name, ids in self._kept.items()},
            "parameters": self._values,
        }

    def whole(self) -> bool:
        """Whether every input that is needed has a tag; says so at those that have none."""
        needed = [item.name for item in (self._spec.inputs if self._spec else ()) if item.required]
        missing = [name for name in needed if name in self._ports and not self._ports[name].ids]
        for name, port in self._ports.items():
            port.show("Choose a tag for this input." if name in missing else "")
        if missing:
            ui.run_javascript(f"spindle.firstError({self._element.id})")
        return not missing

    def show_error(self, error: SpindleError) -> list[SpindleError]:
        """Each problem at its field; the rest is returned."""
        problems = list(error.problems) if isinstance(error, ConfigErrors) else [error]
        rest = self._parameters.show(problems) if self._parameters else problems
        found = []
        for problem in rest:
            parts = problem.path.split(".")
            port = self._ports.get(parts[1]) if parts[0] == "inputs" and parts[1:] else None
            if port is None:
                found.append(problem)
            else:
                port.show(problem.message.removeprefix(f"{problem.path}: "))
        return found

    def clear(self) -> None:
        for port in self._ports.values():
            port.show("")
        if self._parameters is not None:
            self._parameters.clear()

    def _draw(self, spec: FunctionSpec) -> None:
        self._places.clear()
        self._fields.clear()
        mine = self._mine()
        with self._places:
            self._ports = {item.name: InputTags(item, mine, self._edited) for item in spec.inputs}
        self._fill()
        with self._fields:
            self._parameters = ParameterForm(spec.parameters, self._values)
        self._parameters.on_edit(self._edited)

    def _fill(self) -> None:
        """The last choice, else the tag that is called like the input."""
        assert self._spec is not None
        mine = self._mine()
        for item in self._spec.inputs:
            port = self._ports[item.name]
            port.choose(self._kept.get(item.name, ()))
            if not port.ids:
                port.choose(by_name(item, mine))

    def _mine(self) -> list[Tag]:
        names = {spoke.id: spoke.name for spoke in self._spokes}
        return [tag for tag in self._tags if tag.spoke == names.get(self._gateway.value)]

    def _other_gateway(self) -> None:
        if self._spec is None or not self._ports:
            return
        mine = self._mine()
        for port in self._ports.values():
            port.offered(mine)
        self._fill()
        self._edited()

    def _first_gateway(self, wanted: Any) -> int | None:
        """The last choice, else the one whose tags fit most inputs by name."""
        if any(spoke.id == wanted for spoke in self._spokes):
            return int(wanted)
        inputs = self._spec.inputs if self._spec else ()

        def fits(spoke: Spoke) -> int:
            mine = [tag for tag in self._tags if tag.spoke == spoke.name]
            return sum(bool(by_name(item, mine)) for item in inputs)

        return max(self._spokes, key=fits).id if self._spokes else None

    def _remember(self) -> None:
        self._kept |= {name: port.ids for name, port in self._ports.items() if port.ids}
        if self._parameters is not None:
            self._values |= self._parameters.filled()
