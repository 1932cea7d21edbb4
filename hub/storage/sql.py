"""Words of SQL that cannot be parameters."""

from __future__ import annotations

import numpy as np


def instant(time_ns: int) -> str:
    """A time as a literal; the database keeps microseconds. COPY takes no parameters, and a literal
    lets the planner see which partitions it needs."""
    return f"timestamptz '{np.datetime64(time_ns // 1000, 'us')}+00'"
