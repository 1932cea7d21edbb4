"""Bodies of requests and answers about functions and their uses."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import Field

from hub.api.edge import edge, iso
from hub.api.models import Answer, DeviceAnswer, Time
from hub.function_records import Checked, FunctionVersion, PlantFunction, Use, UseDraft
from schemas.config.base import Config, Name
from schemas.config.functions import FunctionName, LimitsConfig, TagId, Version
from schemas.functions import FunctionSpec
from schemas.messages.functions import FunctionLookReply
from schemas.messages.health import FunctionHealth
from udf.process.bundle import MAX_SOURCE_BYTES

Json = dict[str, Any]
Source = Annotated[str, Field(max_length=MAX_SOURCE_BYTES)]
Notes = Annotated[str, Field(max_length=2000)]
Tags = Annotated[tuple[TagId, ...], Field(max_length=20_000)]


# --- requests -----------------------------------------------------------------------------------
class SourceCheck(Config):
    source: Source
    """One Python file with one function."""


class SourceSave(SourceCheck):
    notes: Notes = ""
    """What is new in this version."""


class UseBody(Config):
    name: Name
    """Unique on its gateway, among devices too."""
    function: FunctionName
    version: Version | Annotated[str, Field(pattern=r"^$")] = ""
    """Empty for a built-in."""
    parameters: Annotated[Json, Field(default_factory=dict)]
    inputs: Annotated[dict[str, Tags], Field(default_factory=dict)]
    """Tag ids by input, all of one gateway."""
    names: Annotated[dict[str, Name], Field(default_factory=dict, max_length=20_000)]
    """Names of output tags by address: `level`, or `average:4711` for the tag 4711 of the input.
    The others get names by themselves, and keep them."""
    writes: Annotated[dict[str, TagId], Field(default_factory=dict)]
    """Tags that the function may write, by its write port."""
    limits: LimitsConfig = LimitsConfig()
    description: Annotated[str, Field(max_length=500)] = ""
    enabled: bool = True

    def draft(self) -> UseDraft:
        return UseDraft(**{name: getattr(self, name) for name in UseBody.model_fields})


class UseChange(UseBody):
    device_version: Annotated[int, Field(ge=1)]
    """The version of the device that was read; an older one is refused (409)."""


class ShadowBody(Config):
    version: Version | None
    """null ends the shadow."""


# --- answers ------------------------------------------------------------------------------------
class InputAnswer(Answer):
    name: str
    kind: str
    many: bool
    trigger: bool
    required: bool
    unit: str
    description: str


class OutputAnswer(Answer):
    name: str
    kind: str
    per: str
    """One tag for each tag of this input."""
    unit: str
    passes: str
    """The input whose values stand here while the function is taken out."""
    description: str


class WritePortAnswer(Answer):
    name: str
    description: str


class SpecAnswer(Answer):
    name: str
    version: str
    title: str
    description: str
    inputs: list[InputAnswer]
    outputs: list[OutputAnswer]
    writes: list[WritePortAnswer]
    parameters: Json
    """JSON Schema."""

    @classmethod
    def of_spec(cls, spec: FunctionSpec) -> Self:
        return cls.model_validate(asdict(spec))


class VersionAnswer(Answer):
    number: str
    spec: SpecAnswer
    package: str
    """SHA-256 of its bundle; empty for a built-in."""
    size_bytes: int
    source: str
    """Empty for a wheel, and in the list of all functions."""
    author: str
    notes: str
    created: Time | None
    uses: int

    @classmethod
    def of_version(cls, version: FunctionVersion) -> Self:
        return cls(
            number=version.number,
            spec=SpecAnswer.of_spec(version.spec),
            package=version.package,
            size_bytes=version.size_bytes,
            source=version.source,
            author=version.author,
            notes=version.notes,
            created=iso(version.created_ns),
            uses=version.uses,
        )


class FunctionAnswer(Answer):
    name: str
    origin: str
    """`built-in`, `source` or `wheel`."""
    versions: list[VersionAnswer]
    """Newest first."""
    uses: int

    @classmethod
    def of_function(cls, function: PlantFunction) -> Self:
        versions = [VersionAnswer.of_version(item) for item in function.versions]
        return cls(
            name=function.name, origin=function.origin, versions=versions, uses=function.uses
        )


class ProblemAnswer(Answer):
    line: int
    """From 1."""
    message: str
    column: int
    level: str


class CheckAnswer(Answer):
    spec: SpecAnswer | None
    """What it declares, null when it cannot be loaded."""
    problems: list[ProblemAnswer]

    @classmethod
    def of_checked(cls, found: Checked) -> Self:
        spec = None if found.spec is None else SpecAnswer.of_spec(found.spec)
        return cls(spec=spec, problems=[ProblemAnswer.of(item) for item in found.problems])


class ShadowHealthAnswer(Answer):
    version: str
    values: int
    equal: int
    largest: float
    faults: int
    cpu_s: float
    fault: Json | None


class FunctionHealthAnswer(Answer):
    state: str
    version: str
    package: str
    since: Time | None
    batches: int
    values_in: int
    values_out: int
    cpu_s: float
    slowest_s: float
    faults: int
    faults_ever: int
    fault: Json | None
    lag_s: float
    late: int
    memory_bytes: int
    contained: list[str]
    shadow: ShadowHealthAnswer | None

    @classmethod
    def of_health(cls, health: FunctionHealth) -> Self:
        return cls.model_validate(edge(health))


class UseAnswer(Answer):
    device: DeviceAnswer
    """The use as a device: its `connection` says which tags stand at which input."""
    function: str
    version: str
    health: FunctionHealthAnswer | None
    online: bool
    previous: str
    """The version before, for `roll-back`."""
    trial_until: Time | None
    """Until then a fault takes it back by itself."""

    @classmethod
    def of_use(cls, use: Use) -> Self:
        return cls(
            device=DeviceAnswer.of(use.device),
            function=use.function,
            version=use.version,
            health=FunctionHealthAnswer.of_health(use.health) if use.health else None,
            online=use.online,
            previous=use.previous,
            trial_until=iso(use.trial_until_ns),
        )


class LookAnswer(Answer):
    log: list[Json]
    """Maps with number, time_ns, level, message."""
    faults: list[Json]
    """The last 20."""
    compared: list[Json]
    """By output tag, while a shadow runs: tag_id, times_ns, live, shadow."""

    @classmethod
    def of_look(cls, reply: FunctionLookReply) -> Self:
        return cls(log=[*reply.log], faults=[*reply.faults], compared=[*reply.compared])
