"""Four uses of a function on two gateways of words, and the hub that watches them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hub.function_records import Deployment, UseDraft
from hub.functions.catalogue import Catalogue
from hub.functions.loading import Loader
from hub.functions.rollouts import Rollouts
from hub.functions.uses import Uses
from hub.records import Role, User
from hub.storage.config import ConfigStore
from schemas.config.devices import TagConfig
from schemas.errors import SpindleError
from schemas.messages.health import FunctionHealth, SpokeHealth

SECOND = 10**9
WHO = User(1, "ada", Role.ENGINEER)
SOURCE = '''
from udf import Function, Input, Output

class Twice(Function):
    """Twice its input."""
    name, version = "twice", "{version}"
    inputs = (Input("a"),)
    outputs = (Output("twice", passes="a"),)

    def process(self, batch, ctx):
        return {{"twice": batch["a"].values * 2}}
'''


@dataclass
class Gateways:
    """hub.fleet.ports.Presence and Commands: what gateways would say."""

    functions: dict[str, dict[int, FunctionHealth]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)

    def health(self, spoke_name: str) -> SpokeHealth | None:
        mine = tuple(self.functions.get(spoke_name, {}).values())
        return SpokeHealth(spoke_name, "1.0.0", 0, 0, 1, functions=mine)

    def last_seen_ns(self, spoke_name: str) -> int:
        return 0

    def online(self, spoke_name: str) -> bool:
        return spoke_name not in self.away

    def applied_revision(self, spoke_name: str) -> int | None:
        return None

    async def notify_manifest(self, spoke_name: str, revision: int) -> None:
        return None


class Unchecked(Catalogue):
    """Its parameters are not asked for in a process, which has tests of its own."""

    async def parameter_problems(self, *_: Any) -> list[SpindleError]:
        return []


class Plant:
    """Four uses of a function on two gateways, and the hub that watches them."""

    def __init__(self, config: ConfigStore, folder: Path) -> None:
        self.config = config
        self.gateways = Gateways()
        self.catalogue = Unchecked(config, Loader(folder))
        presence: Any = self.gateways
        self.deployed = Uses(config, presence, presence, self.catalogue)
        self.now_ns = 1_790_000_000 * SECOND
        self.rollouts = self.hub()
        self.uses: list[int] = []

    def hub(self) -> Rollouts:
        """Another process of the same hub, or the same after a restart."""
        return Rollouts(self.config, self.deployed, now_ns=lambda: self.now_ns)

    async def build(self) -> None:
        for version in ("1.0.0", "1.1.0"):
            await self.catalogue.save(WHO, SOURCE.format(version=version))
        for spoke_name in ("line-1", "line-2"):
            spoke = await self.config.insert_spoke(spoke_name)
            device = await self.config.insert_device(spoke.spoke_id, "plc", {})
            tag = TagConfig(name="level", address="x", data_type="float32")
            (row,) = await self.config.insert_tags(
                device.device_id, [("level", tag.model_dump(mode="json"), "float")]
            )
            for number in (1, 2):
                draft = UseDraft(f"twice {number}", "twice", "1.0.0", inputs={"a": (row.tag_id,)})
                use = await self.deployed.deploy(WHO, spoke.spoke_id, draft)
                self.uses.append(use.device.id)
        await self.runs()

    async def runs(self, **changes: Any) -> None:
        """All gateways run what they were given; `changes` of their health."""
        for use in await self.deployed.uses("twice"):
            await self.says(use.device.id, **changes)

    async def says(self, device_id: int, **changes: Any) -> None:
        use = await self.deployed.use(device_id)
        health = FunctionHealth(device_id, "running", use.version)
        self.gateways.functions.setdefault(use.device.spoke, {})[device_id] = replace(
            health, **changes
        )

    async def versions(self) -> list[str]:
        return [(await self.deployed.use(device_id)).version for device_id in self.uses]

    async def roll_out(self, share: float = 0.25, watch_s: float = 60.0) -> Deployment:
        return await self.rollouts.roll_out(WHO, "twice", "1.1.0", self.uses, share, watch_s)

    async def look(self, seconds: float = 3.0, times: int = 1) -> Deployment:
        for _ in range(times):
            self.now_ns += int(seconds * SECOND)
            await self.rollouts.look()
        return (await self.rollouts.deployments("twice"))[0]
