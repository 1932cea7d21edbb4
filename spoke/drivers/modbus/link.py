"""One connection, shared by the devices whose settings name the same link.

The link opens the connection, once for all, and opens a new one when it is lost. The devices
(`unit.py`) take turns in the order in which they came. Everything here runs in one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Iterable

from schemas.config.modbus import ModbusConfig, ModbusTransport
from schemas.errors import ConfigError, DeviceError
from spoke.clock import Clock
from spoke.drivers.modbus.breaker import Breaker
from spoke.drivers.modbus.requests import Request, again
from spoke.drivers.modbus.transports import Connection, open_connection

_AGAIN_S = 1.0
"""A connection that could not be opened is not tried again before, whoever asks."""
_ALL_SILENT = 3
"""So many units one after the other without an answer: it is the connection."""
_REMEMBERED = 4
_WITH_IDS = (ModbusTransport.TCP, ModbusTransport.UDP)


class Link:
    """Made with the settings of the first device that uses it."""

    def __init__(self, settings: ModbusConfig, clock: Clock) -> None:
        self.turn = asyncio.Lock()
        """Held while a device's requests are on the connection; fair."""
        self.breaker = Breaker(clock, quick=settings.transport not in _WITH_IDS)
        self.silent: set[int] = set()
        """Unit ids that were asked in vain since the last answer of anybody."""
        self._settings = settings
        self._unanswered: dict[int, deque[int]] = {}  # payload bytes, by unit id
        self._known: set[int] = set()  # unit ids that answered
        self._has_ids = settings.transport in _WITH_IDS
        self._members: set[Hashable] = set()
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._attempts = 0
        self._error: DeviceError | None = None
        self._failed_s = 0.0
        self.paused = False
        """Whether `wait_until_free` has something to wait for."""
        self._free_s = 0.0  # loop time; no request goes out before

    @property
    def shared(self) -> bool:
        return len(self._members) > 1

    def join(self, member: Hashable, settings: ModbusConfig) -> None:
        """Raises ConfigError when another device uses the same port with other line settings."""
        mine, theirs = _line_settings(settings), _line_settings(self._settings)
        if mine != theirs:
            raise ConfigError(
                f"Another device uses {settings.place} with {theirs}, this one has {mine}.",
                hint="All devices of a serial line have the same line settings.",
                path="connection",
            )
        self._members.add(member)

    def leave(self, member: Hashable) -> None:
        self._members.discard(member)

    def new_here(self, unit_id: int) -> bool:
        """Answers to requests from before this link existed could still be on their way."""
        return not self._has_ids and unit_id not in self._known

    def unanswered(self, unit_id: int) -> set[int]:
        """Payload bytes of what a unit was asked last and did not answer."""
        return set(self._unanswered.get(unit_id, ()))

    def answered(self, unit_id: int) -> None:
        """A unit that was probed is there."""
        self._known.add(unit_id)
        self._unanswered.pop(unit_id, None)
        self.breaker.answered(unit_id)

    def close(self) -> None:
        """Close at once; may be called twice."""
        if self._connection is not None:
            self._connection.close()

    async def connect(self, settings: ModbusConfig) -> Connection:
        """The connection, opened now when there is none. `settings` has the caller's timeout.

        Raises UnreachableError: each caller an error of its own, of one attempt for all.
        """
        loop = asyncio.get_running_loop()
        seen = self._attempts
        async with self._opening:
            if self._connection is not None and self._connection.lost is None:
                return self._connection
            recent = seen != self._attempts or loop.time() - self._failed_s < _AGAIN_S
            if self._error is not None and self.shared and recent:
                raise again(self._error) from self._error
            self._attempts += 1
            try:
                self._connection = await open_connection(settings)
            except DeviceError as error:
                self._error, self._failed_s = error, loop.time()
                raise
            self._error = None
            self.silent.clear()
            self.used(settings.connect_pause_ms)
            return self._connection

    async def wait_until_free(self) -> None:
        """The pause after connect and between requests; for whoever has the turn."""
        await asyncio.sleep(self._free_s - asyncio.get_running_loop().time())

    def used(self, pause_ms: int) -> None:
        """A request was answered or not, or it was opened just now; the next one waits so long."""
        self.paused = pause_ms > 0
        if self.paused:
            self._free_s = asyncio.get_running_loop().time() + pause_ms / 1000

    def missed(self, unit_id: int, requests: Iterable[Request]) -> None:
        """A unit did not answer.

        Close the connection when nobody answers any more; the next `connect` opens another. A
        serial port stays open: there is no other side to lose."""
        self.silent.add(unit_id)
        sizes = self._unanswered.setdefault(unit_id, deque(maxlen=_REMEMBERED))
        sizes.extend(request.payload_bytes for request in requests)
        dead = len(self.silent) >= min(_ALL_SILENT, len(self._members))
        if dead and not self._settings.transport.serial:
            self.close()


def _line_settings(settings: ModbusConfig) -> str:
    """`rtu 19200 baud 8E1`-like words of what all devices of a line have in common."""
    if not settings.transport.serial:
        return settings.transport.value
    return (
        f"{settings.transport} {settings.baud_rate} baud parity {settings.parity} "
        f"stop bits {settings.stop_bits}"
    )
