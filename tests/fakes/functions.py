"""Functions in memory; behaves as the Protocol `Functions` promises.

What a use may be (ports, kinds, names of outputs) is decided by the hub's own pure code. A source
is run in this process, by function_trials.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace

from hub.bulk import Progress
from hub.function_records import (
    Checked,
    Deployment,
    FunctionVersion,
    Origin,
    PlantFunction,
    StoredEvent,
    Trial,
    UseDraft,
)
from hub.functions.sources import refused
from hub.functions.versions import check_next
from hub.records import User
from schemas.errors import ConfigError, ConfigErrors, ConflictError, NotFoundError
from schemas.messages.functions import FunctionLookReply
from tests.fakes import function_sources, function_trials, plant
from tests.fakes.clock import NS
from tests.fakes.function_fleet import FunctionFleet
from tests.fakes.function_looks import events_of, look_at
from tests.fakes.function_uses import FakeUses
from udf import builtins
from udf.execution import spec_of


class FakeFunctions(FakeUses):
    def __init__(self, fleet: FunctionFleet, *, empty: bool = False) -> None:
        super().__init__(fleet)
        if not empty:
            for name, origin in (("level_trend", Origin.SOURCE), ("cap_torque", Origin.WHEEL)):
                self.own[name] = (origin, function_sources.versions_of(name))

    # --- the catalogue ---------------------------------------------------------------------
    async def functions(self) -> list[PlantFunction]:
        """Without sources, as the hub."""
        found = [await self.function(name) for name in (*self.own, *builtins.names())]
        bare = [
            replace(item, versions=tuple(replace(v, source="") for v in item.versions))
            for item in found
        ]
        return sorted(bare, key=lambda item: item.name)

    async def function(self, name: str) -> PlantFunction:
        uses = await self.uses(name)
        if name in builtins.names():
            spec = spec_of(builtins.builtin(name))
            only = FunctionVersion(spec.version, spec, "", uses=len(uses))
            return PlantFunction(name, Origin.BUILT_IN, (only,), len(uses))
        if name not in self.own:
            raise NotFoundError(f"There is no function {name!r}.")
        origin, versions = self.own[name]
        counted = tuple(
            replace(item, uses=sum(use.version == item.number for use in uses)) for item in versions
        )
        return PlantFunction(name, origin, counted, len(uses))

    async def check(self, source: str) -> Checked:
        return function_trials.check(source)

    async def save(self, who: User, source: str, notes: str = "") -> PlantFunction:
        found = function_trials.check(source)
        if found.spec is None:
            raise refused(found.problems)
        return await self._keep(who, source, Origin.SOURCE, notes)

    async def upload(self, who: User, name: str, content: bytes, notes: str = "") -> PlantFunction:
        """The fake's wheel is the text of its source."""
        try:
            source = content.decode()
        except UnicodeDecodeError:
            source = ""
        if function_trials.check(source).spec is None:
            raise ConfigError(
                f"{name} has no function that can be loaded.", hint="Make it with spindle-udf."
            )
        return await self._keep(who, source, Origin.WHEEL, notes)

    async def _keep(self, who: User, source: str, origin: Origin, notes: str) -> PlantFunction:
        made = function_sources.version(source, origin, who.name, notes)
        name = made.spec.name
        if name in builtins.names():
            raise ConflictError(f"{name} comes with Spindle.", hint="Choose another name.")
        known = self.own.get(name, (origin, []))[1]
        twin = next((item for item in known if item.number == made.number), None)
        if twin is not None and twin.package != made.package:
            text = f"Version {made.number} of {name} exists, with another source."
            raise ConflictError(text, hint="Raise the version in the source.")
        if twin is None:
            if known:
                check_next(known[0].spec, made.spec, "source.1")
            self.own[name] = (origin, [made, *known])
        return await self.function(name)

    async def delete_function(self, who: User, name: str) -> None:
        uses = [use.device.config.name for use in await self.uses(name)]
        if name in builtins.names():
            raise ConflictError(f"{name} comes with Spindle and stays.")
        if uses:
            text = f"{name} is in use: {', '.join(uses)}."
            raise ConflictError(text, hint="Delete its uses first.")
        await self.function(name)
        del self.own[name]

    # --- deployments -----------------------------------------------------------------------
    async def roll_out(
        self, who: User, name: str, version: str, uses: Sequence[int], share: float, watch_s: float
    ) -> Deployment:
        known = {use.device.id: use for use in await self.uses(name)}
        problems = []
        if not 0 < share <= 1:
            problems.append(ConfigError("The share is more than 0 and at most 1.", path="share"))
        if not uses or set(uses) - set(known):
            problems.append(ConfigError("No use was chosen.", path="uses"))
        elif all(known[device_id].version == version for device_id in uses):
            text = f"All of these uses run version {version} already."
            problems.append(ConfigError(text, path="uses"))
        if problems:
            raise ConfigErrors(problems)
        chosen = [known[i] for i in uses if known[i].version != version]
        return await self.rollouts.start(who, name, version, chosen, share, watch_s)

    async def deployments(self, name: str) -> list[Deployment]:
        await self.rollouts.pass_time()
        return [item for item in reversed(self.rollouts.found) if item.function == name]

    async def cancel(self, who: User, deployment_id: int) -> None:
        self.rollouts.cancel(who, deployment_id)

    # --- looking and trying ----------------------------------------------------------------
    async def look(self, device_id: int, log_after: int = 0) -> FunctionLookReply:
        return look_at(await self.use(device_id), await self.fleet.tags(device_id), log_after)

    async def events(self, device_id: int | None = None, limit: int = 200) -> list[StoredEvent]:
        uses = await self.uses()
        chosen = [use for use in uses if device_id in (None, use.device.id)]
        found = [event for use in chosen for event in events_of(use)]
        return sorted(found, key=lambda event: -event.time_ns)[:limit]

    async def try_out(
        self,
        draft: UseDraft,
        start_ns: int,
        end_ns: int,
        source: str | None = None,
        progress: Progress | None = None,
    ) -> Trial:
        if source is not None:
            kind = function_trials.load(source)
        elif draft.function in builtins.names():
            kind = builtins.builtin(draft.function)
        else:
            kind = function_trials.load(function_sources.source_of(draft.function, draft.version))
        if kind is None:
            raise ConfigError("There is no function in this source.", path="source.1")
        tags = {tag.id: tag for tag in await self.fleet.tags()}
        return await function_trials.try_out(kind, draft, tags, start_ns, end_ns, progress)

    async def record(self, draft: UseDraft, start_ns: int, end_ns: int) -> bytes:
        tags = {tag.id: tag for tag in await self.fleet.tags()}
        chosen = [(name, tags[i]) for name, ids in draft.inputs.items() for i in ids]
        if not chosen:
            raise ConfigErrors([ConfigError("It needs a tag.", path="inputs")])
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["time", *(f"{name}:{tag.config.name}" for name, tag in chosen)])
        for time_ns in range(start_ns, min(end_ns, start_ns + 600 * NS), NS):
            values = [plant.sample(tag.config, tag.id, time_ns / NS)[0] for _, tag in chosen]
            rows.writerow([time_ns, *values])
        return text.getvalue().encode()
