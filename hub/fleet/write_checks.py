"""What must hold of values before they are sent to a device. Pure: no I/O.

The spoke checks the same once more against the configuration that it runs; here a person learns at
once what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.config.devices import TagConfig
from schemas.errors import ConfigError, ConfigErrors, WriteRefusedError
from schemas.messages.writes import MAX_WRITES
from schemas.raw import Value, to_raw


def check_writes(tags: Mapping[int, TagConfig], values: Mapping[int, Value]) -> None:
    """Raises ConfigErrors with every problem, at `values.<tag id>`; `tags` are the device's."""
    if not 0 < len(values) <= MAX_WRITES:
        raise ConfigErrors(
            [
                ConfigError(
                    f"Write 1 to {MAX_WRITES} values at a time, not {len(values)}.",
                    hint="Write them in several calls.",
                    path="values",
                )
            ]
        )
    problems = []
    for tag_id, value in values.items():
        try:
            _check(tags.get(tag_id), tag_id, value)
        except ConfigError as error:
            error.path = f"values.{tag_id}"
            problems.append(error)
    if problems:
        raise ConfigErrors(problems)


def _check(tag: TagConfig | None, tag_id: int, value: Value) -> None:
    if tag is None:
        raise ConfigError(f"The device has no tag {tag_id}.", hint="Reload; it may be gone.")
    try:
        to_raw(tag, value)
    except WriteRefusedError as error:
        raise ConfigError(error.message, hint=error.hint) from error
