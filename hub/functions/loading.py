"""Packages loaded here in the hub, in a sandboxed process of their own as on a gateway.

To learn what a package declares, and whether a use's parameters suit it. Two at a time, so that a
plant that saves many functions does not take the hub's processor.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from schemas.config.functions import LimitsConfig
from schemas.errors import ConfigError, SpindleError
from schemas.functions import Bindings, Fault, FunctionSpec
from udf.faults import FunctionFault
from udf.process.environment import Environment, prepare
from udf.process.parent import FunctionProcess

AT_ONCE = 2
STRICT = LimitsConfig(memory_mb=256, batch_s=5.0, cpu_percent=100.0)
"""For a package that nobody has deployed yet."""
_KEY = 1
_PYDANTIC = re.compile(r"^(\S[^\n]*)\n  (\S[^\n]*?) \[type=", re.MULTILINE)

T = TypeVar("T")


class Loader:
    """Loader(folder): environments of saved packages are kept in `folder`, by SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def spec(self, bundle: bytes) -> FunctionSpec:
        """What it declares. Nothing stays on disk, because it may be wrong.

        Raises FunctionFault when it cannot be loaded, ConfigError for a bundle that does not fit.
        """
        return await self._run(_declared, bundle, self._folder)

    async def problems(
        self, bundle: bytes, parameters: Mapping[str, Any], bindings: Bindings
    ) -> list[SpindleError]:
        """What is wrong with a use: at `parameters.<name>`, or at `version` with the package."""
        return await self._run(_opened, bundle, self._folder, parameters, bindings)

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        async with self._turns:
            return await asyncio.to_thread(work, *arguments)


def environment_of(bundle: bytes, folder: Path) -> Environment:
    """Of a saved package, ready to run; blocks. Raises ConfigError."""
    folder.mkdir(parents=True, exist_ok=True)
    return prepare(bundle, folder)


def parameter_problems(fault: Fault) -> Iterator[SpindleError]:
    """The fields that pydantic named, else the fault as a whole. `start` faults of `open` only."""
    text = fault.traceback or fault.message
    found = _PYDANTIC.findall(text) if "ValidationError" in text else []
    for place, message in found:
        words = message.removeprefix("Value error, ")
        yield ConfigError(f"{place}: {words}", path=f"parameters.{place.strip()}")
    if not found:
        yield ConfigError(fault.words, hint="Look at the function's setup.", path="parameters")


def _declared(bundle: bytes, folder: Path) -> FunctionSpec:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=folder) as once:
        process = FunctionProcess(prepare(bundle, Path(once)), STRICT)
        try:
            return process.spec
        finally:
            process.close()


def _opened(
    bundle: bytes, folder: Path, parameters: Mapping[str, Any], bindings: Bindings
) -> list[SpindleError]:
    try:
        process = FunctionProcess(environment_of(bundle, folder), STRICT)
    except FunctionFault as error:
        return [ConfigError(error.fault.words, hint="Choose another version.", path="version")]
    except ConfigError as error:  # a wheel for another system than this one
        return [ConfigError(error.message, hint=error.hint, path="version")]
    try:
        process.open(_KEY, parameters, bindings, None)
    except FunctionFault as error:
        return list(parameter_problems(error.fault))
    finally:
        process.close()
    return []
