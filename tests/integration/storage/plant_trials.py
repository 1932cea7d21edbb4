"""Stored values for trials, and a function of many tags that runs in the test itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from hub.function_records import Trial, UseDraft
from hub.functions.trials import Ready
from hub.storage.config import ConfigStore
from hub.storage.telemetry import Stored, TelemetryStore
from schemas.config.devices import TagConfig
from schemas.frames import Batch as Message
from schemas.frames import Frame
from schemas.functions import FunctionSpec, Input, Output
from schemas.kinds import Kind
from udf.base import Batch, Column, Function
from udf.context import Context
from udf.execution import InProcess, spec_of

SECOND = 10**9
START = 1_770_000_000 * SECOND


class Sum(Function[Any]):
    """Sums many tags, counts words."""

    name, version = "sum", "1.0.0"
    inputs = (Input("many", many=True), Input("word", Kind.TEXT, trigger=False, required=False))
    outputs = (Output("sum"), Output("twice", per="many"), Output("said", Kind.TEXT))

    def process(self, batch: Batch, ctx: Context) -> dict[str, Any]:
        values = batch["many"].values.astype(float)
        return {
            "sum": values.sum(axis=1),
            "twice": values * 2,
            "said": Column(batch["word"].values, batch["word"].quality),
        }


class Known:
    """Starts of a class of this test."""

    async def spec(self, draft: UseDraft) -> FunctionSpec:
        return spec_of(Sum)

    @asynccontextmanager
    async def of(self, draft: UseDraft, source: str | None) -> AsyncIterator[Ready]:
        yield Ready(spec_of(Sum), lambda: InProcess(Sum))


async def make_tags(config: ConfigStore, kinds: list[str]) -> tuple[int, list[int]]:
    types = {"float": "float32", "int": "int32", "bool": "bool", "text": "string"}
    spoke = await config.insert_spoke("line-1")
    device = await config.insert_device(spoke.spoke_id, "plc", {})
    made = [
        (
            f"t{number}",
            TagConfig(name=f"t{number}", address="x", data_type=types[kind], unit="bar").model_dump(
                mode="json"
            ),
            kind,
        )
        for number, kind in enumerate(kinds)
    ]
    tags = await config.insert_tags(device.device_id, made)
    return spoke.spoke_id, [tag.tag_id for tag in tags]


def scan(ids: list[int], start: int, values: Any, quality: Any = None) -> Frame:
    """Rows a second apart."""
    array = np.asarray(values)
    times = START + (start + np.arange(len(array), dtype=np.int64)) * SECOND
    codes = None if quality is None else np.array(quality, dtype=np.uint8)
    return Frame(np.array(ids, dtype=np.int32), times, array, codes)


def events(tag: int, events: list[tuple[float, Any]], dtype: Any) -> Frame:
    times = np.array([[START + int(at * SECOND) for at, _ in events]], dtype=np.int64)
    values = np.array([[value for _, value in events]], dtype=dtype)
    ids = np.full(len(events), tag, dtype=np.int32)
    return Frame(ids, times[0, -1:], values, None, times)


async def store_frames(store: TelemetryStore, spoke: int, *frames: Frame) -> None:
    await store.open_position(spoke, "e", START, 1)
    await store.store(spoke, "e", 0, [Stored(1, START, Message("w0", 1, START, frames))])


def span(first: float, last: float) -> tuple[int, int]:
    return START + int(first * SECOND), START + int(last * SECOND)


def curve_of(trial: Trial, port: str, name: str = "") -> list[tuple[float, Any, int]]:
    (curve,) = [c for c in trial.after if c.port == port and name in ("", c.name)]
    times = [(time_ns - START) / SECOND for time_ns in curve.times_ns]
    return list(zip(times, curve.values, curve.quality, strict=True))
