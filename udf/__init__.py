"""Spindle's function SDK: columns in, columns out.

    from udf import Batch, Context, Function, Input, Output, Parameters, function

A function is pure: it has no I/O, clock or randomness but through its `Context`, so the same code
runs live on a gateway, in replay in the hub, and in a test. See docs/udf/.
"""

from __future__ import annotations

from schemas.functions import Input, Output, WritePort
from schemas.kinds import Kind
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Parameters, Result
from udf.context import Context
from udf.effects import Alarm, Write
from udf.simple import function

__all__ = [
    "Alarm",
    "Batch",
    "Column",
    "Context",
    "Function",
    "Input",
    "Kind",
    "Output",
    "Parameters",
    "Quality",
    "Result",
    "Write",
    "WritePort",
    "function",
]
