"""What authors write and get: Function, Parameters, Batch, Column, Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from schemas.functions import Input, Output, WritePort
from schemas.kinds import Array
from schemas.quality import Quality
from udf.context import Context
from udf.effects import Alarm, Write


class Parameters(BaseModel):
    """Base of a function's parameters: its titles, limits and docstrings make the form."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Values of one input or output.

    values [S], or [S, N] for an input with `many` tags; quality uint8 of the same shape, None when
    every value is good. Values of bad quality are NaN, 0, False or "": ask `good` before you count
    on one. `times` int64[S] ns UTC is None where the column has the batch's rows; an output with
    rows of its own (a window's ends) says them here.
    """

    values: Array
    quality: NDArray[np.uint8] | None = None
    times: NDArray[np.int64] | None = None

    @property
    def good(self) -> NDArray[np.bool_]:
        """Where the quality is good; same shape as the values."""
        if self.quality is None:
            return np.ones(self.values.shape, dtype=np.bool_)
        return self.quality >= Quality.GOOD

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Where it is good or uncertain: there is a value."""
        if self.quality is None:
            return np.ones(self.values.shape, dtype=np.bool_)
        return self.quality >= Quality.UNCERTAIN

    def qualities(self) -> NDArray[np.uint8]:
        """The quality of each value, as an array of one's own also where all are good."""
        if self.quality is None:
            return np.full(self.values.shape, Quality.GOOD, dtype=np.uint8)
        return self.quality.copy()


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """S rows in event time, oldest first, no time twice.

    A row stands where one of the trigger inputs has a value; the other inputs hold their last one.
    Where rows end and the next batch begins means nothing: a function gives the same output
    whatever the cut (`udf.testing` checks that).
    """

    times: NDArray[np.int64]
    """[S] ns UTC."""
    columns: Mapping[str, Column]

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.times)

    @staticmethod
    def joined(batches: Sequence[Batch]) -> Batch:
        """The rows of several batches, one after the other; copied where there is more than one."""
        if len(batches) == 1:
            return batches[0]
        columns: dict[str, Column] = {}
        for name in batches[0].columns:
            parts = [batch.columns[name] for batch in batches]
            quality = None
            if any(part.quality is not None for part in parts):
                quality = np.concatenate([part.qualities() for part in parts])
            columns[name] = Column(np.concatenate([part.values for part in parts]), quality)
        return Batch(np.concatenate([batch.times for batch in batches]), columns)

    def cut(self, start: int, end: int) -> Batch:
        """Rows `start` to `end`; views, nothing is copied."""
        rows = slice(start, end)
        columns = {
            name: Column(
                column.values[rows], None if column.quality is None else column.quality[rows]
            )
            for name, column in self.columns.items()
        }
        return Batch(self.times[rows], columns)


@dataclass(frozen=True, slots=True)
class Result:
    """What `process` returns: outputs by name, and what else should happen.

    An output is a Column, or an array in the shape of the batch's rows: its quality is then the
    worst of the row's inputs. An output that is left out has no new values.
    """

    outputs: Mapping[str, Column | Array]
    effects: Sequence[Alarm | Write] = ()


Returned = Result | Mapping[str, Column | Array] | None


class Function(Generic[P]):
    """Base of a function. Subclass it, declare, and write `process`::

    class Level(Function[LevelParameters]):
        \"""Volume in a tank, from its level.\"""
        name, version = "volume", "1.0.0"
        Params = LevelParameters
        inputs = (Input("level", unit="m"),)
        outputs = (Output("volume", unit="m3"),)

        def process(self, batch, ctx):
            return {"volume": batch["level"].values * ctx.params.area}
    """

    name: ClassVar[str]
    """Lower case, digits, underscores; unique in the plant."""
    version: ClassVar[str] = "0.1.0"
    title: ClassVar[str] = ""
    Params: ClassVar[type[Parameters]] = Parameters
    inputs: ClassVar[tuple[Input, ...]] = ()
    outputs: ClassVar[tuple[Output, ...]] = ()
    writes: ClassVar[tuple[WritePort, ...]] = ()

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        """What survives a restart: numbers, texts, lists, dictionaries and numpy arrays."""

    def setup(self, ctx: Context) -> None:
        """Called once before the first batch, and before `restore`."""

    def process(self, batch: Batch, ctx: Context) -> Returned:
        """Rows in, rows out. Raises whatever it likes: the step is then taken out."""
        raise NotImplementedError

    def on_timer(self, name: str, at_ns: int, ctx: Context) -> Returned:
        """A timer is due. Outputs must be Columns with times."""

    def snapshot(self) -> dict[str, Any]:
        """Everything that `restore` needs; small, because it is saved every few seconds."""
        return self.state

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `snapshot`, maybe of an older version with the same major number."""
        self.state = state
