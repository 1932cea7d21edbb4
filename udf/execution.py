"""Where a function runs: in this process (built-ins), or in one of its own (packages)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from schemas.functions import Bindings, FunctionSpec
from udf.base import Batch, Function
from udf.engine import Emission, Engine


class Executor(Protocol):
    """One function (package and version) with any number of uses, told apart by `key`.

    Every method but `close` blocks and raises FunctionFault; one call at a time. After a fault of
    kind overrun, memory or crash the executor is dead, with all its uses: `alive` is False, and it
    is closed and made anew.
    """

    @property
    def spec(self) -> FunctionSpec: ...

    @property
    def alive(self) -> bool: ...

    def open(
        self, key: int, parameters: Mapping[str, Any], bindings: Bindings, state: bytes | None
    ) -> None:
        """Make a use, with the state of an earlier `snapshot` where there is one."""

    def drop(self, key: int) -> None:
        """The use is gone."""

    def process(self, key: int, batch: Batch) -> Emission: ...

    def snapshot(self, key: int) -> bytes: ...

    def close(self) -> None:
        """End it at once. Never raises."""

    @property
    def cpu_s(self) -> float:
        """CPU seconds of its process, 0 where it has none of its own."""

    @property
    def memory_bytes(self) -> int: ...

    @property
    def contained(self) -> tuple[str, ...]:
        """What holds it: `memory`, `network`, `files`, `processes`; empty for a built-in."""


class InProcess:
    """The Executor of a built-in, and of tests."""

    alive = True
    cpu_s = 0.0
    memory_bytes = 0
    contained: tuple[str, ...] = ()

    def __init__(self, kind: type[Function[Any]]) -> None:
        self._kind = kind
        self._engines: dict[int, Engine] = {}

    @property
    def spec(self) -> FunctionSpec:
        return spec_of(self._kind)

    def open(
        self, key: int, parameters: Mapping[str, Any], bindings: Bindings, state: bytes | None
    ) -> None:
        engine = Engine(self._kind, parameters, bindings)
        if state is not None:
            engine.restore(state)
        self._engines[key] = engine

    def drop(self, key: int) -> None:
        self._engines.pop(key, None)

    def process(self, key: int, batch: Batch) -> Emission:
        return self._engines[key].process(batch)

    def snapshot(self, key: int) -> bytes:
        return self._engines[key].snapshot()

    def close(self) -> None:
        self._engines.clear()


def spec_of(kind: type[Function[Any]]) -> FunctionSpec:
    """What a function class declares."""
    title = kind.title or kind.name.replace("_", " ").capitalize()
    return FunctionSpec(
        name=kind.name,
        version=kind.version,
        title=title,
        description=" ".join((kind.__doc__ or "").split()),
        inputs=tuple(kind.inputs),
        outputs=tuple(kind.outputs),
        writes=tuple(kind.writes),
        parameters=kind.Params.model_json_schema(),
    )
