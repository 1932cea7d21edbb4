"""The form of a use: version, gateway, name, inputs, parameters, outputs, writes, limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from nicegui import ui
from pydantic import ValidationError

from hub.function_records import FunctionVersion, Origin, PlantFunction, UseDraft
from hub.records import Spoke, Tag
from hub.ui.components.form import Form
from hub.ui.components.function_inputs import PortTags, WriteTag
from hub.ui.components.function_outputs import OutputNames
from hub.ui.components.parameter_form import ParameterForm
from hub.ui.components.try_tags import by_name
from schemas.config.base import explain
from schemas.config.functions import LimitsConfig
from schemas.errors import ConfigError, ConfigErrors, SpindleError

_LIMITS = "What its process may use. Over a limit it is taken out, and nothing else notices."


class Place:
    """Where a use stands: the gateways to choose from with their tags; `fixed` cannot be changed.

    `own` are the tags that the use itself has already.
    """

    def __init__(
        self,
        spokes: Sequence[Spoke],
        tags: Sequence[Tag],
        spoke_id: int | None,
        *,
        fixed: bool = False,
        own: Sequence[Tag] = (),
    ) -> None:
        self.spokes = {spoke.id: spoke for spoke in spokes}
        self.chosen = spoke_id if spoke_id in self.spokes else next(iter(self.spokes), None)
        self.fixed = fixed
        self.own = own
        mine = {tag.id for tag in own}
        self._tags: dict[str, list[Tag]] = {}
        for tag in tags:
            if tag.id not in mine:
                self._tags.setdefault(tag.spoke, []).append(tag)

    @property
    def tags(self) -> list[Tag]:
        """Of the chosen gateway, without the use's own."""
        return [] if self.chosen is None else self._tags.get(self.spokes[self.chosen].name, [])


