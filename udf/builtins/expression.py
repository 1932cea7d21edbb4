"""A formula of up to eight tags."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from schemas.functions import Input, Output
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Parameters, Returned
from udf.builtins.formula import MAX_LENGTH, parse
from udf.context import Context

NAMES = ("a", "b", "c", "d", "e", "f", "g", "h")


class ExpressionParameters(Parameters):
    expression: Annotated[str, Field(title="Expression", min_length=1, max_length=MAX_LENGTH)]
    """For example `where(isgood(a), a, b) * 1.8 + 32`. Inputs are a to h. There are + - * / // %
    and **, comparisons, and, or, not, `x if condition else y`, abs, ceil, clip, cos, exp, floor,
    log, log10, max, min, round, sin, sqrt, tan, where, isgood, and pi."""

    @model_validator(mode="after")
    def _parsed(self) -> Self:
        parse(self.expression, NAMES)
        return self


class Expression(Function[ExpressionParameters]):
    """Calculates one value from up to eight tags, row by row.

    Division by zero, overflow and what else is no number give a bad value. So does a bad input,
    except where the result does not depend on it; it is uncertain then. An input that the
    expression asks `isgood` of is left to the expression.
    """

    name, version, title = "expression", "1.0.0", "Expression"
    Params = ExpressionParameters
    inputs = tuple(
        Input(name, required=False, description="Bind it when the expression uses it.")
        for name in NAMES
    )
    outputs = (Output("value", description="What the expression gives."),)

    def setup(self, ctx: Context) -> None:
        self._formula = parse(ctx.params.expression, NAMES)
        missing = sorted(name for name in self._formula.uses if not ctx.tags.get(name))
        if missing:
            raise ValueError(f"the expression uses {', '.join(missing)}, and no tag is bound there")

    def process(self, batch: Batch, ctx: Context) -> Returned:
        formula = self._formula
        columns, good = {}, {}
        quality = np.full(len(batch), Quality.GOOD, np.uint8)
        worst = quality.copy()
        for name in sorted(formula.uses):
            column = batch[name]
            usable = column.usable & np.isfinite(column.values)
            columns[name] = np.where(usable, column.values, np.nan)
            good[name] = usable & column.good
            codes = np.where(
                usable | ~column.usable, column.qualities(), np.uint8(Quality.BAD_OUT_OF_RANGE)
            )
            worst = np.minimum(worst, codes)
            if name not in formula.asks:
                quality = np.minimum(quality, codes)
        found: Any = formula.evaluate(columns, good, len(batch))
        known = np.isfinite(found)
        quality = np.where(
            known,
            np.maximum(quality, np.uint8(Quality.UNCERTAIN)),
            np.where(worst < Quality.UNCERTAIN, worst, np.uint8(Quality.BAD)),
        )
        return {"value": Column(found, quality)}
