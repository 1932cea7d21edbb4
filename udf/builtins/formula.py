"""The language of the built-in `expression`: arithmetic on whole columns, and nothing else.

Evaluated by simpleeval (github.com/danthedeckie/simpleeval) with its own nodes, names, operators
and functions taken away and these put in their place: no attributes, subscripts, texts, loops,
assignments or calls by value. Everything is a float64, a column or a number; true is 1, false is 0.

NaN means "not known". A comparison with it is not known, `and` and `or` are Kleene's (false and
unknown is false), and whatever is infinite or undefined (1/0, log of -1) becomes not known. Source:
S. C. Kleene, *Introduction to Metamathematics* (1952), section 64.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from simpleeval import SimpleEval  # type: ignore[import-untyped]

from udf.builtins.formula_words import FUNCTIONS, NAMES, OPERATORS, known, truth

MAX_LENGTH = 1000
MAX_NODES = 300
MAX_DEPTH = 60
_MAX_DIGITS = 15

_ALLOWED = (
    ast.Name,
    ast.Constant,
    ast.UnaryOp,
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.Call,
    ast.IfExp,
)
_WORDS: dict[type[ast.AST], str] = {
    ast.Attribute: "a dot (there are no attributes)",
    ast.Subscript: "square brackets",
    ast.JoinedStr: "a text",
    ast.Lambda: "lambda",
    ast.NamedExpr: "an assignment",
    ast.ListComp: "a loop",
    ast.GeneratorExp: "a loop",
    ast.Starred: "a star",
}


class FormulaError(ValueError):
    """An expression that cannot be; says where, as a column counted from 1."""

    def __init__(self, message: str, node: ast.AST | None = None) -> None:
        column = getattr(node, "col_offset", None)
        place = "" if column is None else f"column {column + 1}: "
        super().__init__(f"{place}{message}")


@dataclass(frozen=True)
class Formula:
    """A checked expression: the inputs that it uses, and those that it asks `isgood` of."""

    text: str
    tree: ast.expr
    uses: frozenset[str]
    asks: frozenset[str]

    def evaluate(self, columns: Mapping[str, Any], good: Mapping[str, Any], rows: int) -> Any:
        """float64 [rows] of columns [rows] by input (NaN where there is no value); NaN where the
        result is not known. `good` are bool columns for `isgood`."""
        evaluator = self._evaluator
        with np.errstate(all="ignore"):
            found = evaluator.over(columns, good).eval(self.text, previously_parsed=self.tree)
        evaluator.over({}, {})
        return np.broadcast_to(np.asarray(found, np.float64), (rows,)).copy()

    @cached_property
    def _evaluator(self) -> _Evaluator:
        return _Evaluator()


def parse(text: str, inputs: tuple[str, ...]) -> Formula:
    """Raises FormulaError, which says what is wrong and where."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the expression has {len(text)} characters, {MAX_LENGTH} is the most")
    if "\n" in text or "\0" in text:
        raise FormulaError("the expression is one line")
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        where = f"column {error.offset}: " if error.offset else ""
        raise FormulaError(f"{where}{error.msg}") from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise FormulaError("the expression is nested too deep") from error
    nodes = list(_walk(tree))
    if len(nodes) > MAX_NODES:
        raise FormulaError(f"the expression has {len(nodes)} parts, {MAX_NODES} is the most")
    asks = [_checked(node, inputs) for node in nodes]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return Formula(text, tree, frozenset(names & set(inputs)), frozenset(filter(None, asks)))


