"""Every fault of the list, as commands to a network and to the PLCs in it."""

from __future__ import annotations

import asyncio

from tests.chaos.plc_device import VANISHING
from tests.chaos.plc_faults import GONE, NOT_CONNECTED, TIMEOUT, Fault
from tests.chaos.plc_site import Site

_TELL = ("modbus", "s7")
_IN_TIME, _TOO_LATE = 0.8, 1.2
"""Answers after so much of the timeout."""


async def _drop(site: Site) -> None:
    await site.network.drop()


async def _heal(site: Site) -> None:
    await site.network.heal()


async def _reset(site: Site) -> None:
    await site.network.reset()


async def _lose(site: Site) -> None:
    await site.network.lose(0.05)


async def _unplug(site: Site) -> None:
    await site.network.link("down")


async def _plug(site: Site) -> None:
    await site.network.link("up")


async def _kill(site: Site) -> None:
    await asyncio.gather(*(plc.kill() for plc in site.plcs.values()))


async def _start(site: Site) -> None:
    await asyncio.gather(*(plc.start() for plc in site.plcs.values()))


async def _restart(site: Site) -> None:
    await _kill(site)
    await _start(site)


async def _power_off(site: Site) -> None:
    await _drop(site)
    await _kill(site)
    await site.network.forget()


async def _power_on(site: Site) -> None:
    await _start(site)
    await _heal(site)


async def _half_open(site: Site) -> None:
    """The PLCs have restarted and nobody was told: no FIN, no RST."""
    await _power_off(site)
    await _power_on(site)


async def _freeze(site: Site) -> None:
    for plc in site.plcs.values():
        plc.freeze()


async def _thaw(site: Site) -> None:
    for plc in site.plcs.values():
        plc.thaw()


async def _tell(site: Site, **what: object) -> None:
    await asyncio.gather(*(site.plcs[driver].tell(**what) for driver in _TELL))


async def _delay(site: Site, share: float) -> None:
    for driver in _TELL:
        await site.plcs[driver].tell(delay_s=share * site.settings(driver).timeout_s)


async def _slow_in_time(site: Site) -> None:
    await _delay(site, _IN_TIME)


async def _slow(site: Site) -> None:
    await _delay(site, _TOO_LATE)


async def _twice(site: Site) -> None:
    await _tell(site, twice=True, delay_s=0.05)


async def _as_usual(site: Site) -> None:
    await _tell(site)


async def _hang_shortly(site: Site) -> None:
    plc = site.plcs["opcua"]
    plc.freeze()
    await asyncio.sleep(_IN_TIME * site.settings("opcua").timeout_s)
    plc.thaw()


async def _vanish(site: Site) -> None:
    await asyncio.gather(*(plc.tell(vanished=True) for plc in site.plcs.values()))


async def _appear(site: Site) -> None:
    await asyncio.gather(*(plc.tell() for plc in site.plcs.values()))


async def _nothing(_site: Site) -> None: ...


FAULTS = (
    Fault("a tag vanishes", _vanish, _appear, GONE, tags=frozenset({VANISHING})),
    Fault("black hole", _drop, _heal, TIMEOUT, away_s=9),
    Fault("connection refused", _kill, _start, NOT_CONNECTED, away_s=6, restarts=True),
    Fault("cable out", _unplug, _plug, TIMEOUT, away_s=7),
    Fault("power cycle", _power_off, _power_on, TIMEOUT, away_s=5, restarts=True),
    Fault("hangs", _freeze, _thaw, TIMEOUT, away_s=7),
    Fault("RST", _reset, _heal, NOT_CONNECTED, away_s=4),
    Fault("restart", _restart, _nothing, NOT_CONNECTED, restarts=True),
    Fault("half-open", _half_open, _nothing, NOT_CONNECTED | TIMEOUT, restarts=True),
    Fault("too slow", _slow, _as_usual, TIMEOUT, away_s=5, drivers=_TELL),
    Fault("slow, in time", _slow_in_time, _as_usual, away_s=6, drivers=_TELL, late_s=3.0),
    Fault("hangs, in time", _hang_shortly, _nothing, drivers=("opcua",), late_s=4.0),
    Fault("answers twice, and old ones", _twice, _as_usual, away_s=3, drivers=_TELL),
    Fault("5 % packets lost", _lose, _heal, away_s=6),
)
