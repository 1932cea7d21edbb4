"""What built-ins with windows share: parameters of the window, and its state."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import Field

from udf.base import Function, Parameters
from udf.windows import Aggregate, Shape, Windows

P = TypeVar("P", bound="CoverParameters")
DAY_S = 86_400.0

GapS = Annotated[float, Field(title="Longest gap (s)", ge=0.01, le=7 * DAY_S)]
OffsetS = Annotated[float, Field(title="Start after midnight UTC (s)", ge=-7 * DAY_S, le=7 * DAY_S)]
SizeS = Annotated[float, Field(title="Window (s)", ge=0.01, le=400 * DAY_S)]


class CoverParameters(Parameters):
    gap_s: GapS = 600.0
    """A value holds until the next one. Where that is further away, the time between is not known;
    tags that are stored on change need a long one."""
    good_percent: Annotated[float, Field(title="Good from (%)", ge=0, le=100)] = 90.0
    """A result is good when so much of its window's time is good; with less it is uncertain, and
    without any value it is bad."""


class Windowed(Function[P]):
    """Base of a function whose state is its windows.

    Other tags or other parameters begin anew: half a window of something else is of no use.
    """

    windows: Windows

    def open(
        self, shape: Shape, aggregates: dict[str, Aggregate], params: CoverParameters, width: int
    ) -> None:
        self.windows = Windows(
            shape,
            aggregates,
            width=width,
            gap_s=params.gap_s,
            good_percent=params.good_percent,
        )

    def snapshot(self) -> dict[str, Any]:
        return {**self.state, "windows": self.windows.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        same_tags = state.get("tags") == self.state.get("tags")
        if same_tags and self.windows.fits(state["windows"]):
            self.windows.restore(state["windows"])
            self.state = {name: value for name, value in state.items() if name != "windows"}
