"""Checks and trials of functions in this process, with the real engine on the plant's signals.

Only for the fakes: the hub runs a source in a process of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import numpy as np

from hub.bulk import Progress
from hub.function_records import Checked, Curve, Problem, Trial, UseDraft
from hub.records import Tag
from schemas.errors import ConfigError, ConfigErrors
from schemas.functions import Bindings, Fault, TagInfo
from schemas.kinds import Kind
from schemas.quality import Quality
from tests.fakes import plant
from tests.fakes.clock import NS
from udf import Alarm, Batch, Column, Function, Write
from udf.engine import Engine
from udf.execution import spec_of
from udf.faults import FunctionFault, fault_of

MAX_ROWS = 2000
PARTS = 10
_TYPES = {Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.bool_, Kind.TEXT: object}
_numbers = itertools.count()
Found = type[Function[Any]]


def check(source: str) -> Checked:
    """What a source declares, or the line that is wrong."""
    try:
        found = load(source)
    except SyntaxError as error:
        column = (error.offset or 0) if error.text else 0
        text = f"SyntaxError: {error.msg}"
        return Checked(None, (Problem(error.lineno or 1, text, column),))
    except Exception as error:
        fault = fault_of(error, "start")
        return Checked(None, (Problem(max(fault.line, 1), fault.message),))
    if found is None:
        return Checked(None, (Problem(1, "There is no function in this source."),))
    return Checked(spec_of(found))


def load(source: str) -> Found | None:
    """The function class of a source. Raises what the source raises."""
    name = f"plant_source_{next(_numbers)}"
    space: dict[str, Any] = {"__name__": name}
    exec(compile(source, f"{name}.py", "exec"), space)
    own = [
        item
        for item in space.values()
        if isinstance(item, type) and issubclass(item, Function) and item is not Function
        if item.__module__ == name
    ]
    return own[-1] if own else None


async def try_out(
    kind: Found,
    draft: UseDraft,
    tags: dict[int, Tag],
    start_ns: int,
    end_ns: int,
    progress: Progress | None,
) -> Trial:
    """Raises ConfigErrors with paths `inputs.<name>` and `parameters.<name>`."""
    for item in kind.inputs:
        if item.required and not draft.inputs.get(item.name):
            problem = ConfigError("It needs a tag.", path=f"inputs.{item.name}")
            raise ConfigErrors([problem])
    names = {
        item.name: tuple(_info(tags[tag_id]) for tag_id in draft.inputs.get(item.name, ()))
        for item in kind.inputs
    }
    outs = {
        item.name: names[item.per] if item.per else (TagInfo(0, item.name, unit=item.unit),)
        for item in kind.outputs
    }
    begun_s, cpu_s = time.perf_counter(), time.process_time()
    try:
        engine = Engine(kind, draft.parameters, Bindings(names, outs))
    except FunctionFault as error:
        problem = ConfigError(error.fault.message, path="parameters")
        raise ConfigErrors([problem]) from error
    whole = _batch(kind, draft, tags, start_ns, end_ns)
    found: dict[str, list[Column]] = {item.name: [] for item in kind.outputs}
    faults: list[Fault] = []
    effects: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    size = max(1, len(whole) // PARTS)
    for start in range(0, len(whole), size):
        part = whole.cut(start, start + size)
        await asyncio.sleep(0.05)
        if progress:
            progress(start, len(whole))
        try:
            made = engine.process(part)
        except FunctionFault as error:
            faults.append(error.fault)
            continue
        for name, column in made.columns.items():
            found[name].append(column)
        effects += [_effect(item, int(part.times[-1])) for item in made.effects]
        lines += [{"time_ns": i.time_ns, "level": i.level, "message": i.message} for i in made.log]
    before = tuple(
        _curve(item.name, f"{tag.device} / {tag.name}", tag.unit, [whole[item.name]], whole.times)
        for item in kind.inputs
        for tag in names[item.name][:1]
    )
    after = tuple(
        _curve(item.name, item.name, item.unit, found[item.name], None) for item in kind.outputs
    )
    values = len(whole) * len(kind.inputs)
    return Trial(
        before,
        after,
        len(whole),
        values,
        time.perf_counter() - begun_s,
        time.process_time() - cpu_s,
        tuple(faults),
        tuple(effects[:500]),
        tuple(lines),
    )


def _batch(kind: Found, draft: UseDraft, tags: dict[int, Tag], start_ns: int, end_ns: int) -> Batch:
    rows = int(min(MAX_ROWS, max(0, (end_ns - start_ns) // NS)))
    times = np.linspace(start_ns, end_ns, rows, endpoint=False).astype(np.int64)
    columns = {}
    for item in kind.inputs:
        blocks, qualities = [], []
        for tag_id in draft.inputs.get(item.name, ()):
            tag = tags[tag_id]
            samples = [plant.sample(tag.config, tag.id, t / NS) for t in times.tolist()]
            values = [_blank(item.kind) if value is None else value for value, _ in samples]
            blocks.append(np.array(values, dtype=_TYPES[item.kind]))
            qualities.append(np.array([code for _, code in samples], dtype=np.uint8))
        if item.many:
            columns[item.name] = Column(np.stack(blocks, axis=1), np.stack(qualities, axis=1))
        elif blocks:
            columns[item.name] = Column(blocks[0], qualities[0])
    return Batch(times, columns)


def _blank(kind: Kind) -> Any:
    return {Kind.FLOAT: float("nan"), Kind.INT: 0, Kind.BOOL: False, Kind.TEXT: ""}[kind]


def _info(tag: Tag) -> TagInfo:
    return TagInfo(tag.id, tag.config.name, tag.device, tag.config.unit)


def _effect(effect: Any, time_ns: int) -> dict[str, Any]:
    if isinstance(effect, Alarm):
        text = f"{effect.name} {'comes' if effect.active else 'goes'}. {effect.message}".strip()
        return {"kind": "alarm", "time_ns": effect.time_ns or time_ns, "message": text}
    if isinstance(effect, Write):
        text = f"would write {effect.value} to {effect.port}"
        return {"kind": "write", "time_ns": time_ns, "message": text}
    return {"kind": "event", "time_ns": effect.time_ns, "message": effect.message}


def _curve(port: str, name: str, unit: str, columns: list[Column], times: Any) -> Curve:
    at: list[int] = []
    values: list[Any] = []
    codes: list[int] = []
    for column in columns:
        first = column.values if column.values.ndim == 1 else column.values[:, 0]
        quality = column.qualities()
        code = quality if quality.ndim == 1 else quality[:, 0]
        moments = column.times if times is None else times
        assert moments is not None
        at += moments.tolist()
        codes += code.tolist()
        usable = (code >= Quality.UNCERTAIN).tolist()
        values += [v if ok else None for v, ok in zip(first.tolist(), usable, strict=True)]
    return Curve(port, name, unit, at, values, codes)
