"""The simple form: a plain function of numbers becomes a Function.

    @function(version="1.0.0", unit="m3", output="volume")
    def tank_volume(level: float, *, area: float = 1.0) -> float:
        return level * area

It is called row by row, or once with whole arrays where its source shows that this gives the same
bits (udf/elementwise.py) and its first rows confirm it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from schemas.kinds import Array, Kind, blank
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Returned
from udf.context import Context
from udf.elementwise import LARGEST_INT, NUMBER, TRUTH, is_elementwise
from udf.engine import worst
from udf.signature import Signature, read_signature

_PROBE_ROWS = 32
_TAKES: dict[Kind, tuple[type, ...]] = {
    Kind.FLOAT: (float, int, bool),
    Kind.INT: (int, bool),
    Kind.BOOL: (bool,),
    Kind.TEXT: (str,),
}

Lists = list[list[Any]]
"""One list of row values for each output; None for no value."""
Typed = tuple[Array, NDArray[np.bool_] | None]
"""A column and where it has values; None for everywhere."""
Place = tuple[Context, Batch, NDArray[np.intp]]
"""For a function with `ctx`: its context, the batch, and the rows that it is called for."""


def function(
    *,
    name: str = "",
    version: str = "0.1.0",
    unit: str | Mapping[str, str] = "",
    output: str = "value",
) -> Callable[[Callable[..., Any]], type[Function[Any]]]:
    """Decorate `def f(level: float, rate: float, *, area: float = 1.0) -> float`.

    Arguments without a default are inputs; keyword-only ones with a default are parameters. A first
    argument `ctx` gets the Context of each row. `-> float | None` may give no value, which is bad;
    `-> Level`, a NamedTuple or dataclass, has an output for each field, and `unit` is then a map.
    It is called for rows whose inputs are all usable; the others are bad, and a row with an
    uncertain input is uncertain. The undecorated function stays as `.plain`.

    Raises ConfigError while the file is loaded, with the function and the argument.
    """

    def made(plain: Callable[..., Any]) -> type[Function[Any]]:
        called = name or plain.__name__
        return _class(plain, called, version, read_signature(plain, called, version, unit, output))

    return made


def _class(
    plain: Callable[..., Any], name: str, version: str, signature: Signature
) -> type[Function[Any]]:
    members = {
        "__doc__": plain.__doc__,
        "__module__": plain.__module__ or "",
        "__qualname__": plain.__qualname__,
        "name": name,
        "version": version,
        "Params": signature.params,
        "inputs": signature.inputs,
        "outputs": signature.outputs,
        "plain": staticmethod(plain),
        "signature": signature,
        "exact": _exact(plain, signature),
    }
    return type(plain.__name__, (Simple,), members)


class Simple(Function[Any]):
    """Base of what the decorator makes."""

    plain: ClassVar[Callable[..., Any]]
    signature: ClassVar[Signature]
    exact: ClassVar[bool] = False
    """Arrays give the same as rows, says the source."""

    def setup(self, ctx: Context) -> None:
        names = self.signature.params.model_fields
        self._given = {name: getattr(ctx.params, name) for name in names}
        self._arrays = self.exact and all(_plain(value) for value in self._given.values())
        self._probed = False

    def process(self, batch: Batch, ctx: Context) -> Returned:
        quality = worst(batch, self.outputs[0], (len(batch),))
        usable = None if quality is None else quality >= Quality.UNCERTAIN
        rows = np.arange(len(batch)) if usable is None else np.flatnonzero(usable)
        columns = [batch[item.name].values[rows] for item in self.inputs]  # copies
        found = self._whole(columns) if self._arrays and len(rows) else None
        if found is None:
            lists = self._loop(columns, (ctx, batch, rows) if self.signature.context else None)
            found = self._columns(lists)
        outputs = {}
        for output, (values, there) in zip(self.outputs, found, strict=True):
            outputs[output.name] = _column(output.kind, rows, values, there, quality, len(batch))
        return outputs

    # --- whole arrays -------------------------------------------------------------------------
    def _whole(self, columns: list[Array]) -> list[Typed] | None:
        """One call with arrays; None to loop, for good after a call that did not work."""
        found = self._called(columns)
        if found is not None and not self._probed:
            count = min(len(columns[0]), _PROBE_ROWS)
            looped = self._columns(self._loop([column[:count] for column in columns], None))
            self._probed = all(
                there is None and np.array_equal(tried[:count], values, equal_nan=True)
                for (tried, _), (values, there) in zip(found, looped, strict=True)
            )
        self._arrays = found is not None and self._probed
        return found if self._arrays else None

    def _called(self, columns: list[Array]) -> list[Typed] | None:
        """None where it raises, or does not return arrays of the declared kinds."""
        try:
            with np.errstate(divide="raise", over="raise", invalid="raise"):
                returned = type(self).plain(*columns, **self._given)
        except Exception:  # noqa: BLE001 - whatever it is, row by row tells it with the right line
            return None
        found = list(returned) if self.signature.record is not None else [returned]
        for output, values in zip(self.outputs, found, strict=True):
            fits = isinstance(values, np.ndarray) and values.shape == columns[0].shape
            if not fits or values.dtype != np.dtype(output.kind.wire):
                return None
        return [(_no_minus_zero(values), None) for values in found]

    # --- row by row ---------------------------------------------------------------------------
    def _loop(self, columns: list[Array], place: Place | None) -> Lists:
        lists: Lists = [[] for _ in self.outputs]
        plain, given = type(self).plain, self._given
        rows = zip(*(column.tolist() for column in columns), strict=True)
        with np.errstate(all="ignore"):  # what is not finite becomes bad
            for number, values in enumerate(rows):
                if place is None:
                    returned = plain(*values, **given)
                else:
                    _move(place, number)
                    returned = plain(place[0], *values, **given)
                for found, value in zip(lists, self._fields(returned), strict=True):
                    found.append(value)
        if place is not None:
            place[0].move_to(int(place[1].times[-1]), _at(place[1], len(place[1]) - 1))
        return lists

    def _fields(self, returned: Any) -> Sequence[Any]:
        record = self.signature.record
        if record is None:
            return (returned,)
        if returned is None:
            return [None] * len(self.outputs)
        if not isinstance(returned, record):
            raise TypeError(f"it returned {returned!r}, and {record.__name__} was declared")
        return [getattr(returned, output.name) for output in self.outputs]

    def _columns(self, lists: Lists) -> list[Typed]:
        pairs = zip(self.outputs, lists, strict=True)
        return [_typed(output.kind, values) for output, values in pairs]


def _exact(plain: Callable[..., Any], signature: Signature) -> bool:
    kinds = {item.kind for item in signature.inputs} | {out.kind for out in signature.outputs}
    record = signature.record
    several_forms = record is not None and not issubclass(record, tuple)
    if signature.context or several_forms or not kinds <= {Kind.FLOAT, Kind.BOOL}:
        return False
    names = {item.name: TRUTH if item.kind is Kind.BOOL else NUMBER for item in signature.inputs}
    for name, field in signature.params.model_fields.items():
        names[name] = TRUTH if field.annotation is bool else NUMBER
    return is_elementwise(plain, names, record)


def _plain(value: object) -> bool:
    """A parameter that Python and numpy calculate alike with."""
    return type(value) in (float, bool) or (type(value) is int and abs(value) <= LARGEST_INT)


def _typed(kind: Kind, values: Sequence[Any]) -> Typed:
    """A column of what the function returned, and where there is a value; None for everywhere."""
    takes = _TAKES[kind]
    found = blank(kind.wire, (len(values),))
    there = np.ones(len(values), dtype=np.bool_)
    for row, value in enumerate(values):
        if value is None:
            there[row] = False
            continue
        if isinstance(value, np.generic | np.ndarray):
            value = value.item()
        if type(value) not in takes:
            raise TypeError(f"it returned {value!r}, a {type(value).__name__}, not a {kind}")
        found[row] = value
    return _no_minus_zero(found), None if there.all() else there


def _no_minus_zero(values: Array) -> Array:
    """The sign of a zero is the one thing that numpy leaves open, in minimum and the like."""
    if values.dtype.kind == "f":
        found: Array = np.add(values, 0.0)
        return found
    return values


def _column(
    kind: Kind,
    rows: NDArray[np.intp],
    values: Array,
    there: NDArray[np.bool_] | None,
    quality: NDArray[np.uint8] | None,
    count: int,
) -> Column:
    if quality is None and there is None:
        return Column(values)
    whole = blank(kind.wire, (count,))
    whole[rows] = values
    found = np.full(count, Quality.GOOD, np.uint8) if quality is None else quality.copy()
    if there is not None:
        found[rows[~there]] = Quality.BAD
    return Column(whole, found)


def _move(place: Place, number: int) -> None:
    """The context stands at the row: its time, its values."""
    ctx, batch, rows = place
    row = int(rows[number])
    ctx.move_to(int(batch.times[row]), _at(batch, row))


def _at(batch: Batch, row: int) -> dict[str, tuple[Array, NDArray[np.uint8]]]:
    found = {}
    for name, column in batch.columns.items():
        quality = Quality.GOOD if column.quality is None else column.quality[row]
        found[name] = column.values[row : row + 1], np.array([quality], dtype=np.uint8)
    return found
