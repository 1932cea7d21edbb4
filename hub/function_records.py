"""What the services tell pages and API about functions: frozen records. Times are ns UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hub.records import Device
from schemas.config.functions import LimitsConfig
from schemas.functions import Fault, FunctionSpec
from schemas.messages.health import FunctionHealth

MAX_WATCH_S = 7 * 86_400.0
"""Of a rollout."""


class Origin(StrEnum):
    BUILT_IN = "built-in"
    SOURCE = "source"
    """Written in the editor: one file."""
    WHEEL = "wheel"
    """Uploaded: a wheel, or a bundle of wheels made by `spindle-udf package`."""


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """An immutable version. `source` is empty for a wheel."""

    number: str
    spec: FunctionSpec
    package: str
    """SHA-256 of the bundle, empty for a built-in."""
    size_bytes: int = 0
    source: str = ""
    author: str = ""
    notes: str = ""
    created_ns: int = 0
    uses: int = 0


@dataclass(frozen=True, slots=True)
class PlantFunction:
    """A function with its versions, newest first; a built-in has one."""

    name: str
    origin: Origin
    versions: tuple[FunctionVersion, ...]
    uses: int = 0

    @property
    def newest(self) -> FunctionVersion:
        return self.versions[0]


@dataclass(frozen=True, slots=True)
class Use:
    """A function at work on a gateway; `device` is it as a device, its tags the outputs."""

    device: Device
    function: str
    version: str
    health: FunctionHealth | None = None
    online: bool = False
    previous: str = ""
    """The version before this one, for one click back; empty for none."""
    trial_until_ns: int = 0
    """While newer than now: a fault takes it back to the version before by itself."""


@dataclass(frozen=True, slots=True)
class UseDraft:
    """A use that somebody wants. Outputs get tags by themselves; `names` overrides their names."""

    name: str
    function: str
    version: str = ""
    """Empty for a built-in."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Tag ids by input."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of output tags by address (schemas/addresses/function.py)."""
    writes: Mapping[str, int] = field(default_factory=dict)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    description: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a source, for the editor. Lines and columns count from 1."""

    line: int
    message: str
    column: int = 0
    level: str = "error"


@dataclass(frozen=True, slots=True)
class Checked:
    """A source that was loaded in its own process: what it declares, or what is wrong."""

    spec: FunctionSpec | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """One tag of a trial: values are None where bad; `quality` in codes."""

    port: str
    name: str
    unit: str
    times_ns: list[int]
    values: list[float | int | bool | str | None]
    quality: list[int]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a function made of stored data. Nothing was stored or written."""

    before: tuple[Curve, ...]
    """The inputs, thinned to at most 2,000 points each."""
    after: tuple[Curve, ...]
    rows: int = 0
    values: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    faults: tuple[Fault, ...] = ()
    effects: tuple[dict[str, Any], ...] = ()
    """Alarms, writes and events as maps with kind, time_ns, message; the first 500."""
    log: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Deployment:
    """A new version on its way to the uses of a function, canaries first."""

    id: int
    function: str
    version: str
    state: str
    """canary (some have it, watching), watch (all have it, watching), done, rolled-back, or
    cancelled."""
    share: float
    """Of the uses that are canaries, 0 to 1."""
    until_ns: int
    """End of the watch as it looks now; then the others get it."""
    uses: tuple[int, ...] = ()
    canaries: tuple[int, ...] = ()
    author: str = ""
    created_ns: int = 0
    reason: str = ""
    """Why it was rolled back or cancelled, or whom the watch waits for: while a use is offline or
    does not run the version, the time does not count."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of a function or device, as stored."""

    id: int
    time_ns: int
    spoke: str
    device_id: int
    device: str
    level: str
    kind: str
    message: str
    detail: dict[str, Any] = field(default_factory=dict)
