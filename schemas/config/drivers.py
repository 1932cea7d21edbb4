"""Connection settings of every driver. `driver` tells them apart.

`link` names the connection that devices share; None where each has its own. A field with
`json_schema_extra` `when` is shown only where another field has one of the values named there.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.config.base import Config
from schemas.config.functions import FunctionConfig
from schemas.config.modbus import ByteOrder, ModbusConfig
from schemas.config.opcua import OpcUaConfig, OpcUaMode, OpcUaSecurity
from schemas.config.s7 import S7Config

__all__ = [
    "CONNECTION",
    "DRIVERS",
    "ByteOrder",
    "DriverConfig",
    "FunctionConfig",
    "ModbusConfig",
    "OpcUaConfig",
    "OpcUaMode",
    "OpcUaSecurity",
    "S7Config",
    "SimConfig",
]


class SimConfig(Config):
    """Simulated device, for a first look without a PLC."""

    driver: Literal["sim"] = "sim"
    seed: Annotated[int, Field(title="Seed", ge=0)] = 1
    """The same seed gives the same curves."""

    @property
    def link(self) -> None:
        return None


DriverConfig = Annotated[
    ModbusConfig | S7Config | OpcUaConfig | SimConfig | FunctionConfig,
    Field(discriminator="driver"),
]

CONNECTION: TypeAdapter[DriverConfig] = TypeAdapter(DriverConfig)
"""Settings of any driver out of what a message carries. Its `validate_python` raises
ValidationError, also where `driver` is missing or unknown."""

DRIVERS: dict[str, type[ModbusConfig] | type[S7Config] | type[OpcUaConfig] | type[SimConfig]] = {
    "modbus": ModbusConfig,
    "s7": S7Config,
    "opcua": OpcUaConfig,
    "sim": SimConfig,
}
"""The protocols that people choose from; a function is no protocol and has pages of its own."""
