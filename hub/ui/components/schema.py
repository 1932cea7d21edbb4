"""A config model's JSON Schema as a tree of form fields. Pure: no widget here.

Source of the shapes: JSON Schema 2020-12 as pydantic 2 writes it (`$defs`, `$ref`, `oneOf` with
`discriminator`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from schemas.config.drivers import DRIVERS

Schema = dict[str, Any]


class FieldKind(StrEnum):
    TEXT = "text"
    LONG_TEXT = "long_text"
    PASSWORD = "password"  # noqa: S105 - the kind of a field
    INTEGER = "integer"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    TEXTS = "texts"
    OBJECT = "object"
    LIST = "list"
    UNION = "union"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. `children` of an object or of one list item; `variants` of a union by tag."""

    name: str
    title: str
    kind: FieldKind
    help: str = ""
    default: Any = None
    required: bool = False
    limits: str = ""
    """For example `1 to 65535`; empty without limits."""
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    children: tuple[FieldSpec, ...] = ()
    variants: tuple[Variant, ...] = ()
    tag: str = ""
    """The field that tells the variants of a union apart."""
    min_items: int = 0
    optional: bool = False
    """Empty means None."""
    when: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(other field, values) for which this one applies; always, when empty."""

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether it applies beside these values of the fields around it."""
        return all(str(values.get(name)) in found for name, found in self.when)


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of a union, for example one driver."""

    value: str
    title: str
    children: tuple[FieldSpec, ...]


def fields_of(model: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """The fields of a model in the order in which they were written."""
    return schema_fields(model.model_json_schema())


def schema_fields(schema: Schema) -> tuple[FieldSpec, ...]:
    """The same of a JSON Schema without its model, such as that of a function's parameters."""
    return _children(schema, schema.get("$defs", {}))


def split_path(path: str, specs: Sequence[FieldSpec]) -> tuple[str, ...] | None:
    """Where an error's path lies in this form, or None.

    Pydantic puts a union's tag into the path (`connection.modbus.host`) and services put the place
    of the device or tag in front (`tags.3.address`); both are taken off.
    """
    parts = tuple(part for part in path.split(".") if part)
    for start in range(len(parts)):
        found = _walk(parts[start:], specs)
        if found is not None:
            return found
    return None


def _walk(parts: tuple[str, ...], specs: Sequence[FieldSpec]) -> tuple[str, ...] | None:
    spec = next((spec for spec in specs if spec.name == parts[0]), None)
    if spec is None:
        return None
    rest = parts[1:]
    if spec.kind is FieldKind.LIST and rest and rest[0].isdigit():
        inner = _walk(rest[1:], spec.children) if rest[1:] else ()
        return (spec.name, rest[0], *(inner or ()))
    if spec.kind is FieldKind.UNION and rest:
        variant = next((item for item in spec.variants if item.value == rest[0]), None)
        rest = rest[1:] if variant else rest
        known = variant.children if variant else _all_children(spec)
        inner = _walk(rest, known) if rest else ()
        return (spec.name, *(inner or ()))
    if spec.kind is FieldKind.OBJECT and rest:
        return (spec.name, *(_walk(rest, spec.children) or ()))
    return (spec.name,)


def _all_children(spec: FieldSpec) -> tuple[FieldSpec, ...]:
    return tuple(child for variant in spec.variants for child in variant.children)


def _children(schema: Schema, defs: dict[str, Schema]) -> tuple[FieldSpec, ...]:
    required = set(schema.get("required", ()))
    return tuple(
        _field(name, item, defs, required=name in required)
        for name, item in schema.get("properties", {}).items()
        if "const" not in item
    )


def _field(name: str, item: Schema, defs: dict[str, Schema], *, required: bool) -> FieldSpec:
    schema, optional = _without_null(_resolved(item, defs), defs)
    when = item.get("when", {})
    basics: dict[str, Any] = {
        "name": name,
        "title": item.get("title") or name.replace("_", " ").capitalize(),
        "help": " ".join(str(item.get("description", "")).split()),
        "default": item.get("default"),
        "required": required,
        "optional": optional,
        "when": tuple((other, tuple(values)) for other, values in when.items()),
    }
    if "oneOf" in schema:
        tag = schema["discriminator"]["propertyName"]
        return FieldSpec(
            **basics, kind=FieldKind.UNION, variants=_variants(schema, tag, defs), tag=tag
        )
    if schema.get("type") == "array":
        inner = _resolved(schema["items"], defs)
        if inner.get("type") == "string":
            return FieldSpec(**basics, kind=FieldKind.TEXTS)
        return FieldSpec(
            **basics,
            kind=FieldKind.LIST,
            children=_children(inner, defs),
            min_items=schema.get("minItems", 0),
        )
    if schema.get("type") == "object":
        return FieldSpec(**basics, kind=FieldKind.OBJECT, children=_children(schema, defs))
    if "enum" in schema:
        return FieldSpec(**basics, kind=FieldKind.CHOICE, choices=tuple(schema["enum"]))
    return FieldSpec(
        **basics,
        kind=_leaf_kind(name, schema),
        limits=_limits(schema),
        max_length=schema.get("maxLength"),
    )


def _resolved(item: Schema, defs: dict[str, Schema]) -> Schema:
    if "$ref" in item:
        target = defs[item["$ref"].rsplit("/", 1)[-1]]
        return {**target, **{key: value for key, value in item.items() if key != "$ref"}}
    return item


def _without_null(schema: Schema, defs: dict[str, Schema]) -> tuple[Schema, bool]:
    """The schema of what is no null, and whether null is allowed."""
    options = schema.get("anyOf", ())
    if not any(option.get("type") == "null" for option in options):
        return schema, False
    inner = next(option for option in options if option.get("type") != "null")
    return {**schema, **_resolved(inner, defs)}, True


def _variants(schema: Schema, tag: str, defs: dict[str, Schema]) -> tuple[Variant, ...]:
    found = []
    for option in schema["oneOf"]:
        inner = _resolved(option, defs)
        value = inner["properties"][tag]["const"]
        if tag == "driver" and value not in DRIVERS:
            continue  # a function has pages of its own
        text = str(inner.get("description", value)).strip().splitlines()[0].rstrip(".")
        found.append(Variant(value, text, _children(inner, defs)))
    return tuple(found)


def _leaf_kind(name: str, schema: Schema) -> FieldKind:
    if schema.get("format") == "password":
        return FieldKind.PASSWORD
    kinds = {
        "integer": FieldKind.INTEGER,
        "number": FieldKind.NUMBER,
        "boolean": FieldKind.SWITCH,
    }
    if schema.get("type") in kinds:
        return kinds[schema["type"]]
    return FieldKind.LONG_TEXT if name == "description" else FieldKind.TEXT


def _limits(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    if low is not None and high is not None:
        return f"{low:g} to {high:,g}" if high < 1e6 else f"{low:g} to {high:,.0f}"
    if above is not None and high is not None:
        return f"more than {above:g}, at most {high:g}"
    if low is not None:
        return f"{low:g} or more"
    return f"at most {high:g}" if high is not None else ""
