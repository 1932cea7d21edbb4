"""Where a trial gets its function from: built-ins run here, packages in a sandboxed process."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hub.function_records import UseDraft
from hub.functions.catalogue import Catalogue
from hub.functions.loading import environment_of
from hub.functions.sources import bundle_of, refused
from hub.functions.trials import Ready
from schemas.config.functions import LimitsConfig
from schemas.functions import FunctionSpec
from udf.builtins import builtin
from udf.execution import Executor, InProcess
from udf.process.environment import Environment, prepare
from udf.process.parent import FunctionProcess

_MOST_CPU = 400.0


class CatalogueStarts:
    """CatalogueStarts(catalogue, folder): implements hub.functions.trials.Starts. `folder` is that
    of the Loader, where saved packages lie ready."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        self._catalogue = catalogue
        self._folder = folder

    async def spec(self, draft: UseDraft) -> FunctionSpec:
        return (await self._catalogue.version(draft.function, draft.version)).spec

    @asynccontextmanager
    async def of(self, draft: UseDraft, source: str | None) -> AsyncIterator[Ready]:
        if source is not None:
            async with self._of_source(draft, source) as ready:
                yield ready
            return
        version = await self._catalogue.version(draft.function, draft.version)
        if not version.package:
            kind = await asyncio.to_thread(builtin, version.spec.name)
            yield Ready(version.spec, lambda: InProcess(kind))
            return
        bundle = await self._catalogue.bundle(version.package)
        environment = await asyncio.to_thread(environment_of, bundle, self._folder)
        yield Ready(version.spec, lambda: _process(environment, draft.limits))

    @asynccontextmanager
    async def _of_source(self, draft: UseDraft, source: str) -> AsyncIterator[Ready]:
        """Nothing of a source that is not saved stays on disk."""
        checked = await self._catalogue.check(source)
        if checked.spec is None:
            raise refused(checked.problems)
        bundle = bundle_of(source, checked.spec)
        once = tempfile.TemporaryDirectory(prefix="spindle-trial-", ignore_cleanup_errors=True)
        try:
            environment = await asyncio.to_thread(prepare, bundle, Path(once.name))
            yield Ready(checked.spec, lambda: _process(environment, draft.limits))
        finally:
            await asyncio.to_thread(once.cleanup)


def _process(environment: Environment, limits: LimitsConfig) -> Executor:
    """A day in a minute takes all of a core, so only the time of a batch and memory count here."""
    return FunctionProcess(environment, limits.model_copy(update={"cpu_percent": _MOST_CPU}))
