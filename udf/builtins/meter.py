"""What built-ins that count on share: one tag, its last row, and the quality of a meter."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.quality import Quality
from udf.base import Batch, Function, Parameters
from udf.context import Context
from udf.windows.rows import Rows, no_rows, rows_of

P = TypeVar("P", bound=Parameters)


class Meter(Function[P]):
    """Base of a function that adds up what happens between the rows of one tag.

    What is counted stays when another tag is bound; only the time between the two is not counted.
    """

    source = ""
    """The name of the input."""

    def setup(self, ctx: Context) -> None:
        self._tags = [tag.id for tag in ctx.tags.get(self.source, ())]
        self._carry = no_rows(1)
        self.begin(ctx)

    def begin(self, ctx: Context) -> None:
        """Set `self.state` as it is before the first row."""

    def forget(self) -> None:
        """Another tag is bound: what was known of the last row is gone."""

    def line(self, batch: Batch) -> tuple[Rows, int]:
        """The batch's rows after the last one before, and the place of the first new row."""
        known = len(self._carry)
        line = self._carry.then(rows_of(batch.times, batch[self.source], 1))
        self._carry = line.pick(slice(-1, None))
        return line, known

    def snapshot(self) -> dict[str, Any]:
        return {**self.state, "tags": self._tags, "carry": self._carry.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        saved = dict(state)
        same = saved.pop("tags", None) == self._tags
        carry = saved.pop("carry", None)
        self.state = {**self.state, **saved}
        if same and carry is not None:
            self._carry = Rows(*carry)
        else:
            self.forget()


def meter_quality(rows: Rows) -> NDArray[np.uint8]:
    """[S] of one tag: a count is good with a good input, and "last usable" with a bad one."""
    usable, good = rows.usable[:, 0], rows.good[:, 0]
    stale = np.uint8(Quality.UNCERTAIN_LAST_USABLE)
    found: NDArray[np.uint8] = np.where(
        good, np.uint8(Quality.GOOD), np.where(usable, rows.quality[:, 0], stale)
    )
    return found
