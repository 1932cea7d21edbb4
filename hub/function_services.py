"""What pages and the API can do with functions; the rules of hub/services.py hold here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hub.bulk import Progress
from hub.function_records import (
    Checked,
    Deployment,
    PlantFunction,
    StoredEvent,
    Trial,
    Use,
    UseDraft,
)
from hub.records import User
from schemas.messages.functions import FunctionLookReply


class Functions(Protocol):
    """Functions in versions, and where they are at work."""

    async def functions(self) -> list[PlantFunction]:
        """Built-ins and the plant's own, by name."""

    async def function(self, name: str) -> PlantFunction: ...

    async def check(self, source: str) -> Checked:
        """Load a source in a process of its own, with the limits of a gateway's."""

    async def save(self, who: User, source: str, notes: str = "") -> PlantFunction:
        """A new version of the function that the source names. Raises ConfigErrors (path
        `source.<line>`), ConflictError when that version exists with another source."""

    async def upload(self, who: User, name: str, content: bytes, notes: str = "") -> PlantFunction:
        """A wheel or a bundle; `name` is the file's. Raises ConfigError."""

    async def delete_function(self, who: User, name: str) -> None:
        """Raises ConflictError while it is in use."""

    async def uses(self, function: str | None = None) -> list[Use]: ...

    async def use(self, device_id: int) -> Use: ...

    async def deploy(self, who: User, spoke_id: int, draft: UseDraft) -> Use:
        """A new use. Raises ConfigErrors with paths `inputs.<name>`, `parameters.<name>`, ..."""

    async def change_use(self, who: User, device_id: int, draft: UseDraft, version: int) -> Use:
        """Other parameters, inputs or version; `version` is that of the device."""

    async def roll_back(self, who: User, device_id: int) -> Use:
        """To the version before, with its parameters. Raises ConflictError without one."""

    async def start_again(self, who: User, device_id: int) -> Use:
        """After too many faults."""

    async def shadow(self, who: User, device_id: int, version: str | None) -> Use:
        """Run a version beside the one at work, None to end that."""

    async def roll_out(
        self, who: User, name: str, version: str, uses: Sequence[int], share: float, watch_s: float
    ) -> Deployment:
        """Give a version to uses, to a share of them first; a fault takes it back from all."""

    async def deployments(self, name: str) -> list[Deployment]: ...

    async def cancel(self, who: User, deployment_id: int) -> None:
        """No more uses get it; those that have it keep it."""

    async def look(self, device_id: int, log_after: int = 0) -> FunctionLookReply:
        """Live log, faults, shadow. Raises SpokeOfflineError."""

    async def try_out(
        self,
        draft: UseDraft,
        start_ns: int,
        end_ns: int,
        source: str | None = None,
        progress: Progress | None = None,
    ) -> Trial:
        """Run a version (or a source that is not saved) on stored values of its inputs."""

    async def record(self, draft: UseDraft, start_ns: int, end_ns: int) -> bytes:
        """The stored inputs of a use as CSV, for `spindle-udf run --replay`."""

    async def events(self, device_id: int | None = None, limit: int = 200) -> list[StoredEvent]: ...
