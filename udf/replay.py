"""A function on recorded values: the same Aligner and Engine as on a gateway, no process between.

So an author's own debugger stops in the function. The format is in udf/recorded.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from schemas.functions import Bindings, Fault
from udf.align import Aligner
from udf.base import Batch, Function
from udf.engine import Emission, Engine
from udf.faults import FunctionFault
from udf.recorded import Recording
from udf.recorder import Recorder, flat

CHUNK_ROWS = 10_000
MAX_FAULTS = 5
"""As on a gateway: so many, and it stops."""


@dataclass(frozen=True, slots=True)
class Step:
    """One batch of a replay: what went in, and what came out or what went wrong."""

    batch: Batch
    emission: Emission | None
    fault: Fault | None = None


def replay(
    kind: type[Function[Any]],
    recording: Recording,
    parameters: Mapping[str, Any],
    *,
    rows: int = CHUNK_ROWS,
    stop_on_fault: bool = False,
) -> Iterator[Step]:
    """The whole file is checked first, then run `rows` lines at a time.

    A batch with a fault has no outputs and the next one goes on, until MAX_FAULTS. With
    `stop_on_fault` the function's own exception comes through instead. Raises ConfigErrors for the
    file, FunctionFault when the function cannot start.
    """
    recording.check()
    engine = Engine(kind, parameters, recording.bindings(kind.outputs))
    faults = 0
    for batch in batches(kind, recording, rows):
        try:
            step = Step(batch, engine.process(batch))
        except FunctionFault as error:
            if stop_on_fault:
                raise (error.__cause__ or error) from None
            faults += 1
            step = Step(batch, None, error.fault)
        yield step
        if faults >= MAX_FAULTS:
            return


def batches(kind: type[Function[Any]], recording: Recording, rows: int) -> Iterator[Batch]:
    """The rows of a recording as the Aligner makes them."""
    aligner = Aligner(kind.inputs, recording.tag_ids)
    for frames in recording.frames(rows):
        batch = aligner.take(frames)
        if batch is not None:
            yield batch
    batch = aligner.flush()
    if batch is not None:
        yield batch


class OutputWriter:
    """OutputWriter(file, kind, bindings): outputs as recorded values, batch by batch.

    An output with rows of its own (a window's end) may go back a little between batches.
    """

    def __init__(self, file: TextIO, kind: type[Function[Any]], bindings: Bindings) -> None:
        self._tags = {
            output.per and output.name: [tag.name for tag in bindings.inputs.get(output.per, ())]
            for output in kind.outputs
        }
        names = [tag.name for output in kind.outputs for tag in bindings.outputs[output.name]]
        self._recorder = Recorder(file, names)

    def write(self, emission: Emission) -> None:
        self._recorder.write(
            pair
            for name, column in emission.columns.items()
            for pair in flat(name, column, self._tags.get(name, ()))
        )
