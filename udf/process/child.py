"""A function's process, from inside: closes itself in, loads the function, and answers.

Standard error is the pipe on which faulthandler tells the parent the line of a crash, and of a loop
that the parent asks for with SIGUSR1: it is written without Python, so also out of a C loop.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from schemas.functions import Fault
from udf.engine import Emission, Engine
from udf.faults import FunctionFault, fault_of
from udf.process import sandbox
from udf.process.arena import MAX_RESULT_BYTES, Reader, Writer
from udf.process.channel import MAX_REPLY_BYTES, MAX_REQUEST_BYTES, Channel, GoneError, pack
from udf.process.deaths import EXIT_GONE, EXIT_MEMORY
from udf.process.emissions import MAX_LINES, put_emission
from udf.process.entry import load
from udf.process.printed import Printed
from udf.process.requests import take_batch, take_bindings

_KEPT_LINES = 50


def run(arguments: Mapping[str, Any]) -> None:
    """Never returns. `arguments` are those that the parent has put together."""
    # Only the thread it concerns: of many threads faulthandler writes the newest hundred.
    faulthandler.enable(all_threads=False)
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    channel = Channel(arguments["requests"], arguments["replies"], MAX_REQUEST_BYTES)
    try:
        _serve(channel, arguments)
    except MemoryError:
        os._exit(EXIT_MEMORY)
    except GoneError:
        os._exit(EXIT_GONE)


def _serve(channel: Channel, arguments: Mapping[str, Any]) -> None:
    contained = sandbox.apply(arguments["memory_mb"], arguments["readable"], arguments["parent"])
    _close_others({arguments[name] for name in ("requests", "replies", "inward", "outward")})
    channel.send(pack({"contained": contained}))
    sys.stdout = sys.stderr = printed = Printed()
    sys.path.extend(arguments["paths"])
    home = arguments["home"]
    try:
        kind, spec = load(arguments["entry"], arguments["name"], arguments["version"], home)
    except FunctionFault as error:
        channel.send(pack({"fault": asdict(error.fault)}))
        os._exit(0)
    work = Work(kind, home, arguments["inward"], arguments["outward"], printed)
    channel.send(_message({"spec": asdict(spec)}))
    while True:
        channel.send(work.answer(channel.receive()))


def _close_others(kept: set[int]) -> None:
    """Nothing else stays open for the function, be it of a library or of the sandbox."""
    for descriptor in set(range(3, max(kept) + 64)) - kept:
        with suppress(OSError):
            os.close(descriptor)


class Work:
    """The uses of the function, and what they are asked."""

    def __init__(self, kind: Any, home: str, inward: int, outward: int, printed: Printed) -> None:
        self._kind, self._home = kind, home
        self._inward, self._outward = inward, outward
        self._printed = printed
        self._engines: dict[int, Engine] = {}
        self._verbs = {
            "open": self._open,
            "drop": self._drop,
            "process": self._process,
            "snapshot": self._snapshot,
        }

    def answer(self, request: Mapping[str, Any]) -> bytes:
        """The reply to a request. Whatever the function raises is a fault in it."""
        try:
            return _message(self._verbs[request["do"]](request))
        except FunctionFault as error:
            fault = error.fault
        except BaseException as error:  # noqa: BLE001 - SystemExit ends a batch, not the process
            fault = fault_of(error, "exception", self._home)
        return pack({"fault": asdict(fault)})

    def _open(self, request: Mapping[str, Any]) -> dict[str, Any]:
        engine = Engine(self._kind, request["parameters"], take_bindings(request["bindings"]))
        if request["state"] is not None:
            reader = Reader(self._inward, request["size"])
            engine.restore(reader.take_bytes(request["state"]))
        self._engines[request["key"]] = engine
        return {}

    def _drop(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._engines.pop(request["key"], None)
        return {}

    def _process(self, request: Mapping[str, Any]) -> dict[str, Any]:
        batch = take_batch(request, Reader(self._inward, request["size"]))
        made = self._engines[request["key"]].process(batch)
        lines = (*made.log, *self._printed.lines(int(batch.times[-1]) if len(batch) else 0))
        writer = Writer()
        try:
            reply = put_emission(Emission(made.columns, made.effects, lines[:MAX_LINES]), writer)
        except ValueError as error:
            raise FunctionFault(Fault("shape", f"an effect cannot be kept: {error}")) from error
        return {**reply, "size": self._sent(writer, "One batch made")}

    def _snapshot(self, request: Mapping[str, Any]) -> dict[str, Any]:
        writer = Writer()
        place = writer.add_bytes(self._engines[request["key"]].snapshot())
        return {"state": place, "size": self._sent(writer, "Its state has")}

    def _sent(self, writer: Writer, what: str) -> int:
        if writer.size > MAX_RESULT_BYTES:
            size, most = writer.size / 1024**2, MAX_RESULT_BYTES >> 20
            raise FunctionFault(Fault("shape", f"{what} {size:,.0f} MB; at most {most}"))
        writer.write(self._outward)
        return writer.size


def _message(reply: dict[str, Any]) -> bytes:
    """A reply that is not too long: without most of its log, or else a fault."""
    try:
        message = pack(reply)
        if len(message) > MAX_REPLY_BYTES:
            message = pack({**reply, "log": reply.get("log", [])[-_KEPT_LINES:]})
    except (TypeError, ValueError, OverflowError) as error:
        raise FunctionFault(Fault("shape", f"an effect cannot be kept: {error}")) from error
    if len(message) > MAX_REPLY_BYTES:
        raise FunctionFault(Fault("shape", f"its effects have {len(message):,} bytes"))
    return message
