"""A function in a process of its own, seen from outside: the Executor of a package."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from schemas.config.functions import LimitsConfig
from schemas.functions import Bindings, Fault, FunctionSpec
from udf.base import Batch
from udf.engine import Emission
from udf.faults import FunctionFault
from udf.process.arena import MAX_RESULT_BYTES, MAX_RESULT_TEXTS, Reader, Writer
from udf.process.channel import GarbageError, GoneError, LateError, pack
from udf.process.deaths import crash, fault_from
from udf.process.dump import drained, place
from udf.process.emissions import take_emission
from udf.process.environment import Environment
from udf.process.load import Load
from udf.process.requests import put_batch, put_bindings
from udf.process.started import Started, start

START_S = 20.0
_DUMP_S = 0.3
_DEATH_S = 1.0
_CONTAINED = ("memory", "network", "files", "processes")
_SPEC: TypeAdapter[FunctionSpec] = TypeAdapter(FunctionSpec)


class FunctionProcess:
    """FunctionProcess(environment, limits): starts at once, within 20 s.

    Raises FunctionFault of kind start when the function cannot be loaded, with the line. Calls may
    come from any thread, one at a time; `close` may come at any time.
    """

    def __init__(self, environment: Environment, limits: LimitsConfig) -> None:
        self._environment, self._limits = environment, limits
        self._bindings: dict[int, Bindings] = {}
        self._turn = Lock()
        self._key: int | None = None
        self._now_ns = 0
        self._spec = FunctionSpec(environment.name, environment.version)
        self._contained: tuple[str, ...] = ()
        self.alive = False
        """False when its process has ended; then it is closed and made anew."""
        try:
            self._started: Started = start(environment, limits.memory_mb)
        except OSError as error:
            raise self._fault(Fault("start", f"no process can be started: {error}")) from error
        self.alive = True
        self._load = Load(self._started.process.pid, limits.cpu_percent)
        with self._turn:
            self._meet()

    @property
    def spec(self) -> FunctionSpec:
        return self._spec

    @property
    def pid(self) -> int:
        return self._started.process.pid

    @property
    def cpu_s(self) -> float:
        return self._load.cpu_s

    @property
    def memory_bytes(self) -> int:
        return self._load.memory_bytes if self.alive else 0

    @property
    def contained(self) -> tuple[str, ...]:
        return self._contained

    def open(
        self, key: int, parameters: Mapping[str, Any], bindings: Bindings, state: bytes | None
    ) -> None:
        with self._turn:
            self._key = key
            self._bindings[key] = bindings
            writer = Writer()
            request = {
                "do": "open",
                "key": key,
                "parameters": dict(parameters),
                "bindings": put_bindings(bindings),
                "state": None if state is None else writer.add_bytes(state),
            }
            self._ask(request, writer, START_S)

    def drop(self, key: int) -> None:
        with self._turn:
            self._key = key
            self._bindings.pop(key, None)
            self._ask({"do": "drop", "key": key}, Writer(), START_S)

    def process(self, key: int, batch: Batch) -> Emission:
        with self._turn:
            self._key, self._now_ns = key, int(batch.times[-1]) if len(batch) else 0
            writer = Writer()
            request = {"do": "process", "key": key, **put_batch(batch, writer)}
            reply = self._ask(request, writer, self._limits.batch_s)
            try:
                bindings = self._bindings.get(key, Bindings())
                emission = take_emission(reply, self._reader(reply), self._spec, bindings)
            except ValueError as error:
                self._end(Fault("crash", f"its answer is not one: {error}"))
            if too_much := self._load.too_much():
                self._end(Fault("overrun", too_much))
            return emission

    def snapshot(self, key: int) -> bytes:
        with self._turn:
            self._key = key
            reply = self._ask({"do": "snapshot", "key": key}, Writer(), self._limits.batch_s)
            try:
                return self._reader(reply).take_bytes(reply.get("state"))
            except ValueError as error:
                self._end(Fault("crash", f"its state is not one: {error}"))

    def close(self) -> None:
        self.alive = False
        self._started.kill()  # a call in another thread comes back at once
        with self._turn:
            self._started.end()

    # --- one question ---------------------------------------------------------------------------
    def _meet(self) -> None:
        """What it says first: what holds it, before any code of the package, then what it is."""
        try:
            deadline = time.monotonic() + START_S
            held = self._receive(deadline, START_S, "start").get("contained")
            self._contained = tuple(name for name in _CONTAINED if name in (held or ()))
            reply = self._receive(deadline, START_S, "start")
            spec, known = _SPEC.validate_python(reply.get("spec")), self._environment
            self._spec = replace(
                spec, name=known.name or spec.name, version=known.version or spec.version
            )
        except (ValidationError, TypeError) as error:
            self._end(Fault("start", f"what it declares cannot be read: {error}"[:500]))
        except FunctionFault:
            self._stop()
            raise

    def _ask(self, request: dict[str, Any], writer: Writer, limit_s: float) -> dict[str, Any]:
        if not self.alive:
            raise self._fault(Fault("crash", "its process has ended"))
        deadline = time.monotonic() + limit_s
        try:
            writer.write(self._started.inward)
            message = pack({**request, "size": writer.size})
            self._started.channel.send(message, deadline)
        except LateError:
            self._late(limit_s, "overrun")
        except GoneError:
            self._gone("crash")
        except OSError as error:
            self._end(Fault("memory", f"there is no memory for its batch: {error}"))
        return self._receive(deadline, limit_s, "overrun")

    def _receive(self, deadline: float, limit_s: float, kind: str) -> dict[str, Any]:
        try:
            reply = self._started.channel.receive(deadline)
        except LateError:
            self._late(limit_s, kind)
        except GoneError:
            self._gone("start" if kind == "start" else "crash")
        except GarbageError as error:
            self._end(Fault("crash", f"its answer is not one: {error}"))
        if (found := reply.get("fault")) is not None:
            fault = fault_from(found)
            if fault.kind == "memory":
                limit = f" (it may have {self._limits.memory_mb} MB)"
                self._end(replace(fault, message=fault.message.removesuffix(": ") + limit))
            raise self._fault(fault)
        return reply

    def _reader(self, reply: Mapping[str, Any]) -> Reader:
        size = reply.get("size")
        if type(size) is not int or not 0 <= size <= MAX_RESULT_BYTES:
            raise ValueError(f"a size of {size!r:.100}")
        return Reader(self._started.outward, size, MAX_RESULT_TEXTS)

    # --- the end --------------------------------------------------------------------------------
    def _late(self, limit_s: float, kind: str) -> NoReturn:
        started = self._started
        drained(started.dump)  # what was written before is of something else
        os.kill(started.process.pid, signal.SIGUSR1)
        file, line = place(drained(started.dump, _DUMP_S), self._environment.home)
        message = f"it took longer than {limit_s:g} s"
        self._end(Fault(kind, message, line=line, file=file))

    def _gone(self, kind: str) -> NoReturn:
        """It closed its pipe, mostly because it died."""
        started = self._started
        died = started.ended_within(_DEATH_S)
        dump = drained(started.dump)
        self._end(crash(started.end() if died else None, dump, self._environment.home, kind))

    def _end(self, fault: Fault) -> NoReturn:
        self._stop()
        raise self._fault(fault)

    def _stop(self) -> None:
        self.alive = False
        self._started.end()

    def _fault(self, fault: Fault) -> FunctionFault:
        """With what only this side knows for certain."""
        bindings = Bindings() if self._key is None else self._bindings.get(self._key, Bindings())
        names = [tag.name for tags in bindings.outputs.values() for tag in tags]
        spec = self._spec
        known = replace(
            fault,
            function=spec.name,
            version=spec.version,
            tags=tuple(names[:20]),
            time_ns=fault.time_ns or self._now_ns,
        )
        return FunctionFault(known)
