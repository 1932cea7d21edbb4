"""Functions at work in words: state, faults, what holds a process, what a change does. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.function_records import Use, UseDraft
from hub.functions.versions import same_major
from hub.ui.words import STATE_LEVELS, STATE_WORDS, device_state, plural
from schemas.config.functions import FunctionConfig
from schemas.functions import FunctionSpec
from schemas.messages.health import FunctionHealth

_HELD = {
    "memory": "its memory is limited",
    "network": "it has no network",
    "files": "it sees no files but its own",
    "processes": "it cannot start other programs",
}
_FREE = {
    "memory": "its memory is not limited by the system",
    "network": "it can reach the network",
    "files": "it can read files of the gateway's user",
    "processes": "it can start other programs",
}
_BUILT_IN = (
    "It comes with Spindle and runs in the function host itself, without a process of its own."
)
_WORST = ("stopped", "refused", "waiting", "faults", "connecting", "unknown", "running", "off")


def function_of(use: Use) -> FunctionConfig:
    """What the use is set to."""
    found = use.device.config.connection
    assert isinstance(found, FunctionConfig)
    return found


def state_of(use: Use) -> str:
    """A key of STATE_WORDS."""
    return device_state(use.health, use.device.config.enabled, use.online)


def use_badge(use: Use) -> tuple[str, str]:
    """(level, words)."""
    state = state_of(use)
    if state == "running" and use.health is not None and use.health.faults:
        return "warn", "Running, faults"
    if state == "unknown" and not use.online:
        return "off", "Gateway offline"
    return STATE_LEVELS[state], STATE_WORDS[state]


def function_badge(uses: Sequence[Use]) -> tuple[str, str]:
    """The worst state of all uses, and of how many."""
    if not uses:
        return "off", "Not in use"
    states = [_with_faults(use) for use in uses]
    worst = min(states, key=_WORST.index)
    number = states.count(worst)
    level = "warn" if worst == "faults" else STATE_LEVELS[worst]
    words = {"faults": "Faults", "unknown": "Gateway offline"}.get(worst) or STATE_WORDS[worst]
    if worst in ("running", "off") or number == len(uses):
        return level, words
    return level, f"{number} of {len(uses)} {words.lower().removeprefix('gateway ')}"


def _with_faults(use: Use) -> str:
    state = state_of(use)
    faults = use.health.faults if use.health else 0
    return "faults" if state == "running" and faults else state


def fault_words(fault: Mapping[str, Any] | None) -> str:
    """`1.2.0, line 14: ZeroDivisionError: division by zero`; empty for None."""
    if not fault:
        return ""
    line = f"line {fault['line']}" if fault.get("line") else ""
    place = ", ".join(part for part in (str(fault.get("version", "")), line) if part)
    message = str(fault.get("message", ""))
    return f"{place}: {message}" if place else message


def contained_words(health: FunctionHealth | None, *, built_in: bool) -> str:
    """What holds its process, and what does not: both are said."""
    if built_in:
        return _BUILT_IN
    if health is None or not health.version:
        return "Not known before its process runs."
    held = [text for name, text in _HELD.items() if name in health.contained]
    free = [text for name, text in _FREE.items() if name not in health.contained]
    text = f"A process of its own: {', '.join(held)}." if held else "A process of its own."
    return f"{text} On this gateway {', and '.join(free)}." if free else text


def state_note(old: str, new: str) -> str:
    """What becomes of the state of a use, by version numbers; a built-in has none."""
    if not old and not new:
        return "It goes on with its state."
    if old == new:
        return f"Version {new} stays, so it goes on with its state."
    if same_major(old, new):
        return f"{old} and {new} have the same major number, so it goes on with its state."
    return f"The major number is another one ({old} to {new}), so its state starts anew."


def changes(
    old: UseDraft, new: UseDraft, spec: FunctionSpec, names: Mapping[int, str]
) -> list[str]:
    """What a draft changes, a line each; `names` are those of tags, by id.

    A parameter that is not given is its default of `spec`, the new version's.
    """
    found = []
    if old.name != new.name:
        found.append(f"Name: {old.name} becomes {new.name}")
    if old.description != new.description:
        found.append("Description")
    if old.version != new.version:
        found.append(f"Version: {old.version} becomes {new.version}")
    for port in spec.inputs:
        before, after = tuple(old.inputs.get(port.name, ())), tuple(new.inputs.get(port.name, ()))
        if before != after:
            found.append(f"Input {port.name}: {_tags_change(before, after, names)}")
    fields = spec.parameters.get("properties", {})
    for name in sorted({*old.parameters, *new.parameters}):
        default = fields.get(name, {}).get("default")
        was, now = (draft.parameters.get(name, default) for draft in (old, new))
        if was != now:
            found.append(f"Parameter {name}: {_shown(was)} becomes {_shown(now)}")
    for name in sorted({*old.writes, *new.writes}):
        tag_was, tag_now = old.writes.get(name), new.writes.get(name)
        if tag_was != tag_now:
            found.append(f"Writes {name}: {_tag(tag_was, names)} becomes {_tag(tag_now, names)}")
    found += [
        f"{info.title}: {getattr(old.limits, name):g} becomes {getattr(new.limits, name):g}"
        for name, info in type(old.limits).model_fields.items()
        if getattr(old.limits, name) != getattr(new.limits, name)
    ]
    found += [f"Output {place} is called {name}" for place, name in new.names.items()]
    return found


def _tags_change(before: Sequence[int], after: Sequence[int], names: Mapping[int, str]) -> str:
    if len(before) <= 1 and len(after) <= 1:
        was, now = (_tag(next(iter(ids), None), names) for ids in (before, after))
        return f"{was} becomes {now}"
    more, fewer = len(set(after) - set(before)), len(set(before) - set(after))
    if not more and not fewer:
        return "another order"
    parts = [f"{plural(more, 'tag')} more"] if more else []
    parts += [f"{plural(fewer, 'tag')} less"] if fewer else []
    return ", ".join(parts)


def _tag(tag_id: int | None, names: Mapping[int, str]) -> str:
    return "none" if tag_id is None else names.get(tag_id, f"tag {tag_id}")


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def first_sentence(text: str) -> str:
    """For one line of a list."""
    line = " ".join(text.split())
    head, dot, _ = line.partition(". ")
    return head + "." if dot else line
