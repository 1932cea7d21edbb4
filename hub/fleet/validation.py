"""What must hold of a device with all its tags before it is written. Pure: no I/O.

10,000 addresses take some 0.4 s, so the callers run it in a thread.

The single fields were checked by the pydantic models; here it is what only the whole can tell.
Paths count the tags in the order given: `tags.<i>.<field>`.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.addresses import check_tags
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConfigErrors, SpindleError


def check_device(
    config: DeviceConfig, tags: Sequence[TagConfig], existing: Sequence[TagConfig] = ()
) -> None:
    """Raises ConfigErrors with every problem of `tags` among themselves and with `existing`.

    `existing` are the tags that stay as they are: a problem that only they have is theirs from
    before, and it is named only when nothing else is wrong.
    """
    everything = [*tags, *existing]
    problems: list[SpindleError] = [
        *_twins(everything, len(tags)),
        *_groups(config, tags),
        *check_tags(everything, config.connection),
    ]
    mine = [item for item in problems if _place(item) < len(tags)]
    if mine:
        raise ConfigErrors(mine)
    if problems:
        raise ConfigErrors([type(item)(item.message, hint=item.hint) for item in problems])


def check_groups(config: DeviceConfig, tags: Sequence[TagConfig]) -> None:
    """For a device whose groups change: every scan group that a tag names must stay."""
    known = {group.name for group in config.groups}
    missing = sorted({tag.group for tag in tags} - known)
    if missing:
        raise ConfigErrors(
            [
                ConfigError(
                    f"groups: scan group {name!r} has tags and cannot go.",
                    hint="Move its tags to another group first.",
                    path="groups",
                )
                for name in missing
            ]
        )


def _twins(tags: Sequence[TagConfig], count: int) -> list[ConfigError]:
    """A name that occurs twice, at its second place; the tags from `count` on were there first."""
    seen = {tag.name for tag in tags[count:]}
    found = []
    for index, tag in enumerate(tags[:count]):
        if tag.name in seen:
            found.append(
                ConfigError(
                    f"{tag.name}: the device has a tag of this name already.",
                    hint="Tag names are unique in their device; choose another one.",
                    path=f"tags.{index}.name",
                )
            )
        seen.add(tag.name)
    return found


def _groups(config: DeviceConfig, tags: Sequence[TagConfig]) -> list[ConfigError]:
    known = {group.name for group in config.groups}
    words = ", ".join(repr(name) for name in sorted(known))
    return [
        ConfigError(
            f"{tag.name}: scan group {tag.group!r} does not exist.",
            hint=f"The device has {words}.",
            path=f"tags.{index}.group",
        )
        for index, tag in enumerate(tags)
        if tag.group not in known
    ]


def _place(problem: SpindleError) -> int:
    """The index of the tag that a path names."""
    parts = problem.path.split(".")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
