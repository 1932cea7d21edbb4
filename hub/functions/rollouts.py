"""Rollouts: a new version goes to some uses first, and back from all of them when it faults.

The state is in SQL: it survives a restart, and of several hubs one acts at a time.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from hub.function_records import MAX_WATCH_S, Deployment, Use
from hub.functions.rollout_watch import Look, fault_of, looked
from hub.records import Role, User
from hub.storage.config import ConfigStore
from hub.storage.database import Connection
from hub.storage.rollout_rows import DeploymentRow, RolloutRows
from schemas.errors import ConfigError, ConfigErrors, ConflictError, NotFoundError, SpindleError

_log = logging.getLogger(__name__)

LOOK_S = 3.0
_GAP_S = 3 * LOOK_S
SPINDLE = User(0, "spindle", Role.ENGINEER)
"""Who takes a version back when nobody is looking."""


class Deployed(Protocol):
    """What this needs of hub.functions.uses.Uses."""

    async def uses(self, function: str | None = None) -> list[Use]: ...

    async def use(self, device_id: int) -> Use: ...

    async def set_versions(self, who: User, versions: Mapping[int, str], summary: str) -> None: ...

    async def roll_back(self, who: User, device_id: int, expected: str | None = None) -> Use: ...


class Rollouts:
    """Rollouts(store, deployed): the part of hub.function_services.Functions about deployments.
    `run` watches them; start it once per process."""

    def __init__(
        self,
        store: ConfigStore,
        deployed: Deployed,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._rows = RolloutRows(store.database)
        self._deployed = deployed
        self._now_ns = now_ns
        self._failing = False
        self._stuck: set[int] = set()
        """Uses that should be taken back and cannot: said once."""

    async def roll_out(
        self, who: User, name: str, version: str, uses: Sequence[int], share: float, watch_s: float
    ) -> Deployment:
        """The first of them get it before this returns, those that are online before others.

        Raises ConfigErrors (paths `share`, `watch_s`, `uses`, `uses.<id>...`), ConflictError while
        another version is on its way.
        """
        _check(share, watch_s)
        found = await self._chosen(name, version, uses)
        found.sort(key=lambda use: not use.online)
        ids = [use.device.id for use in found]
        count = max(1, min(len(ids), math.ceil(share * len(ids) - 1e-9)))
        async with self._store.database.transaction() as conn:
            row = await self._rows.insert(
                conn, name, version, share=share, watch_s=watch_s, now_ns=self._now_ns(),
                uses=ids, canaries=ids[:count], author=who.name,
            )  # fmt: skip
            await self._audit(who, "function.rollout", row, conn, uses=ids, canaries=ids[:count])
            # Inside, so that a refusal leaves no deployment behind.
            await self._give(who, row, row.canaries)
        return _record(row, self._now_ns())

    async def deployments(self, name: str) -> list[Deployment]:
        """Newest first."""
        now_ns = self._now_ns()
        return [_record(row, now_ns) for row in await self._rows.of_function(name)]

    async def cancel(self, who: User, deployment_id: int) -> None:
        """Raises NotFoundError when there is none that runs."""
        async with self._store.database.transaction() as conn:
            reason = f"Cancelled by {who.name}."
            found = await self._rows.cancel(deployment_id, reason, conn)
            if found is None:
                raise NotFoundError(
                    f"There is no running deployment {deployment_id}.",
                    hint="It may have ended meanwhile.",
                )
            target = " ".join(found)
            detail = {"deployment": deployment_id}
            await self._store.insert_audit(
                who.name, "function.rollout.cancel", target, detail, conn
            )

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            try:
                await self.look()
            except SpindleError as error:
                if not self._failing:
                    _log.warning(
                        "Rollouts are not watched: %s", error, extra={"action": "rollout.wait"}
                    )
                self._failing = True
            else:
                if self._failing:
                    _log.info("Rollouts are watched again", extra={"action": "rollout.on"})
                self._failing = False
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look at all that is on its way, and at single uses in their first time. Raises
        StorageError."""
        for deployment_id in await self._rows.running():
            await self._look_at(deployment_id)
        for device_id in await self._rows.on_trial(self._now_ns()):
            with suppress(NotFoundError):  # deleted just now
                use = await self._deployed.use(device_id)
                if words := fault_of(use):
                    await self._take_back_one(use, words)

    async def _take_back_one(self, use: Use, words: str) -> None:
        problem = await self._take_back(
            use.device.id, use.version, f"{use.function} {use.version}: {words}"
        )
        if problem and use.device.id not in self._stuck:
            self._stuck.add(use.device.id)
            _log.error("%s", problem, extra={"action": "function.stuck"})
        elif not problem:
            self._stuck.discard(use.device.id)

    # --- one deployment -------------------------------------------------------------------------
    async def _look_at(self, deployment_id: int) -> None:
        async with self._store.database.transaction() as conn:
            row = await self._rows.hold(deployment_id, conn)
            if row is None:
                return
            uses = await self._deployed.uses(row.function)
            look = looked(row, uses, self._now_ns(), _GAP_S)
            found = await self._act(look)
            await self._rows.write(found, conn)
            if found.state != row.state:
                await self._audit(SPINDLE, f"function.rollout.{found.state}", found, conn)
        if found.state != row.state:
            level = logging.WARNING if found.state == "rolled-back" else logging.INFO
            words = f"Deployment {deployment_id} of {row.function} {row.version}: {found.state}"
            _log.log(level, "%s %s", words, found.reason, extra={"action": "rollout.state"})

    async def _act(self, look: Look) -> DeploymentRow:
        """Raises StorageError; then the same is done at the next look."""
        row = look.row
        for device_id in look.take_back:
            problem = await self._take_back(device_id, row.version, f"{row.function} {row.version}")
            if problem:
                row = replace(row, reason=f"{row.reason} {problem}")
        if look.give:
            try:
                await self._give(SPINDLE, row, look.give)
            except (ConfigError, ConflictError, NotFoundError) as error:
                reason = f"The others cannot get it: {error.message}"
                return replace(row, state="cancelled", reason=reason)
        return row

    async def _give(self, who: User, row: DeploymentRow, uses: Sequence[int]) -> None:
        of_all = f"{len(uses)} of {len(row.uses)} uses"
        summary = f"Function {row.function}: version {row.version} rolled out to {of_all}"
        await self._deployed.set_versions(who, dict.fromkeys(uses, row.version), summary)

    async def _take_back(self, device_id: int, version: str, words: str) -> str:
        """What did not work, in words: the others are taken back nevertheless."""
        try:
            use = await self._deployed.roll_back(SPINDLE, device_id, version)
        except (ConfigError, ConflictError, NotFoundError) as error:
            return f"Use {device_id} could not be taken back: {error.message}"
        _log.warning(
            "%s on %s is back at %s after a fault: %s",
            use.device.config.name, use.device.spoke, use.version, words,
            extra={"action": "function.back"},
        )  # fmt: skip
        return ""

    async def _chosen(self, name: str, version: str, uses: Sequence[int]) -> list[Use]:
        """Those that do not have the version yet. Raises ConfigErrors."""
        known = {use.device.id: use for use in await self._deployed.uses(name)}
        strange = [device_id for device_id in uses if device_id not in known]
        if strange or not uses:
            text = f"{strange[0]} is no use of {name}." if strange else "No use was chosen."
            raise ConfigErrors([ConfigError(text, hint="Choose uses of it.", path="uses")])
        found = [known[i] for i in dict.fromkeys(uses) if known[i].version != version]
        if not found:
            text = f"All of these uses run version {version} already."
            raise ConfigErrors([ConfigError(text, hint="Choose others.", path="uses")])
        return found

    async def _audit(
        self, who: User, action: str, row: DeploymentRow, conn: Connection, **detail: Any
    ) -> None:
        target = f"{row.function} {row.version}"
        found = {"deployment": row.deployment_id, **detail}
        if row.reason:
            found["reason"] = row.reason
        await self._store.insert_audit(who.name, action, target, found, conn)


def _check(share: float, watch_s: float) -> None:
    problems: list[SpindleError] = []
    if not 0 < share <= 1:
        problems.append(
            ConfigError("The share is more than 0 and at most 1.", path="share", hint="Say 0.1.")
        )
    if not 0 <= watch_s <= MAX_WATCH_S:
        problems.append(ConfigError("The watch takes 0 s to a week.", path="watch_s"))
    if problems:
        raise ConfigErrors(problems)


def _record(row: DeploymentRow, now_ns: int) -> Deployment:
    running = row.state in ("canary", "watch")
    left_ns = int(max(0.0, row.watch_s - row.watched_s) * 1e9)
    return Deployment(
        id=row.deployment_id,
        function=row.function,
        version=row.version,
        state=row.state,
        share=row.share,
        until_ns=now_ns + left_ns if running else row.looked_ns,
        uses=tuple(row.uses),
        canaries=tuple(row.canaries),
        author=row.author,
        created_ns=row.created_ns,
        reason=row.reason,
    )
