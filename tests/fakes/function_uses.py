"""Uses of functions in memory: deploying, changing, taking back, shadows, rollouts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from hub.function_records import Deployment, FunctionVersion, Origin, Use, UseDraft
from hub.functions.bindings import bindings_of, check_use
from hub.functions.built_ins import built_in_problems
from hub.functions.use_edits import Target, draft_of, target_of
from hub.records import Device, Role, User
from schemas.config.base import explain
from schemas.config.functions import FunctionConfig, ShadowConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError, NotFoundError, SpindleError
from tests.fakes import function_sources, function_trials
from tests.fakes.clock import NS, now_ns
from tests.fakes.function_fleet import FunctionFleet, spec_for
from udf import builtins

TRIAL_NS = 600 * NS


class FakeUses:
    """`own` are the plant's functions: origin and versions, newest first."""

    def __init__(self, fleet: FunctionFleet) -> None:
        self.fleet = fleet
        self.own: dict[str, tuple[Origin, list[FunctionVersion]]] = {}
        self.rollouts = FakeRollouts(self)

    async def uses(self, function: str | None = None) -> list[Use]:
        await self.rollouts.pass_time()
        found = [await self._use(i) for i in self.fleet.works if await self._is_there(i)]
        return [use for use in found if function in (None, use.function)]

    async def use(self, device_id: int) -> Use:
        await self.rollouts.pass_time()
        return await self._use(device_id)

    async def deploy(self, who: User, spoke_id: int, draft: UseDraft) -> Use:
        await self.fleet.spoke(spoke_id)
        target = self._target(draft)
        self._check(spoke_id, target, None)
        spec = target.version.spec
        device = self.fleet.deploy(who, spoke_id, target.config, target.names, spec)
        return await self.use(device.id)

    async def change_use(self, who: User, device_id: int, draft: UseDraft, version: int) -> Use:
        device = await self.fleet.device(device_id)
        if device.version != version:
            raise ConflictError("Somebody else has changed this use in the meantime.")
        target = self._target(draft, device)
        self._check(device.spoke_id, target, device_id)
        await self._put(who, device, target)
        return await self.use(device_id)

    async def roll_back(self, who: User, device_id: int) -> Use:
        device, work = await self.fleet.device(device_id), self.fleet.works[device_id]
        if work.previous is None:
            raise ConflictError(f"{device.config.name} has no version before this one.")
        target = self._target(draft_of(device.config, work.previous), device)
        await self._put(who, device, target)
        work.previous, work.trial_until_ns = None, 0
        return await self._use(device_id)

    async def start_again(self, who: User, device_id: int) -> Use:
        device, work = await self.fleet.device(device_id), self.fleet.works[device_id]
        old = _function(device)
        await self._update(who, device, old.model_copy(update={"generation": old.generation + 1}))
        work.state, work.faults, work.since_ns = "running", 0, now_ns()
        return await self.use(device_id)

    async def shadow(self, who: User, device_id: int, version: str | None) -> Use:
        device = await self.fleet.device(device_id)
        old, wanted = _function(device), None
        if version is not None:
            if old.built_in or version == old.version:
                text = f"Version {version} is at work already."
                raise ConfigErrors([ConfigError(text, path="version")])
            package = self._version(old.function, version).package
            wanted = ShadowConfig(version=version, package=package, parameters=old.parameters)
        await self._update(who, device, old.model_copy(update={"shadow": wanted}))
        return await self.use(device_id)

    # --- below -----------------------------------------------------------------------------
    async def _is_there(self, device_id: int) -> bool:
        return any(device.id == device_id for device in await self.fleet.devices())

    async def _use(self, device_id: int) -> Use:
        device = await self.fleet.device(device_id)
        config = device.config.connection
        if not isinstance(config, FunctionConfig):
            raise NotFoundError(f"{device.config.name} is a device, and no function.")
        work, spoke = self.fleet.works[device_id], await self.fleet.spoke(device.spoke_id)
        known = spoke.health.functions if spoke.health else ()
        return Use(
            device=device,
            function=config.function,
            version=config.version,
            health=next((item for item in known if item.id == device_id), None),
            online=spoke.online,
            previous=work.previous.version if work.previous else "",
            trial_until_ns=work.trial_until_ns,
        )

    def _version(self, name: str, number: str) -> FunctionVersion:
        if name in builtins.names():
            return FunctionVersion("", spec_for(name, ""), "")
        if name not in self.own:
            text = f"There is no function {name!r}."
            raise ConfigErrors([ConfigError(text, path="function")])
        versions = self.own[name][1]
        found = next((item for item in versions if item.number == number), None)
        if found is None:
            text = f"There is no version {number} of {name}."
            raise ConfigErrors([ConfigError(text, path="version")])
        return found

    def _target(self, draft: UseDraft, device: Device | None = None) -> Target:
        version = self._version(draft.function, draft.version)
        return target_of(draft, version, device.config if device else None)

    def _check(self, spoke_id: int, target: Target, device_id: int | None) -> None:
        plant, spec = self.fleet.plant(spoke_id), target.version.spec
        config = target.function
        problems = check_use(config, spec, plant, device_id)
        if not problems:
            problems = self._parameter_problems(target, bindings_of(config, spec, plant))
        name = target.config.name
        if any(row.name == name and row.device_id != device_id for row in plant.devices.values()):
            raise ConflictError(f"There is a device or a function {name!r} already.", path="name")
        if problems:
            raise ConfigErrors(problems)

    def _parameter_problems(self, target: Target, bindings: object) -> list[SpindleError]:
        config, version = target.function, target.version
        if config.built_in:
            return built_in_problems(config.function, config.parameters, bindings)  # type: ignore[arg-type]
        source = version.source or function_sources.source_of(config.function, config.version)
        kind = function_trials.load(source)
        assert kind is not None
        try:
            kind.Params.model_validate(dict(config.parameters))
        except ValidationError as error:
            return [*explain(error, "parameters")]
        return []

    async def _put(self, who: User, device: Device, target: Target) -> None:
        old, work = _function(device), self.fleet.works[device.id]
        spec = target.version.spec
        self.fleet.change(who, device.id, target.config, target.names, spec)
        if old.package != target.function.package:
            work.previous, work.trial_until_ns = old, now_ns() + TRIAL_NS
            work.state, work.faults, work.since_ns = "running", 0, now_ns()

    async def _update(self, who: User, device: Device, function: FunctionConfig) -> None:
        config = device.config.model_copy(update={"connection": function})
        await self.fleet.update_device(who, device.id, config, device.version)


