"""Versions of functions: their order, what they declare, and which may follow which. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from schemas.errors import ConfigError, ConfigErrors
from schemas.functions import NAME, VERSION, FunctionSpec, Input
from schemas.kinds import Kind
from schemas.messages.codec import build

MAX_PORTS = 200
"""Inputs, outputs and write ports of a function together."""
MAX_SPEC_BYTES = 256 * 1024

_CONVERTIBLE: dict[Kind, frozenset[Kind]] = {
    Kind.FLOAT: frozenset({Kind.FLOAT, Kind.INT, Kind.BOOL}),
    Kind.INT: frozenset({Kind.INT, Kind.BOOL}),
    Kind.BOOL: frozenset({Kind.BOOL, Kind.INT}),
    Kind.TEXT: frozenset(Kind),
}


def convertible(tag: Kind, wanted: Kind) -> bool:
    """Whether an input of the kind `wanted` can take the values of such a tag."""
    return tag in _CONVERTIBLE[wanted]


def order(number: str) -> tuple[int, ...]:
    """`1.10.0` comes after `1.9.3`."""
    return tuple(int(part) for part in number.split("."))


def same_major(one: str, other: str) -> bool:
    return order(one)[:1] == order(other)[:1]


def spec_map(spec: FunctionSpec) -> dict[str, Any]:
    """For jsonb."""
    return asdict(spec)


def spec_from(found: dict[str, Any]) -> FunctionSpec:
    """The opposite of `spec_map`."""
    return build(FunctionSpec, found)


def check_declared(spec: FunctionSpec, path: str) -> None:
    """What a package declares is the word of its author. Raises ConfigErrors, all at `path`."""
    problems = [ConfigError(text, hint=_HINT, path=path) for text in _declared(spec)]
    if problems:
        raise ConfigErrors(problems)


_HINT = "Correct the declaration in the function's class."


def _declared(spec: FunctionSpec) -> Iterator[str]:
    if not NAME.fullmatch(spec.name):
        yield f"The name {spec.name!r} is not lower-case letters, digits and underscores."
    if not VERSION.fullmatch(spec.version):
        yield f"The version {spec.version!r} is not major.minor.patch, such as 1.2.0."
    if not spec.inputs:
        yield "It declares no input, so nothing would ever start it."
    if not spec.outputs and not spec.writes:
        yield "It declares neither an output nor a write port."
    yield from _names(spec)
    yield from _sources(spec)
    yield from _size(spec)


def _names(spec: FunctionSpec) -> Iterator[str]:
    kinds = [[port.name for port in ports] for ports in (spec.inputs, spec.outputs, spec.writes)]
    for names in kinds:
        for name, count in Counter(names).items():
            if not NAME.fullmatch(name):
                yield f"The port {name!r} is not lower-case letters, digits and underscores."
            if count > 1:
                yield f"{name!r} is declared {count} times."
    count = sum(len(names) for names in kinds)
    if count > MAX_PORTS:
        yield f"It has {count} inputs and outputs, more than {MAX_PORTS}."


def _sources(spec: FunctionSpec) -> Iterator[str]:
    inputs = {port.name: port for port in spec.inputs}
    for output in spec.outputs:
        for name, many in ((output.per, True), (output.passes, False)):
            if not name:
                continue
            found = inputs.get(name)
            if found is None or found.many != many:
                what = "input with many tags" if many else "input with one tag"
                yield f"Output {output.name!r} names {name!r}, which is no {what}."
    if spec.inputs and not any(port.trigger for port in spec.inputs):
        yield "None of its inputs is a trigger, so nothing would ever start it."


def _size(spec: FunctionSpec) -> Iterator[str]:
    try:
        text = json.dumps(spec_map(spec), ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        yield f"Its declaration cannot be stored: {error}."
        return
    if size > MAX_SPEC_BYTES:
        yield f"Its declaration has {size:,} bytes, more than {MAX_SPEC_BYTES:,}."
    if "\\u0000" in text:
        yield "Its declaration has the character NUL."


def check_next(newest: FunctionSpec, spec: FunctionSpec, path: str) -> None:
    """What follows is newer, and with the same major number it fits where the newest one works.

    Raises ConfigErrors at `path`.
    """
    if order(spec.version) <= order(newest.version):
        text = f"Version {spec.version} is not newer than {newest.version}, the newest there is."
        hint = f"Declare a version after {newest.version}."
        raise ConfigErrors([ConfigError(text, hint=hint, path=path)])
    if not same_major(spec.version, newest.version):
        return
    reasons = list(incompatible(newest, spec))
    if reasons:
        major = order(newest.version)[0] + 1
        hint = f"Raise the major version, to {major}.0.0; uses then change by hand."
        raise ConfigErrors([ConfigError(text, hint=hint, path=path) for text in reasons])


def incompatible(old: FunctionSpec, new: FunctionSpec) -> Iterator[str]:
    """Why a use of `old` cannot simply run `new`."""
    outputs = {port.name: port for port in new.outputs}
    for output in old.outputs:
        found = outputs.get(output.name)
        if found is None:
            yield f"The output {output.name!r} is gone."
        elif (found.kind, found.per) != (output.kind, output.per):
            was, now = _shape(output.kind, output.per), _shape(found.kind, found.per)
            yield f"The output {output.name!r} was {was}, and is {now} now."
    before = {port.name: port for port in old.inputs}
    for port in new.inputs:
        known = before.pop(port.name, None)
        if known is None:
            if port.required:
                yield f"The input {port.name!r} is new and required."
            continue
        yield from _narrower(known, port)
    yield from (f"The input {name!r} is gone." for name in before)
    ports = {port.name for port in new.writes}
    yield from (f"The write port {p.name!r} is gone." for p in old.writes if p.name not in ports)


def _narrower(old: Input, new: Input) -> Iterator[str]:
    if old.many != new.many:
        yield f"The input {old.name!r} takes {'many tags' if new.many else 'one tag'} now."
    if not _CONVERTIBLE[old.kind] <= _CONVERTIBLE[new.kind]:
        yield f"The input {old.name!r} was {old.kind}, and is {new.kind} now."
    if new.required and not old.required:
        yield f"The input {old.name!r} is required now."


def _shape(kind: Kind, per: str) -> str:
    return f"{kind} for each tag of {per!r}" if per else str(kind)


def newest_first(numbers: Iterable[str]) -> list[str]:
    return sorted(numbers, key=order, reverse=True)