def _walk(tree: ast.expr) -> Iterator[ast.expr]:
    """Every expression in it. Raises FormulaError where it is too deep."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        yield from level
        level = [_child for node in level for _child in _children(node)]
        if not level:
            return
    raise FormulaError(f"the expression is nested deeper than {MAX_DEPTH}", level[0])


def _children(node: ast.expr) -> list[ast.expr]:
    """The parts that are evaluated; the name of a called function is none."""
    if isinstance(node, ast.Call):
        return list(node.args)
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _checked(node: ast.expr, inputs: tuple[str, ...]) -> str:
    """The input that the node asks `isgood` of, else "". Raises FormulaError."""
    if not isinstance(node, _ALLOWED):
        raise FormulaError(f"{_WORDS.get(type(node), type(node).__name__)} is not possible", node)
    if isinstance(node, ast.Name) and node.id not in (*inputs, *NAMES):
        if node.id in FUNCTIONS:
            raise FormulaError(f"{node.id} is a function: write {node.id}(...)", node)
        raise FormulaError(f"{node.id!r} is not known; there are {', '.join(inputs)}, pi", node)
    if isinstance(node, ast.Constant):
        _number(node)
    if isinstance(node, ast.UnaryOp | ast.BinOp) and type(node.op) not in OPERATORS:
        raise FormulaError(f"the operator {type(node.op).__name__} is not known", node)
    if isinstance(node, ast.Compare):
        strange = [type(op).__name__ for op in node.ops if type(op) not in OPERATORS]
        if strange:
            raise FormulaError(f"the comparison {strange[0]} is not known", node)
    return _call(node, inputs) if isinstance(node, ast.Call) else ""


def _number(node: ast.Constant) -> float:
    if not isinstance(node.value, bool | int | float):
        raise FormulaError(f"{str(node.value)[:20]!r} is not a number", node)
    try:
        value = float(node.value)
    except OverflowError:
        value = np.inf
    if not np.isfinite(value):
        raise FormulaError("this number is too large", node)
    return value


def _call(node: ast.Call, inputs: tuple[str, ...]) -> str:
    if not isinstance(node.func, ast.Name) or node.func.id not in (*FUNCTIONS, "isgood"):
        name = getattr(node.func, "id", "this")
        raise FormulaError(
            f"{name!r} is no function; there are {', '.join([*FUNCTIONS, 'isgood'])}", node
        )
    name, count = node.func.id, len(node.args)
    if node.keywords:
        raise FormulaError(f"{name} has no named arguments", node)
    if name == "isgood":
        first = node.args[0] if count == 1 else None
        if not isinstance(first, ast.Name) or first.id not in inputs:
            raise FormulaError("isgood asks one input, like isgood(a)", node)
        return first.id
    _, least, most = FUNCTIONS[name]
    if not least <= count <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise FormulaError(f"{name} takes {wanted} argument(s), and has {count} here", node)
    if name == "round" and count > 1:
        digits = node.args[1]
        plain = isinstance(digits, ast.Constant) and type(digits.value) is int
        if not plain or not 0 <= digits.value <= _MAX_DIGITS:  # type: ignore[attr-defined]
            raise FormulaError("the digits of round are a whole number, 0 to 15", digits)
    return ""


class _Evaluator(SimpleEval):  # type: ignore[misc]
    """simpleeval with our nodes only."""

    def __init__(self) -> None:
        functions = {name: function for name, (function, _, _) in FUNCTIONS.items()}
        super().__init__(operators=OPERATORS, functions=functions, names=dict(NAMES))
        self._good: Mapping[str, Any] = {}
        self.nodes: dict[type[ast.AST], Callable[[Any], Any]] = {
            ast.Name: self._eval_name,
            ast.Constant: lambda node: np.float64(_number(node)),
            ast.UnaryOp: self._eval_unaryop,
            ast.BinOp: self._eval_binop,
            ast.BoolOp: self._logic,
            ast.Compare: self._comparison,
            ast.IfExp: self._choice,
            ast.Call: self._called,
        }

    def over(self, columns: Mapping[str, Any], good: Mapping[str, Any]) -> _Evaluator:
        """The same, for these columns."""
        self.names, self._good = {**NAMES, **columns}, good
        return self

    def _eval(self, node: ast.AST) -> Any:
        return known(super()._eval(node))

    def _logic(self, node: ast.BoolOp) -> Any:
        parts = [truth(self._eval(value)) for value in node.values]
        # of 0, unknown and 1, `and` is the least and `or` the most, with unknown in the middle
        ranked = [np.where(np.isnan(part), 0.5, part) for part in parts]
        which = np.minimum if isinstance(node.op, ast.And) else np.maximum
        found = reduce(which, ranked)
        return np.where(found == 0.5, np.nan, found)

    def _comparison(self, node: ast.Compare) -> Any:
        sides = [self._eval(side) for side in (node.left, *node.comparators)]
        found = np.float64(1.0)
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            one = np.where(np.isnan(left) | np.isnan(right), np.nan, 1.0)
            found = found * one * self.operators[type(operator)](left, right)
        return found

    def _choice(self, node: ast.IfExp) -> Any:
        parts = [self._eval(part) for part in (node.test, node.body, node.orelse)]
        return self.functions["where"](*parts)

    def _called(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "isgood":
            assert isinstance(node.args[0], ast.Name)
            return self._good[node.args[0].id].astype(np.float64)
        return self._eval_call(node)
