"""The whole way of a write: API, hub, NATS, a gateway's process, Modbus, and back."""

from __future__ import annotations

import sys
from dataclasses import replace

import nats
import pytest
from fastapi import FastAPI

from hub.api import mount
from hub.fleet.commands import CommandService
from hub.fleet.presence import PresenceService
from hub.fleet.profiles import ProfileService
from hub.fleet.remote import RemoteService
from hub.fleet.rpc import Rpc
from hub.fleet.service import FleetService
from schemas import subjects
from schemas.connection import options
from schemas.kinds import DataType
from spoke.drivers.modbus.simulator import ModbusSimulator
from spoke.drivers.sim.signals import Signal
from tests.servers import PASSWORD, SPOKE, Program, eventually, spoke_server


@pytest.fixture
async def plc():
    simulator = ModbusSimulator(
        [
            Signal("setpoint", "HR:0", DataType.FLOAT32, lambda _: 0.0),
            Signal("percent", "HR:2", DataType.INT16, lambda _: 0),
            Signal("start", "CO:0", DataType.BOOL, lambda _: False),
        ]
    )
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def server(tmp_path):
    async with spoke_server(tmp_path) as server:
        yield server


@pytest.fixture
async def gateway(hub, server, tmp_path):
    """The gateway's process on the nats-server, and the hub's services over it."""
    url = f"nats://127.0.0.1:{server.port}"
    client = await nats.connect(
        url, user="agent", password=PASSWORD, **options("hub", subjects.hub_inbox("hub"))
    )
    rpc, presence = Rpc(client), PresenceService()
    await rpc.start()
    await presence.start(client)
    commands = CommandService(client, rpc, None)
    fleet = FleetService(hub.store, presence, commands)
    await commands.answer_handshakes(fleet.manifest)
    hub.app = FastAPI()
    hub.services = replace(
        hub.services,
        fleet=fleet,
        remote=RemoteService(hub.store, presence, commands),
        profiles=ProfileService(hub.store, presence, commands),
    )
    mount(hub.app, hub.services)
    (tmp_path / "data").mkdir()
    (tmp_path / "password").write_text(PASSWORD)
    settings = {
        "NAME": SPOKE,
        "DATA_DIR": str(tmp_path / "data"),
        "NATS_URL": url,
        "NATS_PASSWORD_FILE": str(tmp_path / "password"),
        "WORKERS": "1",
        "STREAM_MAX_BYTES": str(32 * 1024**2),
    }
    env = {f"SPINDLE_SPOKE_{name}": value for name, value in settings.items()}
    spoke = Program([sys.executable, "-m", "spoke.app"], tmp_path / "spoke.log", env)
    spoke.start()
    yield spoke
    spoke.stop()
    await client.close()


async def test_from_the_api_to_the_register_and_back(hub, gateway, plc, engineer, spoke_id):
    group = {"name": "normal", "period_ms": 50}
    body = {
        "name": "Filler",
        "connection": {"driver": "modbus", "host": "127.0.0.1", "port": plc.port},
        "groups": [group],
        "tags": [
            {"name": "setpoint", "address": "HR:0", "access": "rw", "write_high": 100},
            {
                "name": "percent", "address": "HR:2", "data_type": "int16", "access": "rw",
                "raw_low": 0, "raw_high": 27648, "low": 0, "high": 100,
            },
            {"name": "start", "address": "CO:0", "data_type": "bool", "access": "rw"},
        ],
    }  # fmt: skip
    async with hub.client(await hub.access.login("admin", hub.admin_password)) as client:
        made = await client.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
        assert made.status_code == 201, made.text
        path = f"/api/v1/devices/{made.json()['id']}"
        tags = (await client.get("/api/v1/tags")).json()
        setpoint, percent, start = (tag["id"] for tag in tags)

        async def runs() -> bool:
            health = (await client.get(path)).json()["health"]
            return bool(health and health["state"] == "running")

        await eventually(runs, what=f"the device runs, see {gateway.log}")
        values = {setpoint: 42.5, percent: 50, start: True}
        answer = await client.post(f"{path}/write", json={"values": values})
        assert answer.status_code == 200, answer.text
        found = {item["tag_id"]: item for item in answer.json()["results"]}
        assert {item["state"] for item in found.values()} == {"verified"}, found
        assert {number: item["read_back"] for number, item in found.items()} == {
            setpoint: 42.5,
            percent: 50.0,
            start: True,
        }
        too_much = await client.post(f"{path}/write", json={"values": {setpoint: 101}})
        assert too_much.status_code == 422

        diagnosis = (await client.get(f"{path}/diagnosis")).json()
        assert diagnosis["health"]["state"] == "running"
        assert sum(item["request_count"] for item in diagnosis["groups"]) >= 1
        traced = await client.post(f"{path}/trace", json={"seconds": 30})
        assert traced.json()["tracing"] is True

        async def exchanges() -> int:
            return len((await client.get(f"{path}/diagnosis")).json()["trace"])

        await eventually(exchanges, what="the trace fills")
        nothing = {"connection": body["connection"]}
        refused = await client.post(f"/api/v1/spokes/{spoke_id}/browse", json=nothing)
        assert refused.status_code == 422, refused.text
        audits = [row for row in await hub.store.audits() if row.action.startswith("device.writ")]
        assert [row.action for row in audits] == ["device.written", "device.write"]
