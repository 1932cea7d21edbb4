"""What is wrong with single tags, kept up to date by what changed in a report."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.errors import SpindleError, TagReadError
from spoke.drivers.opcua.clocks import WRONG_CLOCK, clock_error
from spoke.drivers.opcua.codec import problem_of
from spoke.drivers.opcua.planner import Items


class Problems:
    """Texts by tag id. Nothing is done for a row whose problem code is the item's last one."""

    def __init__(self, items: Items, found: dict[int, SpindleError]) -> None:
        """`found` is changed in place; what the plan put there stays."""
        self._items = items
        self._found = found
        self._codes = np.zeros(len(items), np.int64)
        self.lost: dict[int, SpindleError] = {}
        """Tags whose queue on the server overflowed since connect, by tag id."""

    def update(
        self, indexes: NDArray[np.intp], codes: NDArray[np.int64], stamps: NDArray[np.int64]
    ) -> None:
        """Rows of items in the order of arrival, with their problem codes and the time that the
        server sent."""
        differs = codes != self._codes[indexes]
        if not differs.any():
            return
        touched = np.flatnonzero(np.isin(indexes, indexes[differs]))
        for row in touched.tolist():
            index, code = int(indexes[row]), int(codes[row])
            if code == self._codes[index]:
                continue
            self._codes[index] = code
            tag = self._items.all[index].tag
            if not code:
                self._found.pop(tag.id, None)
            elif code == WRONG_CLOCK:
                self._found[tag.id] = clock_error(tag.name, int(stamps[row]))
            else:
                self._found[tag.id] = problem_of(code, tag)

    def overflow(self, indexes: NDArray[np.intp]) -> None:
        """The server says that its queue lost changes of these items."""
        for index in indexes.tolist():
            tag = self._items.all[index].tag
            self.lost[tag.id] = TagReadError(
                f"{tag.name}: the server's queue overflowed, so changes of this tag were lost.",
                hint="Raise 'Queue per tag' of the device or shorten its publishing interval.",
            )