class FunctionForm:
    """`draft` is what the fields begin with; `edited` is called after every edit."""

    def __init__(
        self, function: PlantFunction, draft: UseDraft, place: Place, edited: Callable[[], None]
    ) -> None:
        self._function = function
        self._own = function.origin is not Origin.BUILT_IN
        self._versions = {item.number: item for item in function.versions}
        self._start = draft
        self._place = place
        self._told = edited
        self._ports: dict[str, PortTags] = {}
        self._writes: dict[str, WriteTag] = {}
        self._parameters: ParameterForm | None = None
        self._limits: Form[LimitsConfig] | None = None
        with ui.element("div").classes("stack") as self.element:
            self._rest = ui.element("div").classes("callout bad").props("role=alert")
            self._rest.set_visibility(False)
            self._draw_head()
            self._inputs = _panel("Inputs", "try-inputs panel-body")
            self._fields = _panel("Parameters", "panel-body")
            with _panel("Output tags", ""):
                self._outputs = OutputNames(place.own, edited)
            self._ports_out = ui.element("div")
            if self._own:
                self._draw_limits()
        self._draw()

    @property
    def version(self) -> FunctionVersion:
        return self._versions[self._number.value] if self._own else self._function.newest

    @property
    def spoke_id(self) -> int:
        """Raises ConfigError when there is no gateway."""
        if self._place.chosen is None:
            raise ConfigError("There is no gateway yet.", hint="Create one on Gateways.")
        return self._place.chosen

    def draft(self) -> UseDraft:
        """What the fields hold now. Raises ConfigError at a field that cannot be read."""
        return UseDraft(
            name=str(self._name.value or "").strip(),
            function=self._function.name,
            version=self.version.number if self._own else "",
            parameters=self._parameters.value() if self._parameters else {},
            inputs={name: port.ids for name, port in self._ports.items() if port.ids},
            names=self._outputs.names,
            writes={name: port.id for name, port in self._writes.items() if port.id is not None},
            limits=self._read_limits(),
            description=str(self._about.value or "").strip(),
            enabled=self._start.enabled,
        )

    def _read_limits(self) -> LimitsConfig:
        if self._limits is None:
            return LimitsConfig()
        try:
            return LimitsConfig.model_validate(self._limits.value())
        except ValidationError as error:
            raise ConfigErrors(explain(error, "limits")) from error

    # --- problems --------------------------------------------------------------------------
    def show_error(self, error: SpindleError) -> None:
        """Each problem at its field; what belongs to none comes on top."""
        problems = list(error.problems) if isinstance(error, ConfigErrors) else [error]
        problems = self._parameters.show(problems) if self._parameters else problems
        problems = self._outputs.problems(problems)
        homeless = [problem for problem in problems if not self._at_field(problem)]
        self._rest.clear()
        self._rest.set_visibility(bool(homeless))
        with self._rest:
            for problem in homeless:
                ui.label(problem.message)
                if problem.hint:
                    ui.label(problem.hint).classes("hint")
        ui.run_javascript(f"spindle.firstError({self.element.id})")

    def _at_field(self, problem: SpindleError) -> bool:
        where, _, name = problem.path.partition(".")
        text = _sentence(problem)
        if where == "inputs" and name in self._ports:
            self._ports[name].show(text)
        elif where == "writes" and name in self._writes:
            self._writes[name].show(text)
        elif where == "limits" and self._limits is not None:
            self._limits.show([ConfigError(text, hint="", path=name)])
            self._fold.open()
        elif where == "name":
            self._name.error = text
        elif where == "version" and self._own:
            self._number.error = text
        else:
            return False
        return True

    def clear(self) -> None:
        self._rest.set_visibility(False)
        self._name.error = None
        self._outputs.clear()
        for port in self._ports.values():
            port.show("")
        for write in self._writes.values():
            write.show("")
        if self._parameters is not None:
            self._parameters.clear()
        if self._limits is not None:
            self._limits.clear()
        if self._own:
            self._number.error = None

    # --- drawing ---------------------------------------------------------------------------
    def _draw_head(self) -> None:
        with ui.element("section").classes("panel"), ui.element("div").classes("panel-body fields"):
            if self._own:
                newest = self._function.newest.number
                titles = {n: f"{n} (newest)" if n == newest else n for n in self._versions}
                start = self._start.version if self._start.version in titles else newest
                self._number = ui.select(titles, label="Version", value=start)
                self._number.props("outlined dense stack-label data-field=version").classes("field")
                self._number.on_value_change(self._other_version)
            names = {spoke.id: spoke.name for spoke in self._place.spokes.values()}
            gateway = ui.select(names, label="Gateway", value=self._place.chosen).classes("field")
            gateway.props("outlined dense stack-label data-field=gateway")
            gateway.set_enabled(not self._place.fixed)
            gateway.on_value_change(lambda: self._other_gateway(gateway.value))
            self._name = _text("Name *", self._start.name, "name", 100)
            self._name.props["hint"] = "Of the device whose tags are the outputs."
            self._about = _text("Description", self._start.description, "description", 500)
            for field in (self._name, self._about):
                field.on_value_change(self._told)

    def _draw_limits(self) -> None:
        changed = self._start.limits != LimitsConfig()
        self._fold = ui.expansion("Limits", value=changed).props("dense").classes("fold")
        with self._fold:
            ui.label(_LIMITS).classes("muted")
            self._limits = Form(LimitsConfig, self._start.limits.model_dump())
        self._limits.on_edit(self._told)

    def _draw(self) -> None:
        """What the version declares."""
        spec, tags = self.version.spec, self._place.tags
        for place in (self._inputs, self._fields, self._ports_out):
            place.clear()
        with self._inputs:
            self._ports = {
                item.name: PortTags(item, tags, self._ports_edited) for item in spec.inputs
            }
            for item in spec.inputs:
                port = self._ports[item.name]
                port.choose(self._start.inputs.get(item.name, ()))
                if not port.ids and not self._place.fixed:
                    port.choose(by_name(item, tags))
        with self._fields:
            self._parameters = ParameterForm(spec.parameters, self._start.parameters)
        self._parameters.on_edit(self._told)
        self._writes = {}
        if spec.writes:
            self._draw_writes()
        self._show_outputs()

    def _draw_writes(self) -> None:
        with self._ports_out, _panel("May write", "panel-body fields"):
            for port in self.version.spec.writes:
                chosen = self._start.writes.get(port.name)
                self._writes[port.name] = WriteTag(port, self._place.tags, chosen, self._told)

    def _show_outputs(self) -> None:
        known = {tag.id: tag for tag in self._place.tags}
        inputs = {name: [known[i] for i in port.ids] for name, port in self._ports.items()}
        self._outputs.show(self.version.spec, inputs)

    def _ports_edited(self) -> None:
        self._show_outputs()
        self._told()

    def _other_version(self) -> None:
        """What was chosen stays as far as the other version has it."""
        self._keep()
        self._draw()
        self._told()

    def _other_gateway(self, spoke_id: int) -> None:
        self._keep()
        self._place.chosen = spoke_id
        self._draw()
        self._told()

    def _keep(self) -> None:
        try:
            now = self.draft()
        except SpindleError:
            return
        self._start = replace(
            now,
            inputs={**self._start.inputs, **now.inputs},
            parameters={**self._start.parameters, **now.parameters},
        )


def _panel(title: str, classes: str) -> ui.element:
    with ui.element("section").classes("panel"):
        with ui.element("div").classes("panel-head"):
            ui.html(title, tag="h2", sanitize=False)
        return ui.element("div").classes(classes)


def _text(title: str, value: str, name: str, most: int) -> ui.input:
    field = ui.input(title, value=value).classes("field")
    field.props(f"outlined dense stack-label bottom-slots maxlength={most} data-field={name}")
    return field


def _sentence(problem: SpindleError) -> str:
    text = problem.message.removeprefix(f"{problem.path}: ")
    text = text.removeprefix(f"{problem.path.rpartition('.')[2]}: ")
    text = text[:1].upper() + text[1:]
    default = type(problem).hint
    return f"{text} {problem.hint}" if problem.hint and problem.hint != default else text
