"""Connection settings of a Modbus device."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.config.base import Config


class ByteOrder(StrEnum):
    """Order of the four bytes A B C D of a 32-bit value in two registers; A is the highest."""

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"


class ModbusTransport(StrEnum):
    TCP = "tcp"
    UDP = "udp"
    RTU_TCP = "rtu_tcp"
    """RTU frames over TCP, as many serial converters speak."""
    RTU = "rtu"
    ASCII = "ascii"

    @property
    def serial(self) -> bool:
        return self in (ModbusTransport.RTU, ModbusTransport.ASCII)


class Parity(StrEnum):
    NONE = "N"
    EVEN = "E"
    ODD = "O"


class WriteFunction(StrEnum):
    AUTO = "auto"
    """Function 5 or 6 for one coil or register, 15 or 16 for several."""
    MULTIPLE = "multiple"
    """Always 15 and 16: some devices lack 5 and 6."""


_SERIAL = {"when": {"transport": ["rtu", "ascii"]}}
_NETWORK = {"when": {"transport": ["tcp", "udp", "rtu_tcp"]}}
_TCP = {"when": {"transport": ["tcp"]}}


class ModbusConfig(Config):
    """Modbus over TCP, UDP or a serial line."""

    driver: Literal["modbus"] = "modbus"
    transport: Annotated[ModbusTransport, Field(title="Transport")] = ModbusTransport.TCP
    """tcp for nearly every device on a network; rtu and ascii for a serial line."""
    host: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=253, pattern=r"^[^\s/]*$"),
        Field(title="Host", json_schema_extra=_NETWORK),
    ] = ""
    """Name or address of the device or gateway."""
    port: Annotated[int, Field(title="Port", ge=1, le=65535, json_schema_extra=_NETWORK)] = 502
    """TCP or UDP port."""
    serial_port: Annotated[
        str, Field(title="Serial port", max_length=200, json_schema_extra=_SERIAL)
    ] = ""
    """On the gateway, for example /dev/ttyUSB0."""
    baud_rate: Annotated[
        int, Field(title="Baud rate", ge=300, le=4_000_000, json_schema_extra=_SERIAL)
    ] = 19200
    """As on every device of the line."""
    parity: Annotated[Parity, Field(title="Parity bit", json_schema_extra=_SERIAL)] = Parity.EVEN
    """Even, unless the device's manual says otherwise."""
    stop_bits: Annotated[int, Field(title="Stop bits", ge=1, le=2, json_schema_extra=_SERIAL)] = 1
    """Two, by the standard, where there is no parity."""
    unit_id: Annotated[int, Field(title="Unit id", ge=0, le=255)] = 1
    """Also called slave address; 1 or 255 for a device without slaves behind it."""
    timeout_s: Annotated[float, Field(title="Timeout (s)", gt=0, le=60)] = 2.0
    """How long to wait for one answer."""
    byte_order: Annotated[ByteOrder, Field(title="Byte order")] = ByteOrder.ABCD
    """How 32- and 64-bit values lie in registers; try CDAB when floats look absurd. A tag can have
    its own: HR:10@CDAB."""
    zero_based: Annotated[bool, Field(title="Addresses count from 0")] = False
    """Only for numbers such as 40001: normally 40001 is register 0; with this it is register 1."""
    max_block: Annotated[int, Field(title="Registers per request", ge=1, le=125)] = 125
    """The protocol allows 125; some devices allow fewer."""
    max_gap: Annotated[int, Field(title="Largest gap", ge=0, le=124)] = 16
    """Unused registers that one request may read over to save another request."""
    depth: Annotated[
        int, Field(title="Requests at a time", ge=1, le=16, json_schema_extra=_TCP)
    ] = 1
    """1 suits every device; a device that takes more answers a large scan several times faster."""
    pause_ms: Annotated[int, Field(title="Pause between requests (ms)", ge=0, le=10_000)] = 0
    """For slow devices that lose a request which follows too quickly."""
    connect_pause_ms: Annotated[int, Field(title="Pause after connect (ms)", ge=0, le=60_000)] = 0
    """For devices that need a moment after the connection is open."""
    write_function: Annotated[WriteFunction, Field(title="Write functions")] = WriteFunction.AUTO
    """Multiple for a device that lacks functions 5 and 6."""
    mask_write: Annotated[bool, Field(title="Write bits with function 22")] = False
    """Bits of a register are written with the mask function; else the register is read, changed
    and written back, which can lose a change that the PLC makes in between."""
    own_connection: Annotated[bool, Field(title="Own connection", json_schema_extra=_NETWORK)] = (
        False
    )
    """Normally all devices with the same host and port share one connection, as gateways with
    several units want it."""

    @property
    def link(self) -> str | None:
        """Devices with an equal link share one connection; None for one of its own."""
        if self.transport.serial:
            return f"modbus {self.serial_port}"
        if self.own_connection:
            return None
        return f"modbus {self.transport} {self.host}:{self.port}"

    @property
    def place(self) -> str:
        """Where the device is, for messages: `plc-7:502`, `/dev/ttyUSB0`."""
        return self.serial_port if self.transport.serial else f"{self.host}:{self.port}"

    @model_validator(mode="after")
    def _place_is_named(self) -> Self:
        if self.transport.serial and not self.serial_port.startswith("/dev/"):
            raise ValueError("a serial line needs its serial port, for example /dev/ttyUSB0")
        if not self.transport.serial and not self.host:
            raise ValueError("the host is missing; write the name or address of the device")
        if self.depth > 1 and self.transport is not ModbusTransport.TCP:
            raise ValueError("several requests at a time are possible with transport tcp only")
        return self
