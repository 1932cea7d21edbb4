"""What a batch made, on its way out of a function's process. Read as if an enemy had written it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.functions import Bindings, FunctionSpec
from schemas.kinds import Value
from udf.base import Column
from udf.effects import Alarm, Effect, LogLine, Note, Write
from udf.engine import Emission
from udf.process.arena import Reader, Writer

MAX_LINES = 2000
MAX_EFFECTS = 10_000
_MAX_TEXT = 4000
_INT64 = 2**63


def put_emission(emission: Emission, writer: Writer) -> dict[str, Any]:
    """Raises ValueError for an effect that is none."""
    columns = {
        name: [
            writer.add(column.values),
            column.quality is not None and writer.add(column.quality),
            column.times is not None and writer.add(column.times),
        ]
        for name, column in emission.columns.items()
    }
    effects = [_plain(effect) for effect in emission.effects]
    for effect in effects:
        _effect(effect)
    return {"columns": columns, "effects": effects, "log": put_log(emission.log)}


def put_log(lines: tuple[LogLine, ...]) -> list[Any]:
    return [[str(line.level)[:20], line.message[:_MAX_TEXT], line.time_ns] for line in lines]


def take_emission(
    message: Mapping[str, Any], reader: Reader, spec: FunctionSpec, bindings: Bindings
) -> Emission:
    """Raises ValueError for anything that does not fit the declaration."""
    outputs = {output.name: output for output in spec.outputs}
    columns: dict[str, Column] = {}
    for name, places in _map(message.get("columns")).items():
        if name not in outputs or not isinstance(places, list) or len(places) != 3:
            raise ValueError(f"not an output: {name!r:.100}")
        output = outputs[name]
        width = len(bindings.inputs.get(output.per, ())) if output.per else None
        columns[name] = _column(places, reader, np.dtype(output.kind.wire), width)
    effects = tuple(_effect(item) for item in _list(message.get("effects"), MAX_EFFECTS))
    return Emission(columns, effects, take_log(message.get("log")))


def take_log(found: Any) -> tuple[LogLine, ...]:
    """Raises ValueError."""
    lines = []
    for item in _list(found, MAX_LINES):
        level, text, time_ns = _list(item, 3, 3)
        lines.append(LogLine(_text(level), _text(text), _int(time_ns)))
    return tuple(lines)


# --- columns ------------------------------------------------------------------------------------
def _column(places: list[Any], reader: Reader, dtype: np.dtype[Any], width: int | None) -> Column:
    values = reader.take(places[0])
    times: Any = reader.take(places[2])
    shape = (len(values),) if width is None else (len(values), width)
    if values.dtype != dtype or values.shape != shape:
        raise ValueError(f"an output of {values.dtype} {values.shape} in place of {dtype} {shape}")
    if times.dtype != np.int64 or times.shape != shape[:1]:
        raise ValueError(f"times of {times.dtype} {times.shape}")
    quality: Any = reader.take(places[1]) if places[1] else None
    if quality is not None and (quality.dtype != np.uint8 or quality.shape != values.shape):
        raise ValueError(f"quality of {quality.dtype} {quality.shape}")
    return Column(values, quality, times)


# --- effects ------------------------------------------------------------------------------------
def _plain(effect: Effect) -> list[Any]:
    if isinstance(effect, Alarm):
        shown = bool(effect.active), effect.message, effect.level, effect.time_ns
        return ["alarm", effect.name, *shown]
    if isinstance(effect, Write):
        value: Any = effect.value
        return ["write", effect.port, value.item() if isinstance(value, np.generic) else value]
    return ["note", effect.level, effect.message, effect.time_ns, effect.detail]


def _effect(found: Any) -> Effect:
    item = _list(found, 6, 1)
    if item[0] == "alarm" and len(item) == 6:
        _, name, active, message, level, time_ns = item
        if not isinstance(active, bool):
            raise ValueError(f"an alarm that is neither active nor not: {active!r:.100}")
        return Alarm(_text(name), active, _text(message), _text(level), _int(time_ns))
    if item[0] == "write" and len(item) == 3:
        return Write(_text(item[1]), _value(item[2]))
    if item[0] == "note" and len(item) == 5:
        _, level, message, time_ns, detail = item
        return Note(_text(level), _text(message), _int(time_ns), _map(detail))
    raise ValueError(f"neither an Alarm nor a Write: {found!r:.100}")


def _value(found: Any) -> Value:
    if isinstance(found, bool | float):
        return found
    return _text(found) if isinstance(found, str) else _int(found)


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise ValueError(f"not a text: {found!r:.100}")  # noqa: TRY004 - one error for all
    return found[:_MAX_TEXT]


def _int(found: Any) -> int:
    whole = isinstance(found, int | np.integer) and not isinstance(found, bool)
    if not whole or not -_INT64 <= int(found) < _INT64:
        raise ValueError(f"not a whole number of 64 bits: {found!r:.100}")
    return int(found)


def _map(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ValueError(f"not a map: {found!r:.100}")
    return found


def _list(found: Any, most: int, least: int = 0) -> list[Any]:
    if not isinstance(found, list) or not least <= len(found) <= most:
        raise ValueError(f"not a list of {least} to {most}: {found!r:.100}")
    return found
