"""Bodies of requests and answers about trials, rollouts and events of functions."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field

from hub.api.edge import edge
from hub.api.models import Answer, Ids, Time
from hub.api.models_functions import Source, UseBody
from hub.function_records import MAX_WATCH_S, Trial
from schemas.config.base import Config, Name
from schemas.config.functions import Version

Json = dict[str, Any]


# --- requests -----------------------------------------------------------------------------------
class RecordBody(UseBody):
    """A use that need not exist, and a range of time."""

    name: Name = "trial"
    start: AwareDatetime
    end: AwareDatetime


class TrialBody(RecordBody):
    source: Source | None = None
    """Tried instead of a saved version; `function` and `version` do not count then."""


class RolloutBody(Config):
    version: Version
    uses: Annotated[Ids, Field(min_length=1)]
    """Device ids of uses of the function."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Of the uses that get it first, at least one."""
    watch_s: Annotated[float, Field(ge=0, le=MAX_WATCH_S)] = 600.0
    """So long they run without a fault before the others get it."""


# --- answers ------------------------------------------------------------------------------------
class CurveAnswer(Answer):
    port: str
    """The input or output."""
    name: str
    unit: str
    times: list[Time | None]
    values: list[float | int | bool | str | None]
    """null where it is bad."""
    quality: list[int]


class FaultAnswer(Answer):
    kind: str
    message: str
    function: str
    version: str
    line: int
    file: str
    traceback: str
    tags: list[str]
    time: Time | None
    """Of the batch, in event time."""


class TrialAnswer(Answer):
    before: list[CurveAnswer]
    """The inputs, thinned so that every extreme stays."""
    after: list[CurveAnswer]
    rows: int
    values: int
    """Stored values of the inputs that were read."""
    seconds: float
    cpu_s: float
    faults: list[FaultAnswer]
    effects: list[Json]
    """Alarms, writes (none was done) and events: maps with kind, level, time_ns, message."""
    log: list[Json]

    @classmethod
    def of_trial(cls, trial: Trial) -> Self:
        return cls.model_validate(edge(trial))


class DeploymentAnswer(Answer):
    id: int
    function: str
    version: str
    state: str
    """`canary` (some have it), `watch` (all have it), `done`, `rolled-back`, `cancelled`."""
    share: float
    until: Time | None
    """End of the watch as it looks now."""
    uses: list[int]
    canaries: list[int]
    author: str
    created: Time | None
    reason: str
    """Why it ended, or whom the watch waits for."""


class EventAnswer(Answer):
    id: int
    time: Time | None
    spoke: str
    device_id: int
    """0 for the gateway itself."""
    device: str
    level: str
    kind: str
    message: str
    detail: Json
