"""The fault list: what is done to three PLCs at the same time, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from schemas.quality import Quality, is_bad
from tests.chaos.plc_device import DRIVERS, TICKS_PER_S, constant, ticks
from tests.chaos.plc_network import remove, stale_networks
from tests.chaos.plc_site import (
    ALL,
    NEIGHBOUR_MS,
    Device,
    Site,
    Worker,
    neighbour,
    site,
)

LIMIT_S = 8.0
"""For values to flow again on a machine that has other things to do; the promise is 5 s."""
LANES = 3
_GRACE_S = 0.5  # for what was on its way when the fault began
_CALM_S = 1.0
_VANISH_LIMIT_S = 25.0
_LATE_S = 1.0
Act = Callable[[Site], Awaitable[None]]

NOT_CONNECTED = frozenset({Quality.BAD_NOT_CONNECTED})
TIMEOUT = frozenset({Quality.BAD_TIMEOUT})
GONE = frozenset({Quality.BAD_CONFIG_ERROR})


@dataclass(frozen=True)
class Fault:
    """`begin` it, `end` it `away_s` later or when all has been noticed, whichever is later."""

    name: str
    begin: Act
    end: Act
    qualities: frozenset[Quality] = frozenset()
    """Which of them the tags have meanwhile. None: the fault disturbs nobody."""
    away_s: float = 0.0
    drivers: Sequence[str] = DRIVERS
    tags: frozenset[int] = ALL
    """Those that are BAD; the others stay GOOD."""
    restarts: bool = False
    """The PLCs are started anew."""
    late_s: float = 0.0
    """How old values may be, besides a second."""


@dataclass
class Outcome:
    """What a fault did to one driver's device."""

    fault: Fault
    driver: str
    timeout_s: float
    bad_s: float = math.nan
    """From the beginning of the fault until all its tags were BAD."""
    back_s: float = math.nan
    """From the moment in which the PLC answered again until all tags were GOOD."""
    qualities: set[int] = field(default_factory=set)
    good_while_away: int = 0
    bad_others: int = 0
    """BAD values of tags that the fault has nothing to do with."""
    wrong: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    connects: int = 0
    error: str = ""
    neighbour_gap_s: float = math.nan
    neighbour_scans: float = math.nan
    """Of the scans that were due during the fault, the share that were done."""


async def run(faults: Sequence[Fault], folder: Path) -> tuple[list[Outcome], Worker]:
    """All of them, several at a time, each in a network of its own."""
    stale = stale_networks()
    await asyncio.gather(*(remove(name) for name in stale))
    worker, waiting, found = Worker(folder), list(faults), list[Outcome]()
    all_up = asyncio.Barrier(min(LANES, len(waiting)))

    async def lane(number: int, other: Device) -> None:
        async with site(number, folder / f"lane{number}") as place:
            await all_up.wait()
            while waiting:
                found.extend(await _suffer(waiting.pop(0), place, worker, other))

    with measuring(worker):
        async with neighbour(worker) as other, asyncio.TaskGroup() as tasks:
            for number in range(all_up.parties):
                tasks.create_task(lane(number, other))
    return found, worker


async def _suffer(fault: Fault, place: Site, worker: Worker, other: Device) -> list[Outcome]:
    async with contextlib.AsyncExitStack() as stack:
        devices = {
            driver: await stack.enter_async_context(worker.running(place.settings(driver)))
            for driver in fault.drivers
        }
        outcomes = {
            driver: Outcome(fault, driver, device.timeout_s) for driver, device in devices.items()
        }
        started_s = time.monotonic()
        healthy = await asyncio.gather(*(d.until_good(started_s, 20) for d in devices.values()))
        assert not any(map(math.isnan, healthy)), f"{fault.name}: {healthy} before the fault"
        if fault.restarts:
            await asyncio.gather(*(plc.load() for plc in place.plcs.values()))
        await asyncio.sleep(_CALM_S)

        begun_s = time.monotonic()
        await fault.begin(place)
        down_s = time.monotonic()
        if fault.qualities:
            limit_s = _VANISH_LIMIT_S if fault.tags != ALL else 10.0
            noticed = await asyncio.gather(
                *(d.until_bad(begun_s, limit_s, fault.tags) for d in devices.values())
            )
            for outcome, bad_s in zip(outcomes.values(), noticed, strict=True):
                outcome.bad_s = bad_s
        await asyncio.sleep(max(0.0, begun_s + fault.away_s - time.monotonic()))
        await fault.end(place)

        async def back(driver: str) -> None:
            up_s = max(place.network.healed_s, place.plcs[driver].answers_s, begun_s)
            device, outcome = devices[driver], outcomes[driver]
            # an OPC UA server reports only what changes, so tag 1 stands for those that stay GOOD
            tags = fault.tags if fault.qualities else {1}
            outcome.back_s = await device.until_good(up_s, LIMIT_S + 1, tags)
            health = device.runner.health
            outcome.error = str(health.error or "")
            await device.until_good(time.monotonic() + _CALM_S, 5, {1})  # it goes on
            _neighbour(outcome, other, begun_s, time.monotonic())
            _judge(outcome, device, down_s, up_s)
            outcome.connects = device.runner.health.connects
            outcome.log = list(worker.lines.of.get(device.config.id, ()))

        await asyncio.gather(*(back(driver) for driver in devices))
    return list(outcomes.values())


def _judge(outcome: Outcome, device: Device, down_s: float, up_s: float) -> None:
    fault, counted = outcome.fault, 0
    for row in device.rows:
        if is_bad(row.quality):
            if row.tag_id not in fault.tags or not fault.qualities:
                outcome.bad_others += 1
            outcome.qualities.add(row.quality)
        elif row.quality != Quality.GOOD:
            outcome.wrong.append(f"tag {row.tag_id} has quality {row.quality}")
        else:
            away = fault.qualities and row.tag_id in fault.tags
            noticed_s = down_s + (outcome.bad_s if fault.tags != ALL else _GRACE_S)
            outcome.good_while_away += bool(away and noticed_s < row.at_s < up_s)
            if row.tag_id != 1 and row.value != constant(row.tag_id):
                outcome.wrong.append(f"tag {row.tag_id} is {row.value}")
            if row.tag_id == 1:
                age_s = (ticks(row.time_ns / 1e9) - int(row.value)) / TICKS_PER_S
                if not -_LATE_S - fault.late_s <= age_s <= _LATE_S + fault.late_s:
                    outcome.wrong.append(f"the counter is {age_s:.1f} s old")
                if int(row.value) < counted:
                    outcome.wrong.append(f"the counter goes back from {counted} to {row.value}")
                counted = int(row.value)


def _neighbour(outcome: Outcome, other: Device, first_s: float, last_s: float) -> None:
    """What the healthy device delivered between two moments."""
    scans = [row.at_s for row in other.rows if row.tag_id == 1 and first_s <= row.at_s <= last_s]
    times = [first_s, *scans, last_s]
    outcome.neighbour_gap_s = max(b - a for a, b in pairwise(times))
    outcome.neighbour_scans = len(scans) / ((last_s - first_s) * 1000 / NEIGHBOUR_MS)


@contextlib.contextmanager
def measuring(worker: Worker) -> Iterator[None]:
    """The log is heard, and this process goes before whatever else the machine has to do."""
    root = logging.getLogger()
    level, priority = root.level, os.getpriority(os.PRIO_PROCESS, 0)
    root.addHandler(worker.lines)
    root.setLevel(logging.INFO)
    os.setpriority(os.PRIO_PROCESS, 0, -10)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, priority)
        root.removeHandler(worker.lines)
        root.setLevel(level)