@dataclass
class FakeRollouts:
    """Deployments, moved on by the clock whenever somebody looks."""

    uses: FakeUses
    found: list[Deployment] = field(default_factory=list)
    _busy: bool = False

    async def start(
        self, who: User, name: str, version: str, uses: Sequence[Use], share: float, watch_s: float
    ) -> Deployment:
        if any(item.function == name and item.state in ("canary", "watch") for item in self.found):
            raise ConflictError(
                f"Another version of {name} is on its way.", hint="Cancel it, or wait for its end."
            )
        ids = [use.device.id for use in sorted(uses, key=lambda use: not use.online)]
        count = max(1, math.ceil(share * len(ids) - 1e-9))
        made = Deployment(
            id=len(self.found) + 1,
            function=name,
            version=version,
            state="canary" if count < len(ids) else "watch",
            share=share,
            until_ns=now_ns() + int(watch_s * NS),
            uses=tuple(ids),
            canaries=tuple(ids[:count]),
            author=who.name,
            created_ns=now_ns(),
        )
        await self._give(who, made, made.canaries)
        self.found.append(made)
        return made

    def cancel(self, who: User, deployment_id: int) -> None:
        for place, item in enumerate(self.found):
            if item.id == deployment_id and item.state in ("canary", "watch"):
                self.found[place] = replace(
                    item, state="cancelled", reason=f"Cancelled by {who.name}."
                )
                return
        raise NotFoundError(f"There is no running deployment {deployment_id}.")

    async def pass_time(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            for place, item in enumerate(self.found):
                if item.state in ("canary", "watch"):
                    self.found[place] = await self._looked(item)
        finally:
            self._busy = False

    async def _looked(self, item: Deployment) -> Deployment:
        have = item.canaries if item.state == "canary" else item.uses
        who = User(0, "spindle", Role.ENGINEER)
        for device_id in have:
            use = await self.uses.use(device_id)
            if use.health and use.health.faults and use.version == item.version:
                for other in have:
                    await self.uses.roll_back(who, other)
                reason = f"{use.device.config.name} on {use.device.spoke}: " + str(
                    (use.health.fault or {}).get("message")
                )
                return replace(item, state="rolled-back", reason=reason, until_ns=now_ns())
        if now_ns() < item.until_ns:
            return item
        if item.state == "watch":
            return replace(item, state="done")
        await self._give(who, item, [i for i in item.uses if i not in item.canaries])
        watched_ns = item.until_ns - item.created_ns
        return replace(item, state="watch", until_ns=now_ns() + watched_ns)

    async def _give(self, who: User, item: Deployment, ids: Sequence[int]) -> None:
        for device_id in ids:
            device = await self.uses.fleet.device(device_id)
            draft = replace(draft_of(device.config), version=item.version)
            await self.uses.change_use(who, device_id, draft, device.version)


def _function(device: Device) -> FunctionConfig:
    found = device.config.connection
    assert isinstance(found, FunctionConfig)
    return found
