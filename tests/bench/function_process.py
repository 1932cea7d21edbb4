"""CPU of a trivial function in its own process, against the same in this one.

`python -m tests.bench.function_process`: CPU seconds of both processes per million values, and
batches a second, for batches of [rows, tags].
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from schemas.config.functions import LimitsConfig
from schemas.functions import Bindings, TagInfo
from udf.base import Batch, Column, Function
from udf.execution import Executor, InProcess
from udf.process.bundle import source_bundle
from udf.process.environment import prepare
from udf.process.parent import FunctionProcess

SOURCE = """
from udf import Function, Input, Output

class Twice(Function):
    name, version = "twice", "1.0.0"
    inputs = (Input("x", many=True),)
    outputs = (Output("y", per="x"),)

    def process(self, batch, ctx):
        return {"y": batch["x"].values * 2.0}
"""
SHAPES = ((5, 1000), (80, 1000), (1, 10))
SECONDS = 4.0


def main() -> None:
    names: dict[str, object] = {"__name__": "twice"}
    exec(SOURCE, names)
    kind = names["Twice"]
    assert isinstance(kind, type)
    assert issubclass(kind, Function)
    print(f"{'batch':>12} {'where':>12} {'CPU-s/M values':>15} {'values/s':>12} {'ms/batch':>9}")
    with tempfile.TemporaryDirectory() as folder:
        package = source_bundle(SOURCE, "twice", "1.0.0", "twice", "twice:Twice")
        environment = prepare(package, Path(folder))
        for rows, tags in SHAPES:
            measure("in process", InProcess(kind), rows, tags)
            measure("own process", FunctionProcess(environment, _limits()), rows, tags)


def measure(where: str, executor: Executor, rows: int, tags: int) -> None:
    inputs = tuple(TagInfo(tag, f"x{tag}") for tag in range(1, tags + 1))
    outputs = tuple(TagInfo(tag + tags, f"y{tag}") for tag in range(1, tags + 1))
    executor.open(1, {}, Bindings({"x": inputs}, {"y": outputs}), None)
    values = np.random.default_rng(1).normal(size=(rows, tags))
    quality = np.full((rows, tags), 192, dtype=np.uint8)
    times = np.arange(1, rows + 1, dtype=np.int64) * 10**7
    batch = Batch(times, {"x": Column(values, quality)})
    for _ in range(20):
        executor.process(1, batch)
    batches, theirs, ours, begin = 0, executor.cpu_s, time.process_time(), time.monotonic()
    while (took_s := time.monotonic() - begin) < SECONDS:
        executor.process(1, batch)
        batches += 1
    cpu_s = time.process_time() - ours + executor.cpu_s - theirs
    count = batches * rows * tags
    executor.close()
    print(
        f"{f'[{rows}, {tags}]':>12} {where:>12} {cpu_s / count * 1e6:>15.4f} "
        f"{count / took_s:>12,.0f} {took_s / batches * 1000:>9.3f}"
    )


def _limits() -> LimitsConfig:
    return LimitsConfig(cpu_percent=400)


if __name__ == "__main__":
    main()
