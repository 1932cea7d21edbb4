"""Three-way merge of JSON values: what a person changed by hand stays. Pure.

`base` is what the old version of a profile made, `mine` what is there now, `theirs` what the new
version makes. A field that nobody touched since it was made takes the new version's value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

GONE: Any = object()
"""A key that is not there."""


def merged(base: Any, mine: Any, theirs: Any) -> Any:
    """The merged value, GONE when it is to go."""
    if mine == base:
        return theirs
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        old = base if isinstance(base, Mapping) else {}
        found = {
            key: merged(old.get(key, GONE), mine.get(key, GONE), theirs.get(key, GONE))
            for key in [*mine, *(key for key in theirs if key not in mine)]
        }
        return {key: value for key, value in found.items() if value is not GONE}
    return mine


def merged_by_name(
    base: Sequence[dict[str, Any]], mine: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Lists of things with names, such as tags and scan groups: those there first, then new ones.

    A thing that was removed by hand stays away, one that was added or changed by hand stays.
    """
    maps = [{item["name"]: item for item in items} for items in (base, mine, theirs)]
    found = merged(*maps)
    return list(found.values())
