"""What the parent asks a function's process: a batch's columns, and which tags are bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from schemas.functions import Bindings, TagInfo
from udf.base import Batch, Column
from udf.process.arena import Reader, Writer


def put_batch(batch: Batch, writer: Writer) -> dict[str, Any]:
    """The places of a batch's columns, in a message; texts and numbers go into the arena."""
    columns = {
        name: [writer.add(column.values), column.quality is not None and writer.add(column.quality)]
        for name, column in batch.columns.items()
    }
    return {"times": writer.add(batch.times), "columns": columns}


def take_batch(message: Mapping[str, Any], reader: Reader) -> Batch:
    """The opposite of `put_batch`; all arrays are read-only."""
    columns: dict[str, Column] = {}
    for name, (values, quality) in message["columns"].items():
        found: Any = reader.take(quality) if quality else None
        columns[name] = Column(_read_only(reader.take(values)), found)
    times: Any = reader.take(message["times"])
    return Batch(times, columns)


def put_bindings(bindings: Bindings) -> dict[str, Any]:
    return {
        "inputs": {name: [astuple(tag) for tag in tags] for name, tags in bindings.inputs.items()},
        "outputs": {
            name: [astuple(tag) for tag in tags] for name, tags in bindings.outputs.items()
        },
        "writes": {name: astuple(tag) for name, tag in bindings.writes.items()},
    }


def take_bindings(found: Mapping[str, Any]) -> Bindings:
    return Bindings(
        {name: tuple(TagInfo(*tag) for tag in tags) for name, tags in found["inputs"].items()},
        {name: tuple(TagInfo(*tag) for tag in tags) for name, tags in found["outputs"].items()},
        {name: TagInfo(*tag) for name, tag in found["writes"].items()},
    )


def _read_only(values: Any) -> Any:
    values.flags.writeable = False
    return values
