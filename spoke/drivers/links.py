"""Connections that several devices of one worker share: a serial line, a gateway with many units.

The supervisor gives all devices with an equal `link` to the same worker (`spoke/manifest.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Links:
    """Objects by key, made for the first user and forgotten with the last."""

    def __init__(self) -> None:
        self._shared: dict[str, tuple[Any, int]] = {}

    def take(self, key: str, make: Callable[[], T]) -> T:
        """The object of this key; each `take` needs one `leave`."""
        found, users = self._shared.get(key, (None, 0))
        if not users:
            found = make()
        self._shared[key] = (found, users + 1)
        return cast(T, found)

    def leave(self, key: str) -> bool:
        """True when nobody uses it any more: the caller then closes it."""
        found, users = self._shared[key]
        if users > 1:
            self._shared[key] = (found, users - 1)
            return False
        del self._shared[key]
        return True
