"""Executors that uses share: one process per package, and none for a built-in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from schemas.config.functions import LimitsConfig
from schemas.errors import SpindleError
from schemas.functions import Bindings, FunctionSpec
from spoke.functions.packages import Packages
from udf.base import Batch
from udf.builtins import builtin
from udf.engine import Emission
from udf.execution import Executor, InProcess
from udf.faults import FunctionFault
from udf.process.parent import FunctionProcess

_log = logging.getLogger(__name__)
T = TypeVar("T")


class LostError(SpindleError):
    """The function's process ended under another use; this one starts again from its state."""

    retryable = True


class Slot:
    """One executor at a time; a dead one is thrown away and made anew by the next `open`."""

    def __init__(self, make: Callable[[], Awaitable[Executor]], *, threaded: bool) -> None:
        self._make, self._threaded = make, threaded
        self._executor: Executor | None = None
        self._turn = asyncio.Lock()
        self.life = 0
        """Counts the executors; a use that was opened in an earlier life is gone."""

    async def spec(self) -> FunctionSpec:
        """Raises FunctionFault (kind start), SpindleError while the package is not here."""
        async with self._turn:
            return (await self._living()).spec

    async def open(
        self, key: int, parameters: Mapping[str, Any], bindings: Bindings, state: bytes | None
    ) -> int:
        """Returns the life that the use is in. Raises FunctionFault."""
        async with self._turn:
            executor = await self._living()
            await self._run(executor, executor.open, key, parameters, bindings, state)
            return self.life

    async def process(self, key: int, life: int, batch: Batch) -> tuple[Emission, float]:
        """What the batch made, and the CPU seconds it took. Raises FunctionFault, LostError."""
        async with self._turn:
            executor = self._of(life)
            before = self._cpu_s(executor)
            emission = await self._run(executor, executor.process, key, batch)
            return emission, self._cpu_s(executor) - before

    async def snapshot(self, key: int, life: int) -> bytes:
        """Raises FunctionFault, LostError."""
        async with self._turn:
            executor = self._of(life)
            return await self._run(executor, executor.snapshot, key)

    async def drop(self, key: int) -> None:
        async with self._turn:
            if self._executor is not None and self._executor.alive:
                try:
                    await self._run(self._executor, self._executor.drop, key)
                except FunctionFault as error:
                    _log.debug("%s", error)

    async def close(self) -> None:
        async with self._turn:
            await self._end()

    @property
    def memory_bytes(self) -> int:
        return self._executor.memory_bytes if self._executor else 0

    @property
    def contained(self) -> tuple[str, ...]:
        return self._executor.contained if self._executor else ()

    def _of(self, life: int) -> Executor:
        if self._executor is None or life != self.life:
            raise LostError
        return self._executor

    async def _living(self) -> Executor:
        if self._executor is None:
            self._executor = await self._make()
            self.life += 1
        return self._executor

    async def _run(self, executor: Executor, method: Callable[..., T], *arguments: Any) -> T:
        try:
            if not self._threaded:
                return method(*arguments)
            # Shielded: a call that runs in a thread cannot be taken back.
            return await asyncio.shield(asyncio.to_thread(method, *arguments))
        finally:
            if not executor.alive:
                await self._end()

    async def _end(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.close)

    def _cpu_s(self, executor: Executor) -> float:
        return executor.cpu_s if self._threaded else time.thread_time()


class Slots:
    """Gives uses of the same package and limits the same Slot."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages
        self._slots: dict[tuple[str, str], Slot] = {}
        self._users: dict[tuple[str, str], int] = {}

    def acquire(self, function: str, package: str, limits: LimitsConfig) -> Slot:
        """To be given back with `release`. Nothing starts yet."""
        key = self._key(function, package, limits)
        if key not in self._slots:
            self._slots[key] = self._slot(function, package, limits)
            self._users[key] = 0
        self._users[key] += 1
        return self._slots[key]

    async def release(self, function: str, package: str, limits: LimitsConfig) -> None:
        key = self._key(function, package, limits)
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
            await self._slots.pop(key).close()

    def _slot(self, function: str, package: str, limits: LimitsConfig) -> Slot:
        async def built_in() -> Executor:
            return InProcess(builtin(function))

        async def process() -> Executor:
            environment = await self._packages.environment(package)
            return await asyncio.to_thread(FunctionProcess, environment, limits)

        return Slot(process if package else built_in, threaded=bool(package))

    @staticmethod
    def _key(function: str, package: str, limits: LimitsConfig) -> tuple[str, str]:
        return (package, limits.model_dump_json()) if package else ("", function)
