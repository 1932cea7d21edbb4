"""Inputs, parameters and outputs of a plain function, read from its signature."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, Union, get_args, get_origin, get_type_hints

from pydantic import ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from schemas.errors import ConfigError
from schemas.functions import NAME, VERSION, Input, Output
from schemas.kinds import Kind
from udf.base import Parameters

_KINDS = {float: Kind.FLOAT, int: Kind.INT, bool: Kind.BOOL, str: Kind.TEXT}
_TYPES = "float, int, bool or str"
_EMPTY = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Signature:
    """What a plain function takes and gives."""

    inputs: tuple[Input, ...]
    params: type[Parameters]
    outputs: tuple[Output, ...]
    context: bool
    """Its first argument is `ctx`."""
    record: type[Any] | None
    """The NamedTuple or dataclass that it returns, whose fields are the outputs."""


def read_signature(
    plain: Callable[..., Any], name: str, version: str, unit: str | Mapping[str, str], output: str
) -> Signature:
    """Raises ConfigError, which names the function and the argument."""
    if not isinstance(plain, types.FunctionType) or inspect.isgeneratorfunction(plain):
        _refuse(str(name), "is not a plain function", "Decorate a `def` that returns its value.")
    if inspect.iscoroutinefunction(plain):
        _refuse(name, "is an `async def`", "A function does no I/O, so it never waits: use `def`.")
    if not NAME.fullmatch(name):
        hint = "Use lower-case letters, digits and underscores, like tank_volume."
        _refuse(name, "is not a name for a function", hint)
    if not VERSION.fullmatch(version):
        _refuse(name, f"has the version {version!r}", 'Use major.minor.patch, like "1.2.0".')
    hints = _hints(plain, name)
    found = list(inspect.signature(plain).parameters.values())
    context = bool(found) and found[0].name == "ctx"
    arguments = found[1:] if context else found
    inputs = tuple(
        _input(name, item, hints) for item in arguments if item.kind is not item.KEYWORD_ONLY
    )
    if not inputs:
        _refuse(name, "has no input", "Give it an argument without a default: `level: float`.")
    fields = {
        item.name: _field(name, item, hints) for item in arguments if item.kind is item.KEYWORD_ONLY
    }
    outputs, record = _outputs(name, hints, unit, output)
    return Signature(inputs, _parameters(name, fields), outputs, context, record)


def _hints(of: Any, name: str) -> dict[str, Any]:
    try:
        return get_type_hints(of, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        hint = "Import or define what the annotations name, at the top level of the file."
        _refuse(name, f"has an annotation that cannot be read: {error}", hint)


def _input(name: str, item: inspect.Parameter, hints: Mapping[str, Any]) -> Input:
    if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
        hint = "Name each input; for any number of tags write a class with Input(many=True)."
        _refuse(name, f"takes any number of arguments, `{item}`", hint, item.name)
    if item.default is not _EMPTY:
        hint = f"A parameter stands after a `*`: `def {name}(level: float, *, {item})`."
        _refuse(
            name, f"has the default {item.default!r} at the input {item.name!r}", hint, item.name
        )
    if item.name not in hints:
        hint = f"Say its type: `{item.name}: float`. It can be {_TYPES}."
        _refuse(name, f"does not say what its input {item.name!r} is", hint, item.name)
    kind, unit, description = _taken_apart(hints[item.name])
    if kind not in _KINDS:
        hint = f"It can be {_TYPES}. A row with a bad input is not calculated, so there is no None."
        shown = _shown(hints[item.name])
        _refuse(name, f"has the input {item.name!r} of type {shown}", hint, item.name)
    return Input(item.name, _KINDS[kind], unit=unit, description=description)


def _field(name: str, item: inspect.Parameter, hints: Mapping[str, Any]) -> tuple[Any, Any]:
    if item.default is _EMPTY:
        hint = f"A parameter has a default: `{item.name}: float = 1.0`."
        _refuse(name, f"has no default at the parameter {item.name!r}", hint, item.name)
    if item.name not in hints:
        hint = f"Say its type: `{item.name}: float = {item.default!r}`."
        _refuse(name, f"does not say what its parameter {item.name!r} is", hint, item.name)
    if item.name.startswith(("_", "model_")) or hasattr(Parameters, item.name):
        _refuse(name, f"cannot have a parameter {item.name!r}", "Choose another name.", item.name)
    return hints[item.name], item.default


def _parameters(name: str, fields: dict[str, Any]) -> type[Parameters]:
    title = "".join(part.capitalize() for part in name.split("_"))
    try:
        made = create_model(f"{title}Parameters", __base__=Parameters, **fields)
        defaults = {
            key: field.get_default(call_default_factory=True)
            for key, field in made.model_fields.items()
        }
        made.model_validate(defaults)
    except ValidationError as error:
        first = error.errors()[0]
        at = str(first["loc"][0]) if first["loc"] else ""
        hint = "Give a default that fits the parameter's own type and limits."
        _refuse(name, f"has a wrong default at the parameter {at!r}: {first['msg']}", hint, at)
    except (PydanticUserError, TypeError, NameError) as error:
        hint = f"Use {_TYPES}, an Enum or a Literal."
        _refuse(name, f"has a parameter of a type that no form can show: {error}", hint)
    return made


def _outputs(
    name: str, hints: Mapping[str, Any], unit: str | Mapping[str, str], output: str
) -> tuple[tuple[Output, ...], type[Any] | None]:
    if hints.get("return") in (None, type(None)):
        hint = f"Say it behind the arrow: `def {name}(...) -> float:`. It can be {_TYPES}."
        _refuse(name, "does not say what it returns", hint, "return")
    kind, own, description = _output_type(hints["return"])
    if kind in _KINDS:
        given = unit if isinstance(unit, str) else unit.get(output, "")
        return (_output(name, output, _KINDS[kind], given or own, description),), None
    units = {} if isinstance(unit, str) else unit
    if unit and not units:
        hint = 'Give a unit for each: unit={"volume": "m3", "filled": "%"}.'
        _refuse(name, "has several outputs and one unit", hint, "return")
    found = _record_fields(name, kind)
    outputs = []
    for field, hint_ in found.items():
        of, own, description = _output_type(hint_)
        if of not in _KINDS:
            hint = f"It can be {_TYPES}, each `| None` where there may be no value."
            _refuse(name, f"has the output {field!r} of type {_shown(hint_)}", hint, "return")
        unit_of = units.get(field, "") or own
        outputs.append(_output(name, field, _KINDS[of], unit_of, description))
    return tuple(outputs), kind


def _output(name: str, output: str, kind: Kind, unit: str, description: str) -> Output:
    if not NAME.fullmatch(output):
        hint = "Use lower-case letters, digits and underscores."
        _refuse(name, f"has the output {output!r}, which is not a name", hint, "return")
    return Output(output, kind, unit=unit, description=description)


def _record_fields(name: str, kind: Any) -> dict[str, Any]:
    named_tuple = isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")
    if not named_tuple and not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        hint = f"It can be {_TYPES}, or a NamedTuple of these for several outputs."
        _refuse(name, f"returns {_shown(kind)}", hint, "return")
    hints = _hints(kind, name)
    if named_tuple:
        return {field: hints.get(field, Any) for field in kind._fields}
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


# --- annotations --------------------------------------------------------------------------------
def _taken_apart(hint: Any) -> tuple[Any, str, str]:
    """The type, its unit and its description: `Annotated[float, "m"]`, or pydantic's Field."""
    if get_origin(hint) is not Annotated:
        return hint, "", ""
    kind, *beside = get_args(hint)
    unit = next((item for item in beside if isinstance(item, str)), "")
    fields = [item for item in beside if isinstance(item, FieldInfo)]
    return kind, unit, next((item.description for item in fields if item.description), "")


def _output_type(hint: Any) -> tuple[Any, str, str]:
    kind, unit, description = _taken_apart(_without_none(hint))
    return _without_none(kind), unit, description


def _without_none(hint: Any) -> Any:
    """`float` of `float | None`."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 else hint


def _shown(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _refuse(name: str, problem: str, hint: str, path: str = "") -> NoReturn:
    raise ConfigError(f"The function {name!r} {problem}.", hint=hint, path=path)
