"""Sources of functions, and devices for them to work on."""

from __future__ import annotations

from typing import Any

import httpx

LEVEL = '''
"""Volume in a tank."""
from udf import Function, Input, Output, Parameters
from pydantic import Field


class VolumeParameters(Parameters):
    area: float = Field(default=2.0, gt=0)


class Volume(Function[VolumeParameters]):
    """Volume in a tank, from its level."""

    name, version = "volume", "{version}"
    Params = VolumeParameters
    inputs = ({inputs})
    outputs = ({outputs})

    def process(self, batch, ctx):
        return {{"volume": batch["level"].values * ctx.params.area}}
'''
INPUTS = 'Input("level", unit="m"),'
OUTPUTS = 'Output("volume", unit="m3"),'


def volume(version: str = "1.0.0", inputs: str = INPUTS, outputs: str = OUTPUTS) -> str:
    return LEVEL.format(version=version, inputs=inputs, outputs=outputs)


MIRROR = '''
from udf import Function, Input, Output, Parameters


class Mirror(Function[Parameters]):
    """The same values again."""

    name, version = "mirror", "{version}"
    inputs = (Input("values", many=True),)
    outputs = (Output("same", per="values"),)

    def process(self, batch, ctx):
        return {{"same": batch["values"].values}}
'''


def mirror(version: str = "1.0.0") -> str:
    return MIRROR.format(version=version)


async def good(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def paths(answer: httpx.Response, status: int = 422) -> list[str]:
    """Where the problems are."""
    assert answer.status_code == status, answer.text
    return [item["path"] for item in answer.json()["problems"]]


async def make_tank(engineer: httpx.AsyncClient, spoke_id: int, **more: Any) -> dict[str, int]:
    """A device with tags of every kind; their ids by name."""
    body = {
        "name": "Tank",
        "connection": {"driver": "sim"},
        "tags": [
            {"name": "level", "address": "wave", "data_type": "float32", "unit": "m"},
            {"name": "pressure", "address": "wave", "data_type": "float32", "unit": "bar"},
            {"name": "count", "address": "counter", "data_type": "int32"},
            {"name": "running", "address": "state", "data_type": "bool"},
            {"name": "recipe", "address": "state", "data_type": "string"},
            {"name": "quick", "address": "wave", "data_type": "float32", "store": False},
            {"name": "setpoint", "address": "wave", "data_type": "float32", "access": "rw"},
        ],
        **more,
    }
    device = await good(await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=body), 201)
    tags = await good(await engineer.get("/api/v1/tags", params={"device_id": device["id"]}))
    return {tag["name"]: tag["id"] for tag in tags}


async def tags_of(client: httpx.AsyncClient, device_id: int) -> dict[str, dict[str, Any]]:
    """The tags of a use by address."""
    found = await good(await client.get("/api/v1/tags", params={"device_id": device_id}))
    return {tag["address"]: tag for tag in found}


async def save(engineer: httpx.AsyncClient, source: str) -> None:
    """A new version."""
    await good(await engineer.post("/api/v1/functions", json={"source": source}), 201)


def use_of_volume(tags: dict[str, int], **more: Any) -> dict[str, Any]:
    """The body of a use of `volume` 1.0.0 on the tank."""
    return {
        "name": "Tank volume",
        "function": "volume",
        "version": "1.0.0",
        "parameters": {"area": 3.0},
        "inputs": {"level": [tags["level"]]},
    } | more
