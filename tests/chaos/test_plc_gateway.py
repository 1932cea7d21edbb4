"""One dead unit of 32 behind a Modbus TCP gateway, over a real network: what the others pay."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import uvloop

from schemas.config.modbus import ModbusConfig
from schemas.quality import Quality
from spoke.drivers.modbus.breaker import BUDGET
from tests.chaos.plc_device import PlcProcess
from tests.chaos.plc_faults import measuring
from tests.chaos.plc_network import Network, missing, network
from tests.chaos.plc_site import Device, Worker

pytestmark = [pytest.mark.chaos, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

UNITS, DEAD, LANE = 32, 7, 40
TIMEOUT_S = 0.3
"""Shorter than a plant's 2 s, so that there are several probes of the dead unit in the window."""
PERIOD_MS = 250
WITHOUT_S, WITH_S = 4.0, 2.2 * BUDGET * TIMEOUT_S
SETTLED_S = 2.0
"""The second question to a unit that falls silent comes soon; from then on the breaker counts."""
BACK_S = 1.3 * BUDGET * TIMEOUT_S


def test_31_units_keep_95_percent_of_their_scans(tmp_path: Path) -> None:
    uvloop.run(_gateway(Worker(tmp_path)))


async def _gateway(worker: Worker) -> None:
    async with network(LANE) as net, contextlib.AsyncExitStack() as stack:
        plc = PlcProcess("modbus", net.address, worker.folder, port=502, inside=net.inside)
        stack.push_async_callback(plc.close)
        await plc.start()
        plc.prefer()
        stack.enter_context(measuring(worker))
        units = {
            unit: await stack.enter_async_context(worker.running(_settings(net, unit), PERIOD_MS))
            for unit in range(1, UNITS + 1)
        }
        started_s = time.monotonic()
        good = await asyncio.gather(*(unit.until_good(started_s, 10) for unit in units.values()))
        assert not any(map(math.isnan, good))

        before = await _rates(units, WITHOUT_S)
        died_s = time.monotonic()
        await plc.tell(dead_units=[DEAD])
        bad_s = await units[DEAD].until_bad(died_s, 5)
        await asyncio.sleep(SETTLED_S)
        during = await _rates(units, WITH_S)
        assert set(during) == set(units) - {DEAD}, "the dead unit has values"
        kept = sum(during.values()) / sum(rate for unit, rate in before.items() if unit != DEAD)
        least = min(during[unit] / before[unit] for unit in during)

        await plc.tell()
        back_s = await units[DEAD].until_good(plc.answers_s, BACK_S + 5)
        print(
            f"\n31 of 32 units keep {kept:.3f} of their scans, the worst one {least:.3f}; the dead "
            f"one was BAD after {bad_s:.2f} s and flows {back_s:.2f} s after it is back"
        )
        assert kept > 0.95
        assert least > 0.90
        assert bad_s < TIMEOUT_S + 1
        assert units[DEAD].newest[1].quality == Quality.GOOD
        assert back_s < BACK_S + 1
        lines = worker.lines.of
        assert lines == {units[DEAD].config.id: ["device.lost", "device.back"]}


def _settings(net: Network, unit: int) -> ModbusConfig:
    return ModbusConfig(host=net.address, unit_id=unit, timeout_s=TIMEOUT_S)


async def _rates(units: Mapping[int, Device], window_s: float) -> dict[int, float]:
    """Good scans per second of each unit that had some, in the seconds to come."""
    first_s = time.monotonic()
    await asyncio.sleep(window_s)
    last_s = time.monotonic()
    found = {}
    for number, unit in units.items():
        scans = [row for row in unit.rows if row.tag_id == 1 and first_s <= row.at_s < last_s]
        good = sum(row.quality == Quality.GOOD for row in scans)
        if good:
            found[number] = good / (last_s - first_s)
    return found
