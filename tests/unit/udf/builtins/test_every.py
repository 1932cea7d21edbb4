"""What every built-in function promises, whoever wrote it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.functions import Bindings, TagInfo
from schemas.kinds import Kind
from schemas.quality import Quality
from tests.unit.udf.builtins import samples
from udf.base import Batch, Column, Function
from udf.builtins import builtin, names, specs
from udf.builtins.tagwise import Tagwise
from udf.context import Context, Memory
from udf.engine import Engine
from udf.testing import bindings_of, check

DOCS = Path(__file__).parents[4] / "docs" / "udf" / "builtins.md"
CASES = [
    pytest.param(name, parameters, id=f"{name}-{number}")
    for name in names()
    for number, parameters in enumerate(samples.of(name))
]
TAGWISE = [name for name in names() if issubclass(builtin(name), Tagwise)]
TAGWISE_CASES = [case for case in CASES if case.values[0] in TAGWISE]


@pytest.mark.parametrize("spec", specs(), ids=lambda spec: spec.name)
def test_it_explains_itself(spec: Any) -> None:
    assert spec.title
    assert len(spec.description) > 60
    for port in (*spec.inputs, *spec.outputs):
        assert port.description, port.name
    for name, field in spec.parameters.get("properties", {}).items():
        assert field.get("title"), name
        assert field.get("description"), name
    assert f"`{spec.name}`" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*TAGWISE, "swinging_door"])
def test_its_example_in_the_documentation_is_valid(name: str) -> None:
    section = DOCS.read_text(encoding="utf-8").split(f"\n`{name}`: ")[1].split("\n### ")[0]
    found = re.search(r"^Example: `(\{.*?\})`:", section, re.MULTILINE)
    assert found is not None
    builtin(name).Params.model_validate_json(found[1])
    for parameter in builtin(name).Params.model_fields:
        assert f"| `{parameter}` |" in section


@pytest.mark.parametrize("doubt", [True, False], ids=["doubt", "good"])
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_it_keeps_the_promises_of_functions(
    name: str, parameters: dict[str, Any], doubt: bool
) -> None:
    kind = builtin(name)
    for count in (1, 20):
        checked = check(kind, samples.batch(kind, count=count, doubt=doubt), parameters)
        assert checked.values > 0


@pytest.mark.parametrize(("name", "parameters"), TAGWISE_CASES)
def test_cuts_and_restarts_change_no_bit(name: str, parameters: dict[str, Any]) -> None:
    kind = builtin(name)
    batch = samples.batch(kind, count=4, seed=3)
    whole = _engine(kind, parameters, batch).process(batch).columns["value"]
    engine, start, parts = _engine(kind, parameters, batch), 0, []
    for size in [1, 2, 5, 1, 30, 60, 3] * 3:
        parts.append(engine.process(batch.cut(start, start + size)).columns["value"])
        start += size
        saved, engine = engine.snapshot(), _engine(kind, parameters, batch)
        engine.restore(saved)
        if start >= len(batch):
            break
    for field in ("values", "times"):
        joined = np.concatenate([getattr(part, field) for part in parts])
        assert repr(joined.tolist()) == repr(getattr(whole, field).tolist())
    assert (
        np.concatenate([part.qualities() for part in parts]).tolist() == whole.qualities().tolist()
    )


@pytest.mark.parametrize(("name", "parameters"), TAGWISE_CASES)
def test_a_bad_value_gives_a_bad_one_for_the_same_reason(
    name: str, parameters: dict[str, Any]
) -> None:
    kind = builtin(name)
    batch = samples.batch(kind, count=4, seed=5)
    column = next(batch[port.name] for port in kind.inputs if port.many)
    found = _engine(kind, parameters, batch).process(batch).columns["value"]
    quality, given = found.qualities(), column.qualities()
    bad = given < Quality.UNCERTAIN
    assert bad.any()
    assert (quality[bad] == given[bad]).all()
    uncertain = (given >= Quality.UNCERTAIN) & (given < Quality.GOOD)
    assert uncertain.any()
    assert (quality[uncertain] < Quality.GOOD).all()
    blank = {"f": np.isnan, "i": lambda v: v == 0, "b": np.logical_not, "O": lambda v: v == ""}
    absent = found.values[quality < Quality.UNCERTAIN]
    assert blank[found.values.dtype.kind](absent).all()


@pytest.mark.parametrize(("name", "parameters"), TAGWISE_CASES)
def test_a_bad_value_of_one_tag_touches_no_other(name: str, parameters: dict[str, Any]) -> None:
    kind = builtin(name)
    clean, torn = samples.batch(kind, doubt=False), samples.batch(kind, doubt=False)
    port = next(port.name for port in kind.inputs if port.many)
    quality = torn[port].qualities()
    quality[::3, 0] = Quality.BAD
    columns = {**torn.columns, port: Column(torn[port].values, quality)}
    one = _engine(kind, parameters, clean).process(clean).columns["value"]
    other = _engine(kind, parameters, clean).process(Batch(torn.times, columns)).columns["value"]
    assert repr(one.values[:, 1:].tolist()) == repr(other.values[:, 1:].tolist())
    assert (one.qualities()[:, 1:] == other.qualities()[:, 1:]).all()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [case for case in TAGWISE_CASES if builtin(str(case.values[0])).inputs[0].kind is Kind.FLOAT],
)
def test_a_number_that_is_none_is_bad_whatever_its_quality_says(
    name: str, parameters: dict[str, Any]
) -> None:
    kind = builtin(name)
    batch = samples.batch(kind, doubt=False)
    column = batch[kind.inputs[0].name]
    column.values[7, 1], column.values[8, 1] = np.nan, np.inf
    engine = _engine(kind, parameters, batch)
    found = engine.process(batch).columns["value"]
    assert (found.qualities()[7:9, 1] == Quality.BAD_OUT_OF_RANGE).all()
    good = found.qualities() >= Quality.UNCERTAIN
    if found.values.dtype.kind == "f":
        assert np.isfinite(found.values[good]).all()


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_a_batch_without_rows_or_tags_is_no_trouble(name: str, parameters: dict[str, Any]) -> None:
    kind = builtin(name)
    batch = samples.batch(kind, count=2)
    engine = _engine(kind, parameters, batch)
    before = engine.snapshot()
    assert all(
        not column.values.size for column in engine.process(batch.cut(0, 0)).columns.values()
    )
    assert engine.snapshot() == before
    if name in TAGWISE:
        bindings = bindings_of(kind, batch)
        ports = {**bindings.inputs, **bindings.outputs}
        context = Context(kind.Params.model_validate(parameters), ports, Memory())
        function = kind()
        function.setup(context)
        returned = function.process(batch.cut(0, 0), context)
        assert isinstance(returned, dict)
        assert returned["value"].values.shape == (0, 2)
        none = samples.batch(kind, rows=4, count=0, doubt=False)
        found = _engine(kind, parameters, none).process(none)
        assert all(column.values.size == 0 for column in found.columns.values())


@pytest.mark.parametrize("name", TAGWISE)
def test_a_tag_that_is_added_leaves_the_others_going(name: str) -> None:
    kind, parameters = builtin(name), samples.of(name)[0]
    batch = samples.batch(kind, count=2)
    engine = _engine(kind, parameters, batch)
    engine.process(batch.cut(0, 100))
    wider = samples.batch(kind, count=3)
    tags = tuple(TagInfo(number, f"T{number}") for number in (2, 9, 1))
    inputs = {port.name: tags for port in kind.inputs if port.many}
    outputs = {port.name: tags for port in kind.outputs}
    second = Engine(kind, parameters, Bindings(inputs, outputs))
    second.restore(engine.snapshot())
    found = second.process(wider.cut(100, 240)).columns["value"]
    assert found.values.shape == (140, 3)


def _engine(kind: type[Function[Any]], parameters: dict[str, Any], batch: Batch) -> Engine:
    return Engine(kind, parameters, bindings_of(kind, batch))
