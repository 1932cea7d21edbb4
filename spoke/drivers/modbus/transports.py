"""Opening a connection of each transport, and what its errors mean."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import termios

from schemas.config.modbus import ModbusConfig, ModbusTransport
from schemas.errors import UnreachableError
from spoke.drivers.modbus.client import ModbusClient
from spoke.drivers.modbus.line import Line

Connection = ModbusClient | Line

_MIN_HALF_OPEN_S = 1.0

_FOREIGN: tuple[tuple[type[Exception], str, str], ...] = (
    (socket.gaierror, "the name is not known", "Check the host name and the gateway's DNS."),
    (UnicodeError, "this is no host name", "Write a name or an IP address."),
    (ConnectionRefusedError, "nothing listens on this port", UnreachableError.hint),
    (TimeoutError, "no answer to the connection request", UnreachableError.hint),
    (ConnectionError, "the device closed the connection", UnreachableError.hint),
    (OSError, "the network does not reach it", UnreachableError.hint),
)
"""Errors of the socket library, most special first: what they mean, and the hint."""

_TAKEN = (
    "another program uses it",
    (
        "A line has one master. Does another program have it, or does Spindle read it already for "
        "another device? Then test this one after saving it."
    ),
)
_PORTS = {
    errno.ENOENT: ("there is no such port", "Is the adapter plugged in? List /dev/serial/by-id/."),
    errno.EACCES: ("no right to open it", "Put the user of the spoke into the group dialout."),
    errno.EAGAIN: _TAKEN,
    errno.EBUSY: _TAKEN,
}
_NO_PORT = ("it is no serial port, or it cannot do these settings", "Check port and baud rate.")
"""Errors of a serial port by number, and all others."""


async def open_connection(settings: ModbusConfig) -> Connection:
    """Connect. Raises UnreachableError."""
    try:
        async with asyncio.timeout(settings.timeout_s):
            if settings.transport is ModbusTransport.TCP:
                return await _tcp(settings)
            from spoke.drivers.modbus.line_opening import open_line  # pymodbus takes half a second

            return await open_line(settings)
    except (OSError, ValueError, termios.error) as error:
        raise _explain(error, settings) from error


async def _tcp(settings: ModbusConfig) -> Connection:
    transport, client = await asyncio.get_running_loop().create_connection(
        lambda: ModbusClient(settings), settings.host, settings.port
    )
    notice_half_open(transport, settings.timeout_s)
    return client


def notice_half_open(transport: asyncio.BaseTransport, timeout_s: float) -> None:
    """The kernel ends a connection whose other side acknowledges nothing for so long (RFC 5482), so
    that a silent unit and a dead connection are two things."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        connection = transport.get_extra_info("socket")
        limit_ms = int(1000 * max(timeout_s, _MIN_HALF_OPEN_S))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)


def _explain(error: Exception, settings: ModbusConfig) -> UnreachableError:
    if settings.transport.serial:
        number = error.args[0] if error.args else None
        meaning, hint = _PORTS.get(number, _NO_PORT) if isinstance(number, int) else _NO_PORT
        words = f" ({os.strerror(number)})" if isinstance(number, int) else f" ({error})"
        return UnreachableError(f"{settings.place} does not open: {meaning}{words}.", hint=hint)
    for foreign, meaning, hint in _FOREIGN:
        if isinstance(error, foreign):
            return UnreachableError(f"No connection to {settings.place}: {meaning}.", hint=hint)
    raise AssertionError(f"not a socket error: {error!r}")
