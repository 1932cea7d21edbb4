"""The bottling line with functions at work: each use is a device whose tags are its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hub.functions.bindings import Plant
from hub.functions.outputs import plan_tags, wanted_tags
from hub.records import Device, Role, Spoke, Tag, User
from hub.storage.records import DeviceRow, TagRow
from schemas.config.devices import DeviceConfig
from schemas.config.functions import FunctionConfig, ShadowConfig
from schemas.functions import Fault, FunctionSpec
from schemas.messages.health import DeviceHealth, FunctionHealth, ShadowHealth
from schemas.quality import Quality
from tests.fakes.clock import NS, STARTED_NS, now_ns
from tests.fakes.fleet import FakeFleet
from tests.fakes.function_sources import BROKEN, BROKEN_LINE, versions_of
from tests.fakes.plant import Value
from udf.builtins import builtin
from udf.execution import spec_of

AUTHOR = User(1, "t.huber", Role.ADMIN)
BREAKS_AFTER_NS = 3 * NS
"""How long a broken version runs before its first fault."""
_CONTAINED = ("memory", "network", "files", "processes")
_TRACE = """Traceback (most recent call last):
  File "level_trend.py", line {line}, in process
    share = (level - before) / (level.max() - level.max())
            ~~~~~~~~~~~~~~~~~^~~~~~~~~~~~~~~~~~~~~~~~~~~~~
ZeroDivisionError: division by zero"""
Inputs = Mapping[str, tuple[tuple[str, str], ...]]
"""(device, tag name) by input."""


@dataclass(slots=True)
class Work:
    """What the gateway keeps of a use."""

    since_ns: int
    state: str = "running"
    faults: int = 0
    previous: FunctionConfig | None = None
    trial_until_ns: int = 0
    stopped_ns: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """A use as the plant has it from the beginning."""

    name: str
    spoke: str
    function: str
    version: str
    inputs: Inputs
    parameters: dict[str, Any] = field(default_factory=dict)
    before: str = ""
    shadow: str = ""
    faults: int = 0
    state: str = "running"


_HEADS = tuple(("Capper", f"Torque head {n}") for n in range(1, 9))
_PALLET = tuple(("Palletiser", f"Torque head {n}") for n in range(1, 5))
USES = (
    Planned("Bowl trend", "filling-1", "level_trend", "1.1.0",
            {"level": (("Filler", "Bowl level"),), "running": (("Filler", "Running"),)},
            {"window_s": 120.0}, before="1.0.0", shadow="1.2.0"),
    Planned("Cap torque", "filling-1", "cap_torque", "1.0.0", {"torques": _HEADS}),
    Planned("Filler hours", "filling-1", "running_hours", "",
            {"running": (("Filler", "Running"),)}),
    Planned("Meter load trend", "utilities", "level_trend", "1.1.0",
            {"level": (("Main meter", "Load"),)}, before="1.0.0", faults=3),
    Planned("Hall 2 trend", "utilities", "level_trend", "1.0.0",
            {"level": (("Meter hall 2", "Load"),)}, faults=5, state="stopped"),
    Planned("Smooth power", "utilities", "moving_average", "",
            {"values": (("Main meter", "Active power"), ("Meter hall 2", "Active power"))},
            {"window_s": 300.0}),
    Planned("Pallet torque", "warehouse", "cap_torque", "0.9.0", {"torques": _PALLET}),
)  # fmt: skip


class FunctionFleet(FakeFleet):
    """`works` is what the gateways keep of uses, by device id."""

    def __init__(self, *, empty: bool = False) -> None:
        self.works: dict[int, Work] = {}
        super().__init__(empty=empty)

    def _build(self) -> None:
        super()._build()
        for item in USES:
            self._plan(item)
        for spoke in list(self._spokes.values()):
            self._spokes[spoke.id] = replace(spoke, applied_revision=spoke.revision)

    def _plan(self, item: Planned) -> None:
        spoke = next(one for one in self._spokes.values() if one.name == item.spoke)
        inputs = {
            name: tuple(self._tag_id(item.spoke, *place) for place in places)
            for name, places in item.inputs.items()
        }
        config = function_config(item.function, item.version, inputs, item.parameters)
        if item.shadow:
            package = package_of(item.function, item.shadow)
            shadow = ShadowConfig(version=item.shadow, package=package, parameters=item.parameters)
            config = config.model_copy(update={"shadow": shadow})
        device = self.deploy(
            AUTHOR, spoke.id, DeviceConfig(name=item.name, connection=config), {},
            spec_for(item.function, item.version),
        )  # fmt: skip
        work = self.works[device.id]
        work.since_ns, work.state, work.faults = STARTED_NS - 86_400 * NS, item.state, item.faults
        if item.before:
            work.previous = function_config(item.function, item.before, inputs, item.parameters)
        if item.state == "stopped":
            work.since_ns = STARTED_NS - 90 * NS

    def _tag_id(self, spoke: str, device: str, name: str) -> int:
        return next(
            tag.id
            for tag in self._tags.values()
            if (tag.spoke, tag.device, tag.config.name) == (spoke, device, name)
        )

    def plant(self, spoke_id: int) -> Plant:
        """As the hub's own checks want it."""
        devices = {
            item.id: DeviceRow(
                item.id, spoke_id, item.spoke, item.config.name,
                item.config.model_dump(mode="json"), item.version,
            )
            for item in self._devices.values()
            if item.spoke_id == spoke_id
        }  # fmt: skip
        tags = {tag.id: tag_row(tag) for tag in self._tags.values() if tag.device_id in devices}
        return Plant(devices, tags)

    def deploy(
        self,
        who: User,
        spoke_id: int,
        config: DeviceConfig,
        names: Mapping[str, str],
        spec: FunctionSpec,
    ) -> Device:
        function = config.connection
        assert isinstance(function, FunctionConfig)
        plan = plan_tags(wanted_tags(function, spec, self.plant(spoke_id)), (), names)
        device = self._add(who, spoke_id, config, plan.new)
        self.works[device.id] = Work(now_ns())
        return self._shown(device)

    def change(
        self, who: User, device_id: int, config: DeviceConfig, names: Mapping[str, str],
        spec: FunctionSpec,
    ) -> None:  # fmt: skip
        """The same use with other settings; output tags that stay keep their ids."""
        device = self._devices[device_id]
        function = config.connection
        assert isinstance(function, FunctionConfig)
        existing = [tag_row(tag) for tag in self._tags.values() if tag.device_id == device_id]
        wanted = wanted_tags(function, spec, self.plant(device.spoke_id))
        plan = plan_tags(wanted, existing, names)
        for tag_id in plan.removed:
            del self._tags[tag_id]
        for tag_id, tag in plan.changed:
            self._tags[tag_id] = replace(self._tags[tag_id], config=tag)
        for tag in plan.new:
            made = Tag(self._id(), device_id, config.name, device.spoke, tag)
            self._tags[made.id] = made
        self._devices[device_id] = replace(device, config=config, version=device.version + 1)
        self._revise(who, device.spoke_id, f"Function {config.name} changed")

    # --- what the gateway says -------------------------------------------------------------
    def _device_health(self, device: Device) -> DeviceHealth | None:
        return None if device.id in self.works else super()._device_health(device)

    def _shown_spoke(self, spoke: Spoke) -> Spoke:
        shown = super()._shown_spoke(spoke)
        if shown.health is None:
            return shown
        found = [self._devices[i] for i in self.works if i in self._devices]
        mine = tuple(self.health_of(item) for item in found if item.spoke_id == spoke.id)
        return replace(shown, health=replace(shown.health, functions=mine))

    def sample(self, tag: Tag) -> tuple[Value, int]:
        value, quality = super().sample(tag)
        work = self.works.get(tag.device_id)
        if work is None or self.health_of(self._devices[tag.device_id]).state == "running":
            return value, quality
        return value, Quality.UNCERTAIN_LAST_USABLE

    def health_of(self, device: Device) -> FunctionHealth:
        work, config = self.works[device.id], device.config.connection
        assert isinstance(config, FunctionConfig)
        broke_ns = work.since_ns + BREAKS_AFTER_NS
        breaks = (config.function, config.version) == BROKEN and now_ns() > broke_ns
        faults = work.faults or (2 if breaks else 0)
        end_ns = work.since_ns if work.state == "stopped" else now_ns()
        seconds = max(0, end_ns - work.since_ns) / NS
        tags = sum(len(ids) for ids in config.inputs.values())
        cost = 0.004 * tags + (0.002 if config.built_in else 0.011)
        state = work.state if device.config.enabled else "off"
        return FunctionHealth(
            device.id,
            state,
            config.version,
            config.package,
            work.since_ns,
            batches=int(seconds * 4),
            values_in=int(seconds * tags),
            values_out=int(seconds * max(1, device.tags or 2)),
            cpu_s=seconds * cost,
            slowest_s=0.0124 + 0.001 * tags,
            faults=faults,
            faults_ever=faults * 2,
            fault=fault_map(config, broke_ns if breaks else STARTED_NS - 95 * NS)
            if faults
            else None,
            lag_s=0.41,
            late=3,
            memory_bytes=0 if config.built_in else 61_000_000,
            contained=() if config.built_in else _CONTAINED,
            shadow=_shadow_health(config, seconds) if config.shadow else None,
        )


