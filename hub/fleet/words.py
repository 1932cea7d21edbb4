"""What a revision says it changed, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.fleet.secrets import secret_fields
from schemas.config.base import Config
from schemas.config.devices import DeviceConfig, TagConfig

MAX_CHANGES = 6
MAX_LENGTH = 300


def device_change(old: DeviceConfig, new: DeviceConfig) -> str:
    """`Device Filler: host 10.0.0.1 -> 10.0.0.2, period of normal 1000 ms -> 500 ms`."""
    secret = set(secret_fields(new)) | set(secret_fields(old))
    changes = _fields(old, new, {"connection", "groups"})
    changes += _fields(old.connection, new.connection, secret)
    changes += [
        f"{name} changed"
        for name in sorted(secret)
        if getattr(old.connection, name, None) != getattr(new.connection, name, None)
    ]
    if old.groups != new.groups:
        groups = ", ".join(f"{group.name} {group.period_ms} ms" for group in new.groups)
        changes.append(f"scan groups now {groups}")
    return _sentence(f"Device {old.name}", changes)


def tag_change(device: str, old: TagConfig, new: TagConfig) -> str:
    return _sentence(f"Tag {device}/{old.name}", _fields(old, new, set()))


def tags_added(device: str, tags: Sequence[TagConfig]) -> str:
    return f"Device {device}: {_count(tags)} added"[:MAX_LENGTH]


def tags_deleted(device: str, names: Sequence[str]) -> str:
    return f"Device {device}: {_names(names)} deleted"[:MAX_LENGTH]


def device_added(name: str, tags: Sequence[TagConfig]) -> str:
    return f"Device {name} added" + (f" with {_count(tags)}" if tags else "")


def devices_made(profile: str, version: int, names: Sequence[str]) -> str:
    return f"{_some('device', names)} made from version {version} of profile {profile}"[:MAX_LENGTH]


def devices_updated(profile: str, version: int, names: Sequence[str]) -> str:
    return f"{_some('device', names)} now of version {version} of profile {profile}"[:MAX_LENGTH]


def _count(tags: Sequence[TagConfig]) -> str:
    return _names([tag.name for tag in tags])


def _names(names: Sequence[str]) -> str:
    return _some("tag", names)


def _some(noun: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{noun} {names[0]}"
    few = ", ".join(names[:3])
    return f"{len(names)} {noun}s ({few}{', ...' if len(names) > 3 else ''})"


def _fields(old: Config, new: Config, without: set[str]) -> list[str]:
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    return [
        f"{name} {_short(before.get(name))} -> {_short(after.get(name))}"
        for name in after.keys() | before.keys()
        if name not in without and before.get(name) != after.get(name)
    ]


def _sentence(subject: str, changes: list[str]) -> str:
    if not changes:
        return f"{subject}: saved without a change"
    more = f" and {len(changes) - MAX_CHANGES} more" if len(changes) > MAX_CHANGES else ""
    return f"{subject}: {', '.join(sorted(changes)[:MAX_CHANGES])}{more}"[:MAX_LENGTH]


def _short(value: Any) -> str:
    text = "nothing" if value in (None, "") else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
