"""Trials: a function on the plant's stored values. Nothing is stored, nothing is written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import ValidationError

from hub.bulk import Progress
from hub.function_records import Trial, UseDraft
from hub.functions.bindings import bindings_of, check_use, plant_of
from hub.functions.trial_csv import RecordedValues
from hub.functions.trial_curves import Curves, Place
from hub.functions.trial_run import Found, Maker, TrialRun
from hub.storage.config import ConfigStore
from hub.storage.trial_rows import MAX_VALUES, Stretch, TrialRows
from schemas.config.base import explain
from schemas.config.functions import FunctionConfig
from schemas.errors import ConfigError, ConfigErrors
from schemas.functions import Bindings, FunctionSpec

AT_ONCE = 2
"""Trials that run at the same time; the others wait."""
MAX_TRIAL_S = 120.0

T = TypeVar("T")
Stretches = AsyncGenerator[Stretch, None]


@dataclass(frozen=True, slots=True)
class Ready:
    """A function that can be started: what it declares, and how."""

    spec: FunctionSpec
    make: Maker
    """Blocks, and raises FunctionFault."""


class Starts(Protocol):
    """Where a trial gets its function from."""

    def of(self, draft: UseDraft, source: str | None) -> AbstractAsyncContextManager[Ready]:
        """The function that a draft names, or an unsaved source. Raises ConfigErrors,
        NotFoundError, FunctionFault."""

    async def spec(self, draft: UseDraft) -> FunctionSpec:
        """Only what it declares."""


class Trials:
    """Trials(store, starts): the part of hub.function_services.Functions about stored values."""

    def __init__(
        self,
        store: ConfigStore,
        starts: Starts,
        *,
        max_values: int = MAX_VALUES,
        max_s: float = MAX_TRIAL_S,
    ) -> None:
        self._store = store
        self._starts = starts
        self._rows = TrialRows(store.database, max_values)
        self._max_s = max_s
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def try_out(
        self,
        draft: UseDraft,
        start_ns: int,
        end_ns: int,
        source: str | None = None,
        progress: Progress | None = None,
    ) -> Trial:
        """See hub.function_services. Raises ConfigErrors (paths `inputs.<name>`, `range`),
        ConfigError with the path `range` for too many values, StorageError."""
        _check_range(start_ns, end_ns)
        async with self._turns, self._starts.of(draft, source) as ready:
            bindings = await self._bindings(draft, ready.spec)
            run = TrialRun(ready.make, draft.parameters, bindings, ready.spec, draft.limits)
            began = time.monotonic()
            async with _thread(run) as in_thread:
                await self._run(run, in_thread, bindings, (start_ns, end_ns), progress or _silent)
            return await asyncio.to_thread(_trial, run.found, time.monotonic() - began)

    async def record(self, draft: UseDraft, start_ns: int, end_ns: int) -> bytes:
        """The stored inputs of a use as udf/recorded.py has them. Raises as `try_out`, and
        ConfigError when there are none."""
        _check_range(start_ns, end_ns)
        spec = await self._starts.spec(draft)
        bindings = await self._bindings(draft, spec)
        recorded = RecordedValues(spec.inputs, bindings)
        async with self._turns, aclosing(self._read(bindings, start_ns, end_ns)) as stretches:
            async for stretch in stretches:
                if stretch.end_ns > start_ns:  # what was before is not of the range
                    await asyncio.to_thread(recorded.add, stretch.frames)
        if not recorded.rows:
            raise ConfigError(
                "There are no stored values of these inputs in this range.",
                hint="Choose a time in which the gateway ran.",
                path="range",
            )
        return recorded.content()

    def _read(self, bindings: Bindings, start_ns: int, end_ns: int) -> Stretches:
        ids = sorted({tag.id for tags in bindings.inputs.values() for tag in tags})
        return self._rows.stretches(ids, start_ns, end_ns)

    async def _run(
        self,
        run: TrialRun,
        in_thread: Callable[..., Any],
        bindings: Bindings,
        span: tuple[int, int],
        progress: Progress,
    ) -> None:
        start_ns, end_ns = span
        until = time.monotonic() + self._max_s
        places = _places(bindings)
        async with aclosing(self._read(bindings, start_ns, end_ns)) as stretches:
            async for stretch in stretches:
                if stretch.end_ns > start_ns:
                    _collect(run.found.before, places, stretch)
                await in_thread(run.take, stretch.frames, start_ns)
                progress(stretch.end_ns - start_ns, end_ns - start_ns)
                if run.ended:
                    return
                if time.monotonic() > until:
                    words = f"The trial was ended after {self._max_s:.0f} s; the rest is missing."
                    run.say("stopped", words, stretch.end_ns)
                    return

    async def _bindings(self, draft: UseDraft, spec: FunctionSpec) -> Bindings:
        """Raises ConfigErrors with the path `inputs.<name>`."""
        try:  # which version it is makes no difference to its tags
            config = FunctionConfig(
                function=spec.name, inputs={name: tuple(ids) for name, ids in draft.inputs.items()}
            )
        except ValidationError as error:
            raise ConfigErrors(explain(error)) from error
        ids = sorted({tag_id for found in config.inputs.values() for tag_id in found})
        plant = plant_of((), await self._store.tags(tag_ids=ids))
        problems = check_use(config, spec, plant)
        if problems:
            raise ConfigErrors(problems)
        return bindings_of(config, spec, plant, draft.name)


def _check_range(start_ns: int, end_ns: int) -> None:
    if not -(2**62) <= start_ns < end_ns <= 2**62:
        raise ConfigError(
            "The range has no length.", hint="Choose an end after its start.", path="range"
        )


@asynccontextmanager
async def _thread(run: TrialRun) -> AsyncIterator[Callable[..., Any]]:
    """Calls in a thread, one at a time. A trial that is cancelled or fails takes the function's
    process with it at once, so that the thread comes back."""
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(2, "trial")  # the other one ends what hangs

    async def call(work: Callable[..., T], *arguments: Any) -> T:
        return await loop.run_in_executor(pool, work, *arguments)

    try:
        yield call
        await call(run.close)
    except BaseException:
        pool.submit(run.abort)
        raise
    finally:
        pool.shutdown(wait=False)


def _places(bindings: Bindings) -> dict[int, list[Place]]:
    """Where the values of a tag are drawn: at each input that it stands at."""
    places: dict[int, list[Place]] = {}
    for name, tags in bindings.inputs.items():
        for tag in tags:
            places.setdefault(tag.id, []).append(Place(name, tag.name, tag.unit))
    return places


def _collect(curves: Curves, places: Mapping[int, Sequence[Place]], stretch: Stretch) -> None:
    for frame in stretch.frames:
        for at, tag_id in enumerate(frame.tag_ids.tolist()):
            quality = None if frame.quality is None else frame.quality[:, at]
            for place in places[tag_id]:
                curves.add(place, frame.times, np.asarray(frame.values[:, at]), quality)


def _trial(found: Found, seconds: float) -> Trial:
    return Trial(
        before=found.before.thinned(),
        after=found.after.thinned(),
        rows=found.rows,
        values=found.before.values,
        seconds=seconds,
        cpu_s=found.cpu_s,
        faults=tuple(found.faults),
        effects=tuple(found.effects),
        log=tuple(found.log),
    )


def _silent(_done: int, _all: int) -> None:
    return None
