"""The package of the fault tests: doubles a level, and fails where a counter says so."""

SOURCE = '''"""Doubles a level, and fails where the counter has a certain value."""

import ctypes
import os

from udf import Batch, Context, Function, Input, Output, Parameters


class FragileParameters(Parameters):
    how: str = "exception"
    """What goes wrong."""
    every: int = 25


class Fragile(Function[FragileParameters]):
    """Doubles a level."""

    name, version = "fragile", "1.0.0"
    Params = FragileParameters
    inputs = (Input("level"), Input("count"))
    outputs = (Output("value", passes="level"), Output("rows"))

    def process(self, batch: Batch, ctx: Context):
        self.state["rows"] = self.state.get("rows", 0) + len(batch)
        if (batch["count"].values % ctx.params.every == 7).any():
            self.fail(ctx.params.how)
            if ctx.params.how == "shape":
                return {"value": batch["level"].values[:-1]}
        level = batch["level"].values
        return {"value": level * 2, "rows": level * 0 + self.state["rows"]}

    def fail(self, how):
        if how == "exception":
            return 1 / 0
        if how == "loop":
            while True:
                pass
        if how == "memory":
            return bytearray(10**10)
        if how == "exit":
            os._exit(3)
        if how == "segfault":
            ctypes.string_at(0)
'''

_TEXT = {
    "exception": ("return 1 / 0",),
    "loop": ("while True:", "pass"),
    "memory": ("return bytearray(10**10)",),
    "segfault": ("ctypes.string_at(0)",),
}
LINES = {
    how: {number for number, line in enumerate(SOURCE.splitlines(), 1) if line.strip() in texts}
    for how, texts in _TEXT.items()
}
"""Where it happens, one of these."""
