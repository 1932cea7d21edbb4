"""One number for each window of each tag."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.errors import SpindleError
from schemas.functions import Input, Output
from udf.base import Batch, Returned
from udf.builtins.windowed import DAY_S, CoverParameters, OffsetS, SizeS, Windowed
from udf.context import Context
from udf.windows import (
    Aggregate,
    Average,
    Count,
    Deviation,
    Duration,
    First,
    GoodShare,
    Integral,
    Last,
    Maximum,
    Minimum,
    Percentile,
    Rate,
    Session,
    Shape,
    Sliding,
    Sum,
    Tumbling,
    Windows,
)

Kind = Literal[
    "average",
    "average_linear",
    "average_rows",
    "count",
    "deviation",
    "duration",
    "first",
    "good_share",
    "integral",
    "integral_linear",
    "last",
    "max",
    "min",
    "percentile",
    "rate",
    "sum",
]


class AggregateParameters(CoverParameters):
    aggregate: Annotated[Kind, Field(title="Aggregate")] = "average"
    """average: each value by the time that it holds; average_linear: straight lines between values;
    average_rows: every value alike. integral: value times seconds. rate: change per second.
    duration: seconds in a state. good_share: percent of good time."""
    window: Annotated[Literal["tumbling", "sliding", "session"], Field(title="Kind")] = "tumbling"
    """tumbling: one after the other. sliding: they overlap. session: values with short pauses."""
    size_s: SizeS = 60.0
    """Of tumbling and sliding windows."""
    step_s: Annotated[float, Field(title="Step (s)", ge=0.01, le=400 * DAY_S)] = 10.0
    """A sliding window ends every so often."""
    offset_s: OffsetS = 0.0
    """For shifts: 18000 lets windows begin at 06:00 of UTC+1."""
    pause_s: Annotated[float, Field(title="Pause (s)", ge=0.01, le=400 * DAY_S)] = 60.0
    """So long without a value ends a session."""
    longest_s: Annotated[float, Field(title="Longest session (s)", ge=0.01, le=400 * DAY_S)] = DAY_S
    """A session ends with the first value that is so long after its start."""
    percent: Annotated[float, Field(title="Percentile (%)", ge=0, le=100)] = 95.0
    """Of the aggregate percentile."""
    state: Annotated[float, Field(title="State")] = 1.0
    """Of the aggregate duration: exactly this value."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            Windows(shape_of(self), {"value": aggregate_of(self)}, gap_s=self.gap_s)
        except SpindleError as error:
            raise ValueError(f"{error} {error.hint}") from error
        return self


class AggregateWindows(Windowed[AggregateParameters]):
    """A mean, extreme, sum, percentile, rate or integral of each tag in windows of event time.

    A row comes at each window's end, when the first value at or after it is there. Quality follows
    the share of good time. The window's rules are in docs/udf/windows.md.
    """

    name, version, title = "aggregate", "1.0.0", "Aggregate"
    Params = AggregateParameters
    inputs = (Input("values", many=True, description="The tags, each on its own."),)
    outputs = (Output("value", per="values", description="One value for each window."),)

    def setup(self, ctx: Context) -> None:
        tags = [tag.id for tag in ctx.tags.get("values", ())]
        self.state = {"tags": tags}
        aggregates = {"value": aggregate_of(ctx.params)}
        self.open(shape_of(ctx.params), aggregates, ctx.params, len(tags))

    def process(self, batch: Batch, ctx: Context) -> Returned:
        closed = self.windows.take(batch.times, batch["values"])
        return closed.columns if len(closed) else None


def shape_of(params: AggregateParameters) -> Shape:
    """Raises WindowError."""
    if params.window == "session":
        return Session(params.pause_s, params.longest_s)
    if params.window == "sliding":
        return Sliding(params.size_s, params.step_s, params.offset_s)
    return Tumbling(params.size_s, params.offset_s)


def aggregate_of(params: AggregateParameters) -> Aggregate:
    made: dict[str, Aggregate] = {
        "average": Average(),
        "average_linear": Average(linear=True),
        "average_rows": Average(by_time=False),
        "count": Count(),
        "deviation": Deviation(),
        "duration": Duration(params.state),
        "first": First(),
        "good_share": GoodShare(),
        "integral": Integral(),
        "integral_linear": Integral(linear=True),
        "last": Last(),
        "max": Maximum(),
        "min": Minimum(),
        "percentile": Percentile(params.percent),
        "rate": Rate(),
        "sum": Sum(),
    }
    return made[params.aggregate]
