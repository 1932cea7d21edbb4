"""Windows in event time, for authors: tumbling, sliding and session windows of columns.

def setup(self, ctx):
    self.windows = Windows(Tumbling(60), {"mean": Average(), "top": Percentile(95)})

def process(self, batch, ctx):
    return self.windows.take(batch.times, batch["level"]).columns
"""

from udf.windows.aggregates import (
    Aggregate,
    Average,
    Count,
    Duration,
    GoodShare,
    Integral,
    Rate,
    Sum,
)
from udf.windows.limits import WindowError
from udf.windows.order_statistics import Deviation, First, Last, Maximum, Minimum, Percentile
from udf.windows.shapes import Session, Shape, Sliding, Tumbling
from udf.windows.windows import Closed, Windows

__all__ = [
    "Windows",
    "Closed",
    "Tumbling",
    "Sliding",
    "Session",
    "Shape",
    "Aggregate",
    "Average",
    "Count",
    "Deviation",
    "Duration",
    "First",
    "GoodShare",
    "Integral",
    "Last",
    "Maximum",
    "Minimum",
    "Percentile",
    "Rate",
    "Sum",
    "WindowError",
]
