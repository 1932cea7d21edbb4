"""The driver contract.

A driver connects, reads and closes. It does not retry, schedule, reconnect or log outages: the
runner (`spoke/drivers/runner.py`) owns that. A driver that raised DeviceError or was cancelled is
closed and thrown away, never used again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from schemas.config.base import Config
from schemas.config.devices import GroupConfig, ManifestDevice, ManifestTag
from schemas.errors import SpindleError
from schemas.frames import Frame
from schemas.kinds import Array, Value, blank
from schemas.messages.browsing import BrowseReply, DiscoverReply
from schemas.messages.diagnosis import PlannedRequest
from schemas.messages.writes import WriteState
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.drivers.links import Links
from spoke.drivers.trace import Trace

_log = logging.getLogger(__name__)
_CLOSE_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Tags of one scan group with the same raw wire type; they become one frame.

    Tags with and without scaling are in different columns, and so are those that are stored each
    scan, on change, and never.
    """

    wire: str
    tags: tuple[ManifestTag, ...]
    tag_ids: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class GroupLayout:
    """A scan group with its tags sorted into columns. Identity is the key for a driver's plans."""

    name: str
    period_ms: int
    columns: tuple[Column, ...]

    @property
    def tags(self) -> tuple[ManifestTag, ...]:
        return tuple(tag for column in self.columns for tag in column.tags)


@runtime_checkable
class Driver(Protocol):
    """One connection to one device."""

    async def connect(self, groups: Sequence[GroupLayout]) -> None:
        """Connect, negotiate, and plan the requests of all groups.

        Raises DeviceError. A tag that cannot be planned is not a reason to raise: it goes into
        `problems` and reads as BAD_CONFIG_ERROR. Each request is bounded by the configured
        `timeout_s`.
        """

    async def read(self, group: GroupLayout) -> list[Frame]:
        """One scan: a frame with S = 1 for each column, in the layout's order.

        A tag that the device refuses is BAD in `quality` and named in `problems`; the others are
        good. Raises DeviceError when the connection is of no more use. Called for one group at a
        time.
        """

    async def close(self) -> None:
        """Close the connection at once. Never raises, may be called twice."""

    @property
    def problems(self) -> Mapping[int, SpindleError]:
        """What is wrong with single tags now, by tag id."""


@runtime_checkable
class Subscribes(Protocol):
    """Ability: the device reports changes by itself."""

    async def subscribe(
        self, groups: Sequence[GroupLayout], emit: Callable[[GroupLayout, list[Frame]], None]
    ) -> frozenset[str]:
        """Subscribe after connect; return the names of the groups that are now subscribed.

        The other groups are polled with `read`. `emit` takes event frames (with `source_times`)
        and must not block. The driver notices a dead subscription itself and reports it by
        raising from `watch`.
        """

    async def watch(self) -> None:
        """Return never; raise DeviceError when the subscription or the connection is lost."""


@runtime_checkable
class Probes(Protocol):
    """Ability: prove that the other side speaks the protocol, where connecting alone does not."""

    async def probe(self) -> None:
        """One harmless request after connect. Raises DeviceError when the answer is none."""


@runtime_checkable
class Explains(Protocol):
    """Ability: say what a scan asks for."""

    def planned(self, group: GroupLayout) -> Sequence[PlannedRequest]:
        """The requests of one scan as they are planned now; valid after connect."""


@dataclass(frozen=True, slots=True)
class RawWrite:
    """A value as the device has it: int, float, bool or str of the tag's data type, in range."""

    tag: ManifestTag
    value: Value


@dataclass(frozen=True, slots=True)
class RawResult:
    """What became of a RawWrite; `read_back` as the device has it, None where nothing was read.

    `state` is WRITTEN, REFUSED or UNKNOWN: comparing what was read back is the runner's.
    """

    state: WriteState
    read_back: Value | None = None
    error: SpindleError | None = None


@runtime_checkable
class Writes(Protocol):
    """Ability: write values."""

    async def write(self, writes: Sequence[RawWrite]) -> list[RawResult]:
        """Write each value once and read it back; the results in the order of `writes`.

        Never called while `read` runs. Never raises for a value: a request that was sent and not
        answered is UNKNOWN and is never sent again, one that was not sent or that the device
        refused is REFUSED with the reason. A connection that is lost in between shows in the next
        `read`.
        """


@runtime_checkable
class Browses(Protocol):
    """Ability: look around, on a driver that was just created and is closed afterwards."""

    async def discover(self) -> DiscoverReply:
        """What the other side offers, without logging in. Raises DeviceError."""

    async def browse(self, node: str, *, deep: bool) -> BrowseReply:
        """What lies below a node; connects by itself. Raises DeviceError, AddressError."""


@dataclass(frozen=True, slots=True)
class DriverContext:
    """What a driver gets besides its settings."""

    clock: Clock
    links: Links
    trace: Trace
    folder: Path
    """Where drivers of this spoke may keep files, for example the gateway's certificate."""


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """What a driver package exports as SPEC."""

    name: str
    title: str
    config: type[Config]
    create: Callable[[Any, DriverContext], Driver]
    """(settings, context) -> a driver that is not connected yet."""


async def close_driver(driver: Driver) -> None:
    """Close it, whatever it does: a defect in `close` must not hide why the driver ended."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await driver.close()
    except Exception:  # noqa: BLE001 - a third party's code
        _log.exception("Driver defect in close", extra={"action": "driver.defect"})


def layouts(device: ManifestDevice) -> tuple[GroupLayout, ...]:
    """The scan groups of a device that have tags, each sorted into columns; a pure function."""
    found = []
    for group in device.groups:
        tags = [tag for tag in device.tags if tag.group == group.name]
        if tags:
            found.append(_layout(group, tags))
    return tuple(found)


def _layout(group: GroupConfig, tags: Sequence[ManifestTag]) -> GroupLayout:
    sorted_tags: dict[tuple[str, bool, bool, bool], list[ManifestTag]] = {}
    for tag in tags:
        kind = (tag.data_type.wire, tag.scaled, tag.store, tag.deadband is not None)
        sorted_tags.setdefault(kind, []).append(tag)
    columns = tuple(
        Column(kind[0], tuple(members), np.array([tag.id for tag in members], dtype=np.int32))
        for kind, members in sorted_tags.items()
    )
    return GroupLayout(group.name, group.period_ms, columns)


def scan_frame(
    column: Column, values: Array, time_ns: int, quality: NDArray[np.uint8] | None = None
) -> Frame:
    """A frame of one scan. values [N] or [1, N] in the column's wire type."""
    count = len(column.tags)
    return Frame(
        column.tag_ids,
        np.array([time_ns], dtype=np.int64),
        values.reshape(1, count),
        None if quality is None else quality.reshape(1, count),
    )


def bad_frames(group: GroupLayout, time_ns: int, quality: Quality) -> list[Frame]:
    """One scan in which every tag has this BAD quality and no value."""
    return [
        scan_frame(
            column,
            blank(column.wire, (1, len(column.tags))),
            time_ns,
            np.full((1, len(column.tags)), quality, dtype=np.uint8),
        )
        for column in group.columns
    ]
