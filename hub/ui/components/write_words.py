"""What writing says to people: the question before, and the result after. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.records import Device, Tag
from hub.ui.words import plural
from schemas.messages.writes import WriteResult, WriteState

Value = float | int | bool | str

_UNKNOWN = (
    "The device did not answer. The value may have been written or not. Look at the machine or "
    "wait for the live value before you do anything. Spindle does not try it again by itself."
)

_DIFFERS = (
    "The device confirmed the value, then another one was read. Mostly the PLC program limits or "
    "overwrites it."
)


def value_words(tag: Tag, value: Any) -> str:
    """With its unit; texts in quotes, on and off for bits."""
    if isinstance(value, bool):
        return "on (true)" if value else "off (false)"
    if isinstance(value, str):
        return f"'{value}'"
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return f"{text} {tag.config.unit}".rstrip()


def question(device: Device, tags: Mapping[int, Tag], values: Mapping[int, Value]) -> str:
    name = device.config.name
    if len(values) > 1:
        return f"Write {plural(len(values), 'value')} to {name}?"
    ((tag_id, value),) = values.items()
    return f"Write {value_words(tags[tag_id], value)} to {tags[tag_id].config.name} on {name}?"


def limits_words(tag: Tag) -> str:
    """What may be written."""
    low, high = tag.config.write_low, tag.config.write_high
    unit = f" {tag.config.unit}" if tag.config.unit else ""
    if low is not None and high is not None:
        return f"Allowed: {low:g} to {high:g}{unit}"
    if low is not None:
        return f"Allowed: {low:g}{unit} or more"
    return "" if high is None else f"Allowed: {high:g}{unit} or less"


def result_words(item: WriteResult, tag: Tag | None = None) -> tuple[str, str, str]:
    """(level of a callout, title, explanation)."""
    read = value_words(tag, item.read_back) if tag and item.read_back is not None else ""
    error = item.error or {}
    if item.state is WriteState.VERIFIED:
        return "ok", "Written, and read back equal", ""
    if item.state is WriteState.WRITTEN:
        return "ok", "Written", "The device confirmed it. It was not read back."
    if item.state is WriteState.DIFFERS:
        title = f"Written, but now it is {read}" if read else "Written, but read back differently"
        return "warn", title, _DIFFERS
    if item.state is WriteState.REFUSED:
        reason = str(error.get("message", "")) or "Nothing says why."
        return "bad", "Not written", f"{reason} {error.get('hint', '')}".strip()
    return "warn", "Unknown whether it was written", _UNKNOWN
