"""What must hold of a device with all its tags before it is written. Pure: no I/O.

10,000 addresses take some 0.4 s, so the callers run it in a thread.

The single fields were checked by the pydantic models; here it is what only the whole can tell.
Paths count the tags in the order given: `tags.<i>.<field>`.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.addresses import check_tags
from schemas.addresses.arrays import elements
from schemas.config.devices import DeviceConfig, GroupConfig, TagConfig
from schemas.config.functions import FunctionConfig
from schemas.errors import AddressError, ConfigError, ConfigErrors, ConflictError, SpindleError

MAX_TAGS = 100_000
"""Of one device in one call: 20,000 arrays of 1,000 would be 20 million."""


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


def expand_and_check(
    config: DeviceConfig, tags: Sequence[TagConfig], existing: Sequence[TagConfig] = ()
) -> list[TagConfig]:
    """The tags with arrays (`HR:0[10]`) as their elements, when they all fit the device.

    Raises ConfigErrors; the paths count the tags as they were given.
    """
    found: list[TagConfig] = []
    places: list[int] = []
    problems: list[SpindleError] = []
    for index, tag in enumerate(tags):
        try:
            parts = elements(tag, config.connection)
        except AddressError as error:
            path = f"tags.{index}.address"
            message = f"{tag.name}: {error.message}"
            problems.append(AddressError(message, hint=error.hint, path=path))
            parts = []
        found += parts
        if len(found) > MAX_TAGS:
            text = f"With their arrays these are more than {MAX_TAGS:,} tags."
            raise ConfigErrors([ConfigError(text, hint="Add fewer at a time.", path="tags")])
        places += [index] * len(parts)
    try:
        check_device(config, found, existing)
    except ConfigErrors as error:
        problems += [_moved(problem, places) for problem in error.problems]
    if problems:
        raise ConfigErrors(problems)
    return found


def check_no_function(config: DeviceConfig) -> None:
    """Raises ConfigErrors for a function at work: it has a page of its own."""
    if isinstance(config.connection, FunctionConfig):
        raise _function_page(config.name, "connection.driver")


def check_function_change(old: DeviceConfig, new: DeviceConfig) -> None:
    """Of a function only name, description and whether it is enabled change as a device's do, and
    no device becomes one. Raises ConfigErrors."""
    if not isinstance(old.connection, FunctionConfig):
        check_no_function(new)
        return
    free = {name: getattr(new, name) for name in ("name", "description", "enabled")}
    if old.model_copy(update=free) != new:
        raise _function_page(old.name, "connection")


def check_calculated(old: TagConfig, new: TagConfig) -> None:
    """For a tag that a function makes: only what people read changes. Raises ConfigErrors."""
    free = {name: getattr(new, name) for name in _CALCULATED}
    if old.model_copy(update=free) != new:
        changed = [name for name in TagConfig.model_fields if name not in _CALCULATED
                   and getattr(old, name) != getattr(new, name)]  # fmt: skip
        text = f"{old.name} is made by a function; its {changed[0]} cannot be changed."
        hint = f"Here its {', '.join(_CALCULATED)} can; the rest is on the Functions page."
        raise ConfigErrors([ConfigError(text, hint=hint, path=changed[0])])


_CALCULATED = ("name", "unit", "description", "low", "high", "store")


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


def group_problem(config: DeviceConfig, name: str, path: str, subject: str = "") -> ConfigError:
    """A scan group that the device does not have, with those that it has."""
    words = ", ".join(repr(group.name) for group in sorted(config.groups, key=_name))
    return ConfigError(
        f"{subject}scan group {name!r} does not exist.", hint=f"The device has {words}.", path=path
    )


def check_wire(wire: str | None, old: TagConfig, new: TagConfig) -> None:
    """`wire` is the column type of the tag's stored values, None before its first sample.

    Raises ConflictError when it would change: a tag's type never changes after its first sample.
    """
    if wire is not None and (old.wire != new.wire or old.kind != new.kind):
        raise ConflictError(
            f"{old.name}: its values are stored as {old.kind}; type and scaling are fixed now.",
            hint="Make a new tag for the new type and delete this one; its values stay.",
            path="data_type" if old.data_type != new.data_type else "scale",
        )


def _function_page(name: str, path: str) -> ConfigErrors:
    text = f"{name} is a function; change it on the Functions page."
    return ConfigErrors([ConfigError(text, hint="Its tags follow from its inputs.", path=path)])


def _name(group: GroupConfig) -> str:
    return group.name


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
    return [
        group_problem(config, tag.group, f"tags.{index}.group", f"{tag.name}: ")
        for index, tag in enumerate(tags)
        if tag.group not in known
    ]


def _moved(problem: SpindleError, places: Sequence[int]) -> SpindleError:
    """The same problem, counted in other places."""
    parts = problem.path.split(".")
    if len(parts) > 1 and parts[1].isdigit():
        problem.path = ".".join([parts[0], str(places[int(parts[1])]), *parts[2:]])
    return problem


def _place(problem: SpindleError) -> int:
    """The index of the tag that a path names."""
    parts = problem.path.split(".")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
