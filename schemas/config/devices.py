"""Devices, their scan groups and tags, and the manifest that carries them to a spoke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.config.base import Config, Name
from schemas.config.drivers import DriverConfig
from schemas.kinds import DataType, Kind

Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class GroupConfig(Config):
    """A scan group: tags that are read together, every `period_ms`."""

    name: Annotated[Name, Field(title="Scan group")] = "normal"
    period_ms: Annotated[int, Field(title="Period (ms)", ge=20, le=3_600_000)] = 1000
    """Time between two scans."""


class TagConfig(Config):
    """One value of a device."""

    name: Annotated[Name, Field(title="Name")]
    """Unique in its device."""
    address: Annotated[Address, Field(title="Address")]
    """Where the driver finds it, for example HR:0, DB1.DBD10 or ns=2;s=Filler.Speed."""
    data_type: Annotated[DataType, Field(title="Data type")] = DataType.FLOAT32
    """As it is in the PLC. It is fixed from the first sample on."""
    unit: Annotated[str, Field(title="Unit", max_length=30)] = ""
    """For example °C or bar."""
    scale: Annotated[float, Field(title="Scale", allow_inf_nan=False)] = 1.0
    """Stored value = raw value x scale + offset."""
    offset: Annotated[float, Field(title="Offset", allow_inf_nan=False)] = 0.0
    group: Annotated[Name, Field(title="Scan group")] = "normal"
    """Name of the scan group that reads it."""
    description: Annotated[str, Field(title="Description", max_length=500)] = ""

    @property
    def scaled(self) -> bool:
        return self.scale != 1.0 or self.offset != 0.0

    @property
    def wire(self) -> str:
        """The column type in frames: a scaled number is a float64."""
        return "<f8" if self.scaled else self.data_type.wire

    @property
    def kind(self) -> Kind:
        return Kind.FLOAT if self.scaled else self.data_type.kind

    @model_validator(mode="after")
    def _scale_needs_a_number(self) -> Self:
        if self.scaled and self.data_type.kind in (Kind.BOOL, Kind.TEXT):
            raise ValueError(f"a {self.data_type} tag cannot have scale or offset")
        if self.scale == 0:
            raise ValueError("scale 0 would make every value the same; use 1 for no scaling")
        return self


class DeviceConfig(Config):
    """A device as a person writes it."""

    name: Annotated[Name, Field(title="Name")]
    """Unique on its gateway."""
    connection: DriverConfig
    enabled: Annotated[bool, Field(title="Enabled")] = True
    """Switched off, the device is not connected."""
    description: Annotated[str, Field(title="Description", max_length=500)] = ""
    groups: Annotated[tuple[GroupConfig, ...], Field(title="Scan groups", min_length=1)] = (
        GroupConfig(),
    )

    @model_validator(mode="after")
    def _group_names_differ(self) -> Self:
        _no_twins("scan group", (group.name for group in self.groups))
        return self


class ManifestTag(TagConfig):
    """A tag with the id that the hub gave it."""

    id: Annotated[int, Field(ge=1, lt=2**31)]


class ManifestDevice(DeviceConfig):
    """A device with its id and tags, as a spoke gets it."""

    id: Annotated[int, Field(ge=1, lt=2**31)]
    tags: tuple[ManifestTag, ...] = ()

    @model_validator(mode="after")
    def _tags_fit(self) -> Self:
        _no_twins("tag", (tag.name for tag in self.tags))
        _no_twins("tag id", (str(tag.id) for tag in self.tags))
        known = {group.name for group in self.groups}
        for tag in self.tags:
            if tag.group not in known:
                raise ValueError(f"tag {tag.name!r}: scan group {tag.group!r} does not exist")
        return self


class Manifest(Config):
    """Everything a spoke runs, immutable; `revision` counts up with every change."""

    spoke: Name
    revision: Annotated[int, Field(ge=0)]
    devices: tuple[ManifestDevice, ...] = ()

    @model_validator(mode="after")
    def _devices_differ(self) -> Self:
        _no_twins("device", (device.name for device in self.devices))
        _no_twins("device id", (str(device.id) for device in self.devices))
        return self


def _no_twins(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]!r} occurs more than once")
