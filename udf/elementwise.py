"""Does a plain function give the same bits for a whole array as for each number alone?

Asked of its source, not by trying: a mean over the batch, `round`, `**` or `numpy.exp` can agree
on any number of tried rows and differ on the next, and then a value would depend on where a batch
was cut. So only what IEEE 754 and numpy define exactly, element by element, passes: + - * /,
comparisons, & | ^ of truths, abs, and a short list of numpy functions. All else is called row by
row.
"""

from __future__ import annotations

import ast
import linecache
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from types import CodeType
from typing import Any

import numpy as np

NUMBER, TRUTH = "number", "truth"
LARGEST_INT = 2**53
"""Up to here an int and a float64 are compared alike in Python and numpy."""

_NUMPY = {
    "abs": ((NUMBER,), NUMBER),
    "absolute": ((NUMBER,), NUMBER),
    "fabs": ((NUMBER,), NUMBER),
    "sqrt": ((NUMBER,), NUMBER),
    "floor": ((NUMBER,), NUMBER),
    "ceil": ((NUMBER,), NUMBER),
    "trunc": ((NUMBER,), NUMBER),
    "rint": ((NUMBER,), NUMBER),
    "minimum": ((NUMBER, NUMBER), NUMBER),
    "maximum": ((NUMBER, NUMBER), NUMBER),
    "clip": ((NUMBER, NUMBER, NUMBER), NUMBER),
    "where": ((TRUTH, NUMBER, NUMBER), NUMBER),
    "isnan": ((NUMBER,), TRUTH),
    "isfinite": ((NUMBER,), TRUTH),
    "isinf": ((NUMBER,), TRUTH),
    "logical_and": ((TRUTH, TRUTH), TRUTH),
    "logical_or": ((TRUTH, TRUTH), TRUTH),
    "logical_not": ((TRUTH,), TRUTH),
}
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_TRUTHS = (ast.BitAnd, ast.BitOr, ast.BitXor)
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


class _NotExactError(Exception):
    """Something in the source is not known to be exact."""


def is_elementwise(
    plain: Callable[..., Any], names: Mapping[str, str], record: type[Any] | None = None
) -> bool:
    """Whether `plain` may be called with arrays. `names` are its arguments with NUMBER or TRUTH,
    `record` the NamedTuple that it returns, if any. False also where there is no source."""
    try:
        found = _source_of(plain.__code__, getattr(plain, "__globals__", {}))
        _Reader(plain, dict(names), record).block(found.body)
    except (_NotExactError, SyntaxError):
        return False
    return True


def _source_of(code: CodeType, module: dict[str, Any]) -> ast.FunctionDef:
    """From its file, unless that was changed since it was loaded."""
    text = "".join(linecache.getlines(code.co_filename, module))
    tree = ast.parse(text)
    if not any(_same(code, other) for other in _codes(compile(tree, code.co_filename, "exec"))):
        raise _NotExactError
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    raise _NotExactError


def _codes(code: CodeType) -> Iterator[CodeType]:
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield item
            yield from _codes(item)


def _same(code: CodeType, other: CodeType) -> bool:
    names = "co_name", "co_firstlineno", "co_code", "co_names", "co_varnames", "co_consts"
    return all(getattr(code, name) == getattr(other, name) for name in names)


class _Reader:
    """Goes through the statements in order and knows what each name holds."""

    def __init__(
        self, plain: Callable[..., Any], names: dict[str, str], record: type[Any] | None
    ) -> None:
        self._globals: Mapping[str, Any] = getattr(plain, "__globals__", {})
        code = plain.__code__
        self._own: Collection[str] = {*code.co_varnames, *code.co_freevars}
        self._names, self._record = names, record

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(ast.Constant(str())) | ast.Pass():
                return
            case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(
                ast.Name(name), _, ast.expr() as value
            ):
                kind = self._kind(value)
                if self._names.setdefault(name, kind) != kind:
                    raise _NotExactError  # one branch may hold a number, the other a truth
            case ast.If(test, body, otherwise):
                self._kind(test)
                self.block(body)
                self.block(otherwise)
            case ast.Return(ast.Call(ast.Name(name), values, keywords)) if self._is_record(name):
                for value in (*values, *(keyword.value for keyword in keywords)):
                    self._kind(value)
            case ast.Return(ast.expr() as value):
                self._kind(value)
            case _:
                raise _NotExactError

    def _is_record(self, name: str) -> bool:
        return self._record is not None and self._global(name) is self._record

    def _global(self, name: str) -> Any:
        return None if name in self._own else self._globals.get(name)

    def _kind(self, node: ast.expr) -> str:
        match node:
            case ast.Name(name):
                return self._names[name] if name in self._names else _constant(self._global(name))
            case ast.Constant(value):
                return _constant(value)
            case ast.Attribute(ast.Name(module), name) if self._global(module) in (math, np):
                return _constant(getattr(math, name, None))
            case ast.UnaryOp(ast.USub() | ast.UAdd(), value):
                return self._all(NUMBER, value)
            case ast.BinOp(left, operator, right):
                return self._binary(left, operator, right)
            case ast.Compare(left, [operator], [right]) if isinstance(operator, _ORDER):
                self._all(NUMBER, left, right)
                return TRUTH
            case ast.IfExp(test, value, other):
                self._kind(test)
                return self._all(self._kind(value), other)
            case ast.Call(called, values, []):
                return self._call(called, values)
        raise _NotExactError

    def _all(self, kind: str, *values: ast.expr) -> str:
        if any(self._kind(value) != kind for value in values):
            raise _NotExactError
        return kind

    def _binary(self, left: ast.expr, operator: ast.operator, right: ast.expr) -> str:
        if isinstance(operator, _ARITHMETIC):
            return self._all(NUMBER, left, right)
        if isinstance(operator, _TRUTHS):
            return self._all(TRUTH, left, right)
        raise _NotExactError

    def _call(self, called: ast.expr, values: list[ast.expr]) -> str:
        match called:
            case ast.Name("abs") if "abs" not in self._globals and "abs" not in self._own:
                takes, gives = _NUMPY["abs"]
            case ast.Attribute(ast.Name(module), name) if (
                self._global(module) is np and name in _NUMPY
            ):
                takes, gives = _NUMPY[name]
            case _:
                raise _NotExactError
        if len(values) != len(takes):
            raise _NotExactError
        for kind, value in zip(takes, values, strict=True):
            self._all(kind, value)
        return gives


def _constant(value: object) -> str:
    if type(value) is bool:
        return TRUTH
    if type(value) is float or (type(value) is int and abs(value) <= LARGEST_INT):
        return NUMBER
    raise _NotExactError