def _shadow_health(config: FunctionConfig, seconds: float) -> ShadowHealth:
    assert config.shadow is not None
    values = int(seconds * 2)
    return ShadowHealth(
        config.shadow.version, values, int(values * 0.943), 1.84, 0, seconds * 0.013
    )


def fault_map(config: FunctionConfig, time_ns: int) -> dict[str, Any]:
    fault = Fault(
        "exception", "ZeroDivisionError: division by zero", config.function,
        config.version, BROKEN_LINE, f"{config.function}.py", _TRACE.format(line=BROKEN_LINE),
        ("slope", "smooth"), time_ns,
    )  # fmt: skip
    return {name: getattr(fault, name) for name in Fault.__slots__}


def function_config(
    name: str, version: str, inputs: Mapping[str, tuple[int, ...]], parameters: dict[str, Any]
) -> FunctionConfig:
    package = package_of(name, version) if version else ""
    return FunctionConfig(
        function=name, version=version, package=package, inputs=dict(inputs), parameters=parameters
    )


def package_of(name: str, number: str) -> str:
    return next(item.package for item in versions_of(name) if item.number == number)


def spec_for(name: str, number: str) -> FunctionSpec:
    if not number:
        return spec_of(builtin(name))
    return next(item.spec for item in versions_of(name) if item.number == number)


def tag_row(tag: Tag) -> TagRow:
    return TagRow(
        tag.id, tag.device_id, tag.device, 0, tag.spoke, tag.config.name,
        tag.config.model_dump(mode="json"), None, tag.config.kind,
    )  # fmt: skip
