"""Opening what carries one request at a time: UDP, RTU over TCP, and serial ports.

pymodbus' serial transport on pyserial opens the ports; the rest is asyncio's.
"""

from __future__ import annotations

import asyncio

from pymodbus.transport.serialtransport import SerialTransport

from schemas.config.modbus import ModbusConfig, ModbusTransport, Parity
from spoke.drivers.modbus.framing import AsciiFraming, MbapFraming, RtuFraming
from spoke.drivers.modbus.line import Line
from spoke.drivers.modbus.transports import notice_half_open

_FAST_BAUD, _FAST_SILENCE_S = 19200, 0.00175
_CHARACTERS, _BITS = 3.5, 11


async def open_line(settings: ModbusConfig) -> Line:
    """Raises OSError, ValueError or termios.error."""
    loop = asyncio.get_running_loop()
    if settings.transport.serial:
        return _open_port(settings)
    place = (settings.host, settings.port)
    if settings.transport is ModbusTransport.UDP:
        _, line = await loop.create_datagram_endpoint(
            lambda: Line(settings, MbapFraming()), remote_addr=place
        )
    else:
        transport, line = await loop.create_connection(lambda: Line(settings, RtuFraming()), *place)
        notice_half_open(transport, settings.timeout_s)
    return line


def _open_port(settings: ModbusConfig) -> Line:
    """For ourselves alone: two masters on one line read each other's answers."""
    rtu = settings.transport is ModbusTransport.RTU
    framing = RtuFraming() if rtu else AsciiFraming()
    line = Line(settings, framing, silence_s(settings.baud_rate) if rtu else 0.0)
    port = SerialTransport(
        asyncio.get_running_loop(), line, settings.serial_port, settings.baud_rate,
        data_bits(settings), settings.parity.value, settings.stop_bits, 0,
    )  # fmt: skip
    port.sync_serial.reset_input_buffer()
    port.setup()
    line.connection_made(port)
    return line


def data_bits(settings: ModbusConfig) -> int:
    """RTU has 8. ASCII has 7 (7E1, 7O1, 7N2); 8N1 is what devices mean that have no parity and one
    stop bit.

    Source: *MODBUS over Serial Line V1.02*, section 2.5.2.
    """
    if settings.transport is ModbusTransport.RTU:
        return 8
    return 8 if settings.parity is Parity.NONE and settings.stop_bits == 1 else 7


def silence_s(baud_rate: int) -> float:
    """Between two RTU frames: 3.5 characters of 11 bits, and 1.75 ms above 19200 baud.

    Source: *MODBUS over Serial Line V1.02*, section 2.5.1.1.
    """
    if baud_rate > _FAST_BAUD:
        return _FAST_SILENCE_S
    return _CHARACTERS * _BITS / baud_rate
