"""Why a value is bad, in words with what to do: the spoke's own problem first, else the quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.records import Latest, Tag
from schemas import quality
from schemas.messages.health import DeviceHealth
from schemas.quality import Quality

_HINTS = {
    Quality.BAD_CONFIG_ERROR: "Check address and data type of the tag.",
    Quality.BAD_NOT_CONNECTED: "The device is not connected; its error says why.",
    Quality.BAD_DEVICE_FAILURE: "The device reports a fault of its own; look at it.",
    Quality.BAD_OUT_OF_RANGE: (
        "The value cannot be real. Check data type, byte order and scaling, then the sensor."
    ),
    Quality.BAD_COMM_FAILURE: "The request failed; record the requests below to see the answer.",
    Quality.BAD_OUT_OF_SERVICE: "It is switched off in the PLC or on the server.",
    Quality.BAD_TIMEOUT: "The device answers too slowly; check its load or raise the timeout.",
    Quality.BAD_STALE: "The device answers, but the value has not been renewed for long.",
    Quality.UNCERTAIN: "The device itself is not sure; look at its sensor.",
    Quality.UNCERTAIN_LAST_USABLE: "The device repeats its last value; look at its sensor.",
    Quality.UNCERTAIN_CLOCK: "The device's clock is wrong; the gateway's time was taken. Set it.",
    Quality.UNCERTAIN_FUNCTION: "A function step was taken out; the value passed unchanged.",
    Quality.UNCERTAIN_CLAMPED: "The value left its range and is held at its end; check the range.",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A tag without a good value."""

    tag: Tag
    level: str
    message: str
    hint: str


def hint_words() -> dict[str, str]:
    """Quality in words -> what to do, for the pages' JavaScript."""
    return {quality.words(int(code)): text for code, text in _HINTS.items()}


def problems_of(health: DeviceHealth | None) -> dict[str, list[str]]:
    """Tag id -> (message, hint) of the tags that the spoke has a problem with."""
    found: Mapping[str, Mapping[str, Any]] = health.tag_problems if health else {}
    return {key: [*_texts(problem)] for key, problem in found.items()}


def reasons_of(
    tags: Sequence[Tag], health: DeviceHealth | None, latest: Mapping[int, Latest]
) -> list[Reason]:
    """Every tag that is bad or uncertain; the bad ones first."""
    known = problems_of(health)
    found = []
    for tag in tags:
        problem = known.get(str(tag.id))
        value = latest.get(tag.id)
        if problem:
            found.append(Reason(tag, "bad", problem[0], problem[1]))
        elif value is not None and not quality.is_good(value.quality):
            level = "bad" if quality.is_bad(value.quality) else "warn"
            words = quality.words(value.quality)
            hint = _HINTS.get(value.quality, "")  # type: ignore[call-overload]
            found.append(Reason(tag, level, words[:1].upper() + words[1:], hint))
    return sorted(found, key=lambda item: item.level)


def _texts(error: Mapping[str, Any]) -> tuple[str, str]:
    return str(error.get("message", "")), str(error.get("hint", ""))
