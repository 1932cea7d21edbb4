"""Configures the simulated plant through the REST API, as a person would; no back door."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx

from infra.local.layout import Ports
from infra.local.plant import MACHINES
from schemas.errors import StartError


class Api:
    """A signed-in client of the hub's API. Raises StartError with the hub's own words."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.AsyncClient(base_url=f"{base_url}/api/v1", timeout=30.0)

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def healthy(self) -> bool:
        """True when the hub answers and its database and nats-server are there."""
        try:
            answer = await self._client.get("/health")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and answer.json().get("status") in ("ok", "degraded")

    async def login(self, user: str, password: str) -> None:
        found = await self.post("/login", {"name": user, "password": password})
        self._client.headers["Authorization"] = f"Bearer {found['token']}"

    async def get(self, path: str, **query: Any) -> Any:
        return _checked(await self._client.get(path, params=query))

    async def post(self, path: str, body: Any = None) -> Any:
        return _checked(await self._client.post(path, json=body))


def _checked(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else None
    raise StartError(f"The hub refused {answer.request.url.path}: {answer.text[:500]}")


def connections(ports: Ports) -> dict[str, dict[str, Any]]:
    """Connection settings of each machine's driver."""
    return {
        "modbus": {"driver": "modbus", "host": "127.0.0.1", "port": ports.modbus},
        "s7": {"driver": "s7", "host": "127.0.0.1", "port": ports.s7},
        "opcua": {
            "driver": "opcua",
            "endpoint": f"opc.tcp://127.0.0.1:{ports.opcua}",
            "security": "None",  # the simulated server is on this machine
        },
    }


async def make_spoke(api: Api, name: str) -> str:
    """Make the gateway and return its credentials file; both work again after an interruption."""
    known = {spoke["name"]: spoke for spoke in await api.get("/spokes")}
    spoke = known.get(name) or await api.post(
        "/spokes", {"name": name, "description": "Bottling line 1 (simulated)"}
    )
    found = await api.post(f"/spokes/{spoke['id']}/credentials")
    return str(found["credentials"])


async def make_devices(
    api: Api, spoke: str, settings_of: Mapping[str, dict[str, Any]]
) -> list[str]:
    """Make the devices of the plant that are not there yet, each with all its tags; their names.

    `settings_of` has the connection settings of each machine by its driver.
    """
    spoke_id = next(item["id"] for item in await api.get("/spokes") if item["name"] == spoke)
    known = {device["name"] for device in await api.get("/devices", spoke_id=spoke_id)}
    made = []
    for driver, settings in settings_of.items():
        machine = MACHINES[driver]()
        if machine.name in known:
            continue
        device = {
            "name": machine.name,
            "connection": settings,
            "description": machine.description,
            "groups": machine.groups(),
            "tags": machine.tags(),
        }
        await api.post(f"/spokes/{spoke_id}/devices", device)
        made.append(machine.name)
    return made
