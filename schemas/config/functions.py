"""Settings of functions at work: a use on a gateway, and a step on the tags of a device."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.config.base import Config, Name
from schemas.functions import NAME, VERSION

FunctionName = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Version = Annotated[str, StringConstraints(pattern=f"^{VERSION.pattern}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
TagId = Annotated[int, Field(ge=1, lt=2**31)]


class LimitsConfig(Config):
    """What a package's process may use. Built-ins have no limits."""

    memory_mb: Annotated[int, Field(title="Memory (MB)", ge=32, le=16_384)] = 256
    """Of the whole process, beyond what Python and numpy take themselves."""
    batch_s: Annotated[float, Field(title="Time per batch (s)", gt=0, le=60)] = 1.0
    """Longer is an overrun: the process is ended."""
    cpu_percent: Annotated[float, Field(title="CPU (%)", gt=0, le=400)] = 50.0
    """Of one core, averaged over ten seconds."""
    faults: Annotated[int, Field(title="Stop after faults", ge=1, le=1000)] = 5
    """So many within ten minutes stop it until somebody starts it again."""


class ShadowConfig(Config):
    """Another version that runs beside the one at work; its output is compared, never stored."""

    version: Version
    package: Sha256
    parameters: dict[str, Any] = Field(default_factory=dict)


class FunctionConfig(Config):
    """A use of a function: which one, on which tags."""

    driver: Literal["function"] = "function"
    function: FunctionName
    version: Version | Literal[""] = ""
    """Empty for a built-in, which is of the gateway's release."""
    package: Sha256 | Literal[""] = ""
    """SHA-256 of the package's bundle; empty for a built-in."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, tuple[TagId, ...]] = Field(default_factory=dict)
    """Tag ids by input, all of the same gateway."""
    writes: dict[str, TagId] = Field(default_factory=dict)
    """Tags that the function may write, by its write port."""
    limits: LimitsConfig = LimitsConfig()
    lateness_ms: Annotated[int, Field(title="Wait for late values (ms)", ge=0, le=60_000)] = 500
    """Inputs of several scan groups arrive at different times; so long a row waits for the rest."""
    shadow: ShadowConfig | None = None
    generation: Annotated[int, Field(ge=0)] = 0
    """Counts up when somebody starts a stopped function again."""

    @property
    def link(self) -> None:
        return None

    @property
    def built_in(self) -> bool:
        return not self.package

    @property
    def major(self) -> str:
        """State survives while this stays."""
        return self.version.partition(".")[0]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.version) != bool(self.package):
            raise ValueError("version and package belong together; a built-in has neither")
        if self.built_in and self.shadow is not None:
            raise ValueError("a built-in has one version, so there is no shadow of it")
        return self


class StepConfig(Config):
    """A built-in that changes the values of tags before they are stored, in the worker."""

    function: Annotated[FunctionName, Field(title="Function")]
    """A built-in with one `many` input and one output per tag of it."""
    tags: Annotated[tuple[Name, ...], Field(title="Tags", min_length=1)]
    """Names of the device's tags; `*` stands for any characters."""
    parameters: Annotated[dict[str, Any], Field(title="Parameters")] = Field(default_factory=dict)

    def names(self, tag: str) -> bool:
        """Whether one of the patterns fits the name of a tag."""
        patterns = (re.escape(item).replace(r"\*", ".*") for item in self.tags)
        return any(re.fullmatch(pattern, tag) for pattern in patterns)
