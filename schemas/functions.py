"""What a function says of itself, and what can go wrong with one: plain data between processes.

A **function** is Python code with declared inputs, outputs and parameters. A **built-in** comes
with Spindle, a **package** is the plant's own, in versions. A **use** is a function at work on a
gateway: a device with the driver `function`, whose tags are its outputs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from schemas.kinds import Kind

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""Of a function and of its ports: a Python identifier in lower case."""
VERSION = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Input:
    """A named input. One tag is a column [S]; `many` tags are a column [S, N]."""

    name: str
    kind: Kind = Kind.FLOAT
    """Values arrive as float64, int64, bool or str, whatever the tag's data type is."""
    many: bool = False
    trigger: bool = True
    """False: its last value is there to read, and its changes make no rows."""
    required: bool = True
    unit: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A named output; it becomes a calculated tag, or with `per` one for each tag of that input."""

    name: str
    kind: Kind = Kind.FLOAT
    per: str = ""
    """The name of a `many` input."""
    unit: str = ""
    """Empty with `per`: the unit of the input's tag."""
    passes: str = ""
    """The input whose values stand here, uncertain, while the function is taken out; `per` implies
    it. Without one the last value stands, as "last usable value"."""
    description: str = ""

    @property
    def source(self) -> str:
        """The input whose values pass while the function is taken out; empty for none."""
        return self.passes or self.per


@dataclass(frozen=True, slots=True)
class WritePort:
    """A tag that the function may ask to be written, when whoever deploys it binds one."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """Everything that a form, a check and a documentation page need."""

    name: str
    version: str
    """`major.minor.patch`: state survives a change of version with the same major number."""
    title: str = ""
    description: str = ""
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    writes: tuple[WritePort, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    """JSON Schema of the parameters."""


@dataclass(frozen=True, slots=True)
class TagInfo:
    """A tag as a function sees it."""

    id: int
    name: str
    device: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Bindings:
    """Which tags stand at which port of a use."""

    inputs: dict[str, tuple[TagInfo, ...]] = field(default_factory=dict)
    outputs: dict[str, tuple[TagInfo, ...]] = field(default_factory=dict)
    """With `per`: in the order of the input's tags."""
    writes: dict[str, TagInfo] = field(default_factory=dict)


FAULTS = ("exception", "overrun", "memory", "crash", "shape", "start")
"""exception: it raised. overrun: too long for one batch, or too much CPU. memory: over its limit.
crash: its process ended. shape: what it returned does not fit its outputs. start: it could not be
loaded."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a function, in words and with its place."""

    kind: str
    message: str
    function: str = ""
    version: str = ""
    line: int = 0
    """Line of the function's own file where it happened, 0 when unknown."""
    file: str = ""
    traceback: str = ""
    tags: tuple[str, ...] = ()
    """Names of the outputs that are affected."""
    time_ns: int = 0

    @property
    def words(self) -> str:
        """`level_trend 1.2.0, line 14: ZeroDivisionError: division by zero (exception)`."""
        place = f", line {self.line}" if self.line else ""
        return f"{self.function} {self.version}{place}: {self.message} ({self.kind})"
