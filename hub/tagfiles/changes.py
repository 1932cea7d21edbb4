"""What of a preview is written, when the tags are still those that it was made with. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.bulk import ImportOptions, ImportRow, RowState
from hub.fleet.validation import check_wire
from schemas.config.devices import TagConfig
from schemas.errors import ConflictError, NotFoundError

Row = tuple[str, dict[str, Any], str]
"""(name, config as a JSON map, kind) of a tag to be written."""


@dataclass(frozen=True, slots=True)
class Known:
    """A tag that the device has. `wire` is None until its first sample."""

    tag_id: int
    wire: str | None
    config: TagConfig


@dataclass(slots=True)
class Plan:
    """Everything to be written. `configs` are the new and changed tags in the order of the rows,
    `places` the number of each one's row."""

    new: list[Row] = field(default_factory=list)
    changed: list[tuple[int, str, dict[str, Any], str]] = field(default_factory=list)
    renamed: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    configs: list[TagConfig] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


def words_of_change(old: TagConfig, new: TagConfig) -> tuple[str, ...]:
    """`unit: bar -> mbar` for each field that differs."""
    return tuple(
        f"{name}: {_word(before)} -> {_word(after)}"
        for name in TagConfig.model_fields
        if (before := getattr(old, name)) != (after := getattr(new, name))
    )


def plan(rows: Sequence[ImportRow], known: Sequence[Known], options: ImportOptions) -> Plan:
    """Raises ConflictError when a tag is not as the preview saw it, or has had its first sample
    since and would get another type. Bad rows are passed over."""
    by_id = {item.tag_id: item for item in known}
    found = Plan()
    for place, row in enumerate(rows):
        if row.state is not RowState.BAD:
            _take(found, place, row, by_id)
    _nothing_new(rows, by_id, options)
    return found


def _take(found: Plan, place: int, row: ImportRow, by_id: dict[int, Known]) -> None:
    if row.config is None or (row.tag_id is None) != (row.state is RowState.NEW):
        raise NotFoundError(f"{row.name}: this is no row of a preview.", hint="Preview again.")
    if row.tag_id is None:
        found.new.append(_row(row.config))
    else:
        old = by_id.get(row.tag_id)
        if old is None or not _as_seen(row, row.config, old.config):
            raise ConflictError(
                f"{row.name}: somebody else has changed or deleted this tag meanwhile.",
                hint="Preview the file again.",
            )
        if row.state is RowState.SAME:
            return
        if row.state is RowState.REMOVED:
            found.removed.append(row.tag_id)
            return
        check_wire(old.wire, old.config, row.config)
        found.changed.append((row.tag_id, *_row(row.config)))
        if old.config.name != row.config.name:
            found.renamed.append(row.tag_id)
    found.configs.append(row.config)
    found.places.append(place)


def _as_seen(row: ImportRow, config: TagConfig, old: TagConfig) -> bool:
    """The words of a change name every old value, so together they are the old tag."""
    if row.state is RowState.CHANGED:
        return words_of_change(old, config) == row.changes
    return old == config


def _nothing_new(
    rows: Sequence[ImportRow], by_id: dict[int, Known], options: ImportOptions
) -> None:
    """With `remove` the file is the whole: a tag that the preview did not have is a surprise."""
    if not options.remove:
        return
    seen = {row.tag_id for row in rows}
    more = [item.config.name for tag_id, item in by_id.items() if tag_id not in seen]
    if more:
        raise ConflictError(
            f"{more[0]}: somebody else has added this tag meanwhile.",
            hint="Preview the file again.",
        )


def _row(config: TagConfig) -> Row:
    return config.name, config.model_dump(mode="json"), config.kind.value


def _word(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
