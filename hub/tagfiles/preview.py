"""Drafts of a file against the tags of a device: what each row would do, or why it cannot. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from hub.bulk import ImportOptions, ImportRow, RowState
from hub.fleet.validation import check_wire, group_problem
from hub.tagfiles.changes import Known, words_of_change
from hub.tagfiles.drafts import Draft, TagFile
from hub.tagfiles.tables import MAX_ROWS
from schemas.addresses import check_tags
from schemas.addresses.arrays import elements
from schemas.config.base import explain
from schemas.config.devices import DeviceConfig, GroupConfig, TagConfig
from schemas.errors import AddressError, ConfigError, ConflictError, SpindleError

_DEFAULT_GROUP = GroupConfig().name
_MISSING = "Field required"
"""What pydantic says of a field whose problem the reader named already."""
_MAX_SEARCHES = 200
"""Older tags for which the new one that lies across them is looked for."""


@dataclass(slots=True)
class _Item:
    """A draft on its way to a row."""

    draft: Draft
    known: Known | None = None
    config: TagConfig | None = None
    problems: list[SpindleError] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.config is not None and not self.problems


def preview_rows(
    file: TagFile, device: DeviceConfig, known: Sequence[Known], options: ImportOptions
) -> list[ImportRow]:
    """Rows in the order of the file, then the tags that would be removed. `file.notes` grows."""
    group = _default_group(file, device, options)
    items = [_Item(draft) for draft in _expanded(file.drafts, device, group)]
    _match(items, known, file.notes)
    for item in items:
        _validate(item, group)
    _twins(items)
    _names_of_others(items, known, options)
    for item in items:
        _fits(item, device)
    _check_addresses(items, known, device, options)
    claimed = {item.known.tag_id for item in items if item.known}
    rows = [_row(item) for item in items]
    if options.remove:
        rows += [_removed(tag) for tag in known if tag.tag_id not in claimed]
    return rows


def _default_group(file: TagFile, device: DeviceConfig, options: ImportOptions) -> str:
    """For new tags whose row names none."""
    names = [group.name for group in device.groups]
    if options.group:
        if options.group not in names:
            raise group_problem(device, options.group, "group")
        return options.group
    if _DEFAULT_GROUP in names:
        return _DEFAULT_GROUP
    if any("group" not in draft.fields for draft in file.drafts):
        file.notes.append(f"New tags without a scan group come into {names[0]}.")
    return names[0]


# --- arrays -----------------------------------------------------------------------------------
def _expanded(drafts: Sequence[Draft], device: DeviceConfig, group: str) -> Iterator[Draft]:
    """`HR:0[10]` is ten drafts of one line. Raises ConfigError past MAX_ROWS of them."""
    count = 0
    for draft in drafts:
        parts: Iterable[Draft] = (draft,)
        if draft.tag_id is None and "[" in str(draft.fields.get("address", "")):
            parts = _elements(draft, device, group)
        for part in parts:
            count += 1
            if count > MAX_ROWS:
                raise ConfigError(
                    f"With its arrays the file has more than {MAX_ROWS:,} tags.", hint="Split it."
                )
            yield part


def _elements(draft: Draft, device: DeviceConfig, group: str) -> Iterator[Draft]:
    """The draft itself where it is no tag: the reason comes up again in `_validate`."""
    try:
        tags = elements(
            TagConfig.model_validate({"group": group} | draft.fields), device.connection
        )
    except ValidationError:
        yield draft
        return
    except AddressError as error:
        error.path = "address"
        draft.problems.append(error)
        yield draft
        return
    for tag in tags:
        fields = draft.fields | {"name": tag.name, "address": tag.address}
        yield Draft(draft.line, fields, problems=list(draft.problems))


# --- which tag a row means --------------------------------------------------------------------
def _match(items: Sequence[_Item], known: Sequence[Known], notes: list[str]) -> None:
    """By id, so that a tag can be renamed; the others by name."""
    by_id = {tag.tag_id: tag for tag in known}
    claimed: dict[int, _Item] = {}
    foreign = 0
    for item in items:
        tag_id = item.draft.tag_id
        if tag_id is None:
            continue
        if tag_id in claimed:
            first = claimed[tag_id].draft.line
            item.problems.append(
                ConfigError(
                    f"id: line {first} has the id {tag_id} already.",
                    hint="Empty the id of a row that was copied; it is a new tag then.",
                    path="id",
                )
            )
        elif tag_id in by_id:
            item.known = by_id[tag_id]
            claimed[tag_id] = item
        else:
            foreign += 1
    if foreign:
        notes.append(
            f"{foreign} ids are of no tag of this device; these rows were matched by name."
        )
    by_name = {tag.config.name: tag for tag in known if tag.tag_id not in claimed}
    for item in items:
        if item.known is None and not item.problems:
            item.known = by_name.get(item.draft.name.strip())


# --- one row ----------------------------------------------------------------------------------
def _validate(item: _Item, group: str) -> None:
    old = item.known.config if item.known else None
    base: dict[str, Any] = old.model_dump() if old else {"group": group}
    merged = base | item.draft.fields
    item.problems += item.draft.problems
    paths = {problem.path for problem in item.problems}
    try:
        item.config = TagConfig.model_validate(merged)
    except ValidationError as error:
        item.problems += [
            found
            for found in explain(error)
            if found.path not in paths and not (paths and found.message.endswith(_MISSING))
        ]


def _fits(item: _Item, device: DeviceConfig) -> None:
    """Scan group and column type."""
    config = item.config
    if config is None:
        return
    if config.group not in {group.name for group in device.groups}:
        item.problems.append(group_problem(device, config.group, "group"))
    if item.known:
        try:
            check_wire(item.known.wire, item.known.config, config)
        except ConflictError as error:
            item.problems.append(error)


# --- names ------------------------------------------------------------------------------------
def _twins(items: Sequence[_Item]) -> None:
    first: dict[str, int] = {}
    for item in items:
        name = item.config.name if item.config else item.draft.name.strip()
        if name and name in first:
            item.problems.append(
                ConfigError(
                    f"{name}: line {first[name]} has a tag of this name already.",
                    hint="Tag names are unique in their device; choose another one.",
                    path="name",
                )
            )
        first.setdefault(name, item.draft.line)


def _names_of_others(
    items: Sequence[_Item], known: Sequence[Known], options: ImportOptions
) -> None:
    """A new name may be that of a tag which gets another one, but not of one that keeps it."""
    moving = {item.known.tag_id for item in items if item.known and item.good}
    claimed = {item.known.tag_id for item in items if item.known}
    kept = {
        tag.config.name: tag.tag_id
        for tag in known
        if tag.tag_id not in moving and not (options.remove and tag.tag_id not in claimed)
    }
    for item in items:
        if item.config is None:
            continue
        owner = kept.get(item.config.name)
        if owner is not None and (item.known is None or item.known.tag_id != owner):
            item.problems.append(
                ConfigError(
                    f"{item.config.name}: the device has a tag of this name already.",
                    hint="Tag names are unique in their device; choose another one.",
                    path="name",
                )
            )


# --- addresses --------------------------------------------------------------------------------
def _check_addresses(
    items: Sequence[_Item], known: Sequence[Known], device: DeviceConfig, options: ImportOptions
) -> None:
    """Of the good rows among themselves and with the tags that stay as they are."""
    mine = [item for item in items if item.config is not None]
    configs = [item.config for item in mine if item.config is not None]
    claimed = {item.known.tag_id for item in items if item.known}
    moving = {item.known.tag_id for item in mine if item.known}
    stay = [
        tag.config
        for tag in known
        if tag.tag_id not in moving and not (options.remove and tag.tag_id not in claimed)
    ]
    everything = configs + stay
    searches = 0
    for problem in check_tags(everything, device.connection):
        place = int(problem.path.split(".")[1])
        item = mine[place] if place < len(mine) else None
        if (item is None or _untouched(item)) and searches < _MAX_SEARCHES:
            searches += 1
            item = _other_side(problem, everything[place], mine, device)
        if item is not None and all(found.path != "address" for found in item.problems):
            item.problems.append(_of_field(problem))


def _untouched(item: _Item) -> bool:
    return item.known is not None and item.known.config == item.config


def _other_side(
    problem: SpindleError, older: TagConfig, items: Sequence[_Item], device: DeviceConfig
) -> _Item | None:
    """The new or changed row because of which an older tag has a problem now: the message names
    both, and the two alone show it again."""
    for item in items:
        config = item.config
        if config is None or _untouched(item) or config.name not in problem.message:
            continue
        if config is not older and check_tags([config, older], device.connection):
            return item
    return None


def _of_field(problem: SpindleError) -> SpindleError:
    """`tags.3.address` is `address` where each row has its own problems."""
    problem.path = problem.path.split(".")[-1]
    return problem


# --- rows -------------------------------------------------------------------------------------
def _row(item: _Item) -> ImportRow:
    tag_id = item.known.tag_id if item.known else None
    line, config = item.draft.line, item.config
    if config is None or item.problems:
        name = config.name if config else item.draft.name
        problems = tuple(item.problems)
        return ImportRow(line, RowState.BAD, name, tag_id=tag_id, problems=problems)
    if item.known is None:
        return ImportRow(line, RowState.NEW, config.name, config)
    changes = words_of_change(item.known.config, config)
    state = RowState.CHANGED if changes else RowState.SAME
    return ImportRow(line, state, config.name, config, tag_id, changes)


def _removed(tag: Known) -> ImportRow:
    return ImportRow(0, RowState.REMOVED, tag.config.name, tag.config, tag.tag_id)
