"""What the tests of functions on a gateway have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import psutil
from nats.aio.client import Client

from schemas.events import Event
from schemas.frames import Frame
from schemas.functions import Bindings, TagInfo
from schemas.messages.health import FunctionHealth
from tests.integration.spoke.conftest import FakeHub, stored
from tests.integration.spoke.gateway import last_seq
from tests.servers import Program, eventually
from udf.align import Aligner
from udf.builtins import builtin
from udf.engine import Engine
from udf.process.bundle import sha256, source_bundle

USE = 900
OUTPUT = 9001

Series = dict[int, tuple[float, int]]
"""Value and quality by time, ns UTC."""


def use(function: str, inputs: dict[str, list[int]], **fields: Any) -> dict[str, Any]:
    """A use with one output tag, `value` (or per input tag, of one input)."""
    own = fields.pop("device", {})
    connection = {"driver": "function", "function": function, "inputs": inputs, **fields}
    tags = [{"id": OUTPUT, "name": "Out", "address": "value", "data_type": "float64"}]
    return {"id": USE, "name": "Use", "connection": connection, "tags": tags} | own


def package(hub: FakeHub, source: str, name: str, version: str, entry: str) -> dict[str, str]:
    """The fields of a use that name this source; the hub has its bundle from now on."""
    bundle = source_bundle(source, name, version, name, entry)
    hub.bundles[sha256(bundle)] = bundle
    return {"version": version, "package": sha256(bundle)}


def per(tag_id: int) -> dict[str, Any]:
    """The device fields of a use whose output has a tag for each input tag."""
    return {
        "tags": [
            {"id": OUTPUT, "name": "Out", "address": f"value:{tag_id}", "data_type": "float64"}
        ]
    }


def host(spoke: Program) -> psutil.Process | None:
    """The function host's process, None while there is none."""
    for child in psutil.Process(spoke.pid).children():
        try:
            if "spoke.functions.host" in child.cmdline() and child.status() != "zombie":
                return child
        except psutil.NoSuchProcess:
            continue
    return None


async def frames(client: Client, own: bool) -> list[Frame]:
    """In the stream's order: those of functions, or those of workers."""
    return [
        frame
        for batch in await stored(client)
        if batch.producer.startswith("f") is own
        for frame in batch.frames
    ]


async def events(client: Client) -> list[Event]:
    return [event for batch in await stored(client) for event in batch.events]


async def series(client: Client, tag_id: int, own: bool = True) -> Series:
    """Every value of a tag; fails where a time occurs twice. Empty without a stream."""
    found: Series = {}
    if not await last_seq(client):
        return found
    for frame in await frames(client, own):
        at = np.flatnonzero(frame.tag_ids == tag_id)
        if not len(at):
            continue
        quality = np.full(frame.values.shape, 192) if frame.quality is None else frame.quality
        for row, time in enumerate(frame.times.tolist()):
            assert time not in found, f"{time} twice"
            found[time] = float(frame.values[row, at[0]]), int(quality[row, at[0]])
    return found


async def function_health(hub: FakeHub, state: str = "running") -> FunctionHealth:
    """Once the use says that it is in this state."""

    def look() -> FunctionHealth | None:
        found = hub.health.functions if hub.health else ()
        return found[0] if found and found[0].state == state else None

    health = await eventually(look, what=f"the function is {state}")
    assert health is not None
    return health


async def expected(
    client: Client, name: str, parameters: dict[str, Any], tag_id: int, like: Series
) -> Series:
    """What a built-in makes of all values of a tag over the time of `like`, in one go."""
    first_ns, last_ns = min(like), max(like)
    kind = builtin(name)
    tag = TagInfo(tag_id, "Level")
    engine = Engine(kind, parameters, Bindings({"values": (tag,)}, {"value": (tag,)}))
    aligner = Aligner(kind.inputs, {"values": [tag_id]})
    found: Series = {}
    for frame in await frames(client, own=False):
        batch = aligner.take([frame])
        if batch is None or batch.times[-1] < first_ns:
            continue
        start = int(np.searchsorted(batch.times, first_ns))
        column = engine.process(batch.cut(start, len(batch))).columns["value"]
        assert column.times is not None
        rows = zip(
            column.times.tolist(), column.values[:, 0], column.qualities()[:, 0], strict=True
        )
        found |= {
            time: (float(value), int(quality)) for time, value, quality in rows if time <= last_ns
        }
    return found
