"""`spindle-udf run --replay`: a function on recorded values, in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError
from udf.cells import time_text
from udf.effects import Alarm, Effect, Note, Write
from udf.recorded import Recording
from udf.replay import MAX_FAULTS, OutputWriter, replay
from udf.tool.project import Project, read_parameters

_SHOWN = 20


def parameters_of(given: Sequence[str]) -> dict[str, Any]:
    """`p.json` files and `key=value` pairs, the later ones win. Raises ConfigError."""
    found: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            found.update(read_parameters(Path(text)))
            continue
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value  # a text needs no quotes
    return found


class _Told:
    """Lines of log and effects, the first ones of them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, text: str) -> None:
        self.count += 1
        if self.count <= _SHOWN:
            sys.stdout.write(f"  {text}\n")

    def end(self) -> None:
        if self.count > _SHOWN:
            sys.stdout.write(f"  ... and {self.count - _SHOWN} more lines\n")


def run(
    project: Project,
    data: Path,
    parameters: Mapping[str, Any],
    output: Path | None,
    *,
    stop_on_fault: bool,
) -> int:
    """Says what came out. Returns the exit code: 1 where there was a fault. Raises SpindleError."""
    kind = project.kind
    recording = Recording(data, kind.inputs)
    rows = faults = 0
    values = dict.fromkeys((item.name for item in kind.outputs), 0)
    tell = _Told()
    with ExitStack() as stack:
        steps = replay(kind, recording, parameters, stop_on_fault=stop_on_fault)
        writer = None
        if output is not None:
            file = stack.enter_context(_opened(output))
            writer = OutputWriter(file, kind, recording.bindings(kind.outputs))
        for step in steps:
            rows += len(step.batch)
            if step.emission is None or step.fault is not None:
                faults += 1
                sys.stderr.write(f"{step.fault.traceback if step.fault else ''}\n")
                tell(f"fault: {step.fault.words if step.fault else ''}")
                continue
            for name, column in step.emission.columns.items():
                values[name] += int(column.values.size)
            for line in step.emission.log:
                tell(f"{time_text(line.time_ns)} log, {line.level}: {line.message}")
            for effect in step.emission.effects:
                tell(_words(effect))
            if writer is not None:
                writer.write(step.emission)
    tell.end()
    made = ", ".join(f"{count} of {name}" for name, count in values.items())
    sys.stdout.write(f"{kind.name} {kind.version}: {rows} rows in; values out: {made}\n")
    if output is not None:
        sys.stdout.write(f"The outputs are in {output}.\n")
    if faults:
        stopped = ", and it was stopped" if faults >= MAX_FAULTS else ""
        sys.stdout.write(f"There were {faults} faults{stopped}.\n")
    return 1 if faults else 0


def _opened(output: Path) -> Any:
    try:
        return output.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigError(
            f"{output} cannot be written: {error.strerror}.", hint="Give another --output."
        ) from error


def _words(effect: Effect) -> str:
    if isinstance(effect, Note):
        return f"{time_text(effect.time_ns)} event, {effect.level}: {effect.message}"
    if isinstance(effect, Write):
        return f"write {effect.value!r} through {effect.port} (a replay writes nothing)"
    assert isinstance(effect, Alarm)
    said = "comes" if effect.active else "goes"
    return f"{time_text(effect.time_ns)} alarm {effect.name} {said}: {effect.message}"
