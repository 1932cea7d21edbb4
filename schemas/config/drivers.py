"""Connection settings of each driver. `driver` tells them apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schemas.config.base import Config, Host


class ByteOrder(StrEnum):
    """Order of the four bytes A B C D of a 32-bit value in two registers; A is the highest."""

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"


class ModbusConfig(Config):
    """Modbus TCP."""

    driver: Literal["modbus"] = "modbus"
    host: Annotated[Host, Field(title="Host")]
    """Name or address of the device or gateway."""
    port: Annotated[int, Field(title="Port", ge=1, le=65535)] = 502
    """TCP port."""
    unit_id: Annotated[int, Field(title="Unit id", ge=0, le=255)] = 1
    """Also called slave address; 1 or 255 for a device without slaves behind it."""
    timeout_s: Annotated[float, Field(title="Timeout (s)", gt=0, le=60)] = 2.0
    """How long to wait for one answer."""
    byte_order: Annotated[ByteOrder, Field(title="Byte order")] = ByteOrder.ABCD
    """How 32- and 64-bit values lie in registers; try CDAB when floats look absurd."""
    zero_based: Annotated[bool, Field(title="Addresses count from 0")] = False
    """Only for numbers such as 40001: normally 40001 is register 0; with this it is register 1."""
    max_block: Annotated[int, Field(title="Registers per request", ge=1, le=125)] = 125
    """The protocol allows 125; some devices allow fewer."""
    max_gap: Annotated[int, Field(title="Largest gap", ge=0, le=124)] = 16
    """Unused registers that one request may read over to save another request."""
    depth: Annotated[int, Field(title="Requests at a time", ge=1, le=16)] = 1
    """1 suits every device; a device that takes more answers a large scan several times faster."""


class S7Config(Config):
    """Siemens S7 (S7-300, 400, 1200, 1500)."""

    driver: Literal["s7"] = "s7"
    host: Annotated[Host, Field(title="Host")]
    """Name or address of the CPU or CP."""
    port: Annotated[int, Field(title="Port", ge=1, le=65535)] = 102
    """TCP port; 102 everywhere but in simulators."""
    rack: Annotated[int, Field(title="Rack", ge=0, le=7)] = 0
    """0 for nearly every CPU."""
    slot: Annotated[int, Field(title="Slot", ge=0, le=31)] = 1
    """1 for S7-1200 and S7-1500, 2 for S7-300, see HW Config for S7-400."""
    timeout_s: Annotated[float, Field(title="Timeout (s)", gt=0, le=60)] = 3.0
    """How long to wait for one answer."""
    max_gap: Annotated[int, Field(title="Largest gap (bytes)", ge=0, le=200)] = 32
    """Unused bytes that one request may read over to save another request."""


class OpcUaMode(StrEnum):
    SUBSCRIBE = "subscribe"
    POLL = "poll"


class OpcUaSecurity(StrEnum):
    NONE = "None"
    BASIC256SHA256 = "Basic256Sha256"


class OpcUaConfig(Config):
    """OPC UA."""

    driver: Literal["opcua"] = "opcua"
    endpoint: Annotated[
        str, Field(title="Endpoint", pattern=r"^opc\.tcp://[^\s/@]+(/\S*)?$", max_length=500)
    ]
    """For example opc.tcp://192.168.0.10:4840."""
    mode: Annotated[OpcUaMode, Field(title="Mode")] = OpcUaMode.SUBSCRIBE
    """Subscribe: the server reports changes. Poll: Spindle reads every scan. Where the server has
    no subscriptions, Spindle polls by itself."""
    security: Annotated[OpcUaSecurity, Field(title="Security policy")] = OpcUaSecurity.NONE
    """Basic256Sha256 signs and encrypts; None sends everything in clear text."""
    username: Annotated[str, Field(title="User", max_length=100)] = ""
    """Empty for anonymous."""
    password: Annotated[
        str, Field(title="Password", max_length=200, json_schema_extra={"format": "password"})
    ] = ""
    timeout_s: Annotated[float, Field(title="Timeout (s)", gt=0, le=60)] = 4.0
    """How long to wait for one answer."""
    publishing_ms: Annotated[int, Field(title="Publishing interval (ms)", ge=20, le=60000)] = 250
    """How often the server reports changes."""
    queue_size: Annotated[int, Field(title="Queue per tag", ge=1, le=10000)] = 10
    """Changes that the server keeps per tag between two reports."""


class SimConfig(Config):
    """Simulated device, for a first look without a PLC."""

    driver: Literal["sim"] = "sim"
    seed: Annotated[int, Field(title="Seed", ge=0)] = 1
    """The same seed gives the same curves."""


DriverConfig = Annotated[
    ModbusConfig | S7Config | OpcUaConfig | SimConfig, Field(discriminator="driver")
]

DRIVERS: dict[str, type[ModbusConfig] | type[S7Config] | type[OpcUaConfig] | type[SimConfig]] = {
    "modbus": ModbusConfig,
    "s7": S7Config,
    "opcua": OpcUaConfig,
    "sim": SimConfig,
}
