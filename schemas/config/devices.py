"""Devices, their scan groups and tags, and the manifest that carries them to a spoke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.config.base import Config, Name
from schemas.config.drivers import DriverConfig
from schemas.config.functions import StepConfig
from schemas.kinds import DataType, Kind

Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class GroupConfig(Config):
    """A scan group: tags that are read together, every `period_ms`."""

    name: Annotated[Name, Field(title="Scan group")] = "normal"
    period_ms: Annotated[int, Field(title="Period (ms)", ge=20, le=3_600_000)] = 1000
    """Time between two scans."""


class Access(StrEnum):
    READ = "r"
    READ_WRITE = "rw"


class DeadbandKind(StrEnum):
    ABSOLUTE = "absolute"
    """In the tag's unit."""
    PERCENT = "percent"
    """Of the tag's range, `low` to `high`."""


_Number = Annotated[float, Field(allow_inf_nan=False)]


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
    raw_low: Annotated[_Number | None, Field(title="Raw low")] = None
    """With raw high, low and high instead of scale and offset: this raw value is `low`."""
    raw_high: Annotated[_Number | None, Field(title="Raw high")] = None
    """This raw value is `high`."""
    low: Annotated[_Number | None, Field(title="Range low")] = None
    """Lower end of the range, in the tag's unit."""
    high: Annotated[_Number | None, Field(title="Range high")] = None
    """Upper end of the range, in the tag's unit."""
    clamp: Annotated[bool, Field(title="Clamp to the range")] = False
    """A value outside the range is held at its end, and uncertain."""
    deadband: Annotated[float | None, Field(title="Deadband", ge=0, allow_inf_nan=False)] = None
    """Empty: every scan is stored. Else only changes of more than this, with 0 every change, and
    at least one value in ten minutes."""
    deadband_kind: Annotated[DeadbandKind, Field(title="Deadband in")] = DeadbandKind.ABSOLUTE
    """Absolute, or percent of the range."""
    group: Annotated[Name, Field(title="Scan group")] = "normal"
    """Name of the scan group that reads it."""
    access: Annotated[Access, Field(title="Read or write")] = Access.READ
    """rw lets operators write it, within the write limits."""
    write_low: Annotated[_Number | None, Field(title="Write from")] = None
    """The least that may be written, in the tag's unit."""
    write_high: Annotated[_Number | None, Field(title="Write to")] = None
    """The most that may be written, in the tag's unit."""
    store: Annotated[bool, Field(title="Store")] = True
    """Off: shown live, but not kept."""
    description: Annotated[str, Field(title="Description", max_length=500)] = ""

    @property
    def factors(self) -> tuple[float, float]:
        """(scale, offset), from the linear range where there is one."""
        if self.raw_low is None or self.raw_high is None or self.low is None or self.high is None:
            return self.scale, self.offset
        scale = (self.high - self.low) / (self.raw_high - self.raw_low)
        return scale, self.low - self.raw_low * scale

    @property
    def scaled(self) -> bool:
        return self.factors != (1.0, 0.0)

    @property
    def deadband_in_unit(self) -> float | None:
        """The deadband in the tag's unit, None without one."""
        if not self.deadband or self.deadband_kind is DeadbandKind.ABSOLUTE:
            return self.deadband
        assert self.low is not None
        assert self.high is not None
        return self.deadband / 100 * (self.high - self.low)

    @property
    def wire(self) -> str:
        """The column type in frames: a scaled number is a float64."""
        return "<f8" if self.scaled else self.data_type.wire

    @property
    def kind(self) -> Kind:
        return Kind.FLOAT if self.scaled else self.data_type.kind

    @model_validator(mode="after")
    def _scale_needs_a_number(self) -> Self:
        if self.scale == 0:
            raise ValueError("scale 0 would make every value the same; use 1 for no scaling")
        self._check_range()
        if self.data_type.kind in (Kind.BOOL, Kind.TEXT):
            if self.scaled or self.clamp or self.deadband:
                raise ValueError(f"a {self.data_type} tag cannot have scale, clamp or deadband")
            if self.write_low is not None or self.write_high is not None:
                raise ValueError(f"a {self.data_type} tag cannot have write limits")
        return self

    def _check_range(self) -> None:
        raw = self.raw_low is not None or self.raw_high is not None
        ranged = self.low is not None and self.high is not None
        if raw and (not ranged or self.raw_low is None or self.raw_high is None):
            raise ValueError("a linear range needs all of raw low, raw high, low and high")
        if raw and self.raw_low == self.raw_high:
            raise ValueError("raw low and raw high must differ")
        if raw and (self.scale, self.offset) != (1.0, 0.0):
            raise ValueError("use either scale and offset or a linear range, not both")
        _in_order("low", self.low, "high", self.high)
        _in_order("write from", self.write_low, "write to", self.write_high)
        percent = bool(self.deadband) and self.deadband_kind is DeadbandKind.PERCENT
        if (self.clamp or percent) and not ranged:
            raise ValueError("clamp and a deadband in percent need the range, low and high")


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
    steps: Annotated[tuple[StepConfig, ...], Field(title="Steps")] = ()
    """Built-in functions that change values before they are stored, in this order; after scale and
    clamp, before the deadband."""

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


def _in_order(name: str, low: float | None, other: str, high: float | None) -> None:
    if low is not None and high is not None and low >= high:
        raise ValueError(f"{name} must be less than {other}")


def _no_twins(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]!r} occurs more than once")
