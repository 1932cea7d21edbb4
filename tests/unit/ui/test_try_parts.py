"""A trial in words and curves; which tag stands at an input; parameters as text."""

from __future__ import annotations

import pytest

from hub.function_records import Curve, Trial
from hub.records import Tag
from hub.ui.components.parameter_texts import Shape, as_text, of_text, shape_of
from hub.ui.components.try_tags import by_name, fitting
from hub.ui.components.try_words import chart_data, figures, kind_of
from schemas.config.devices import TagConfig
from schemas.functions import Fault, Input
from schemas.kinds import DataType, Kind
from schemas.quality import Quality
from udf.builtins import specs

MS = 1_000_000
_POINTS = {
    "type": "array",
    "items": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]},
}


def _tag(tag_id: int, name: str, data_type: DataType = DataType.FLOAT32) -> Tag:
    config = TagConfig(name=name, address="DB1.DBD0", data_type=data_type)
    return Tag(tag_id, 1, "Filler", "filling-1", config)


def _curve(port: str, values: list[float | int | bool | str | None], *codes: int) -> Curve:
    times = [MS * index for index in range(len(values))]
    return Curve(port, port, "bar", times, values, list(codes) or [Quality.GOOD] * len(values))


def test_curves_keep_their_role_times_and_doubts() -> None:
    before = _curve("level", [1.0, None, 2.0], Quality.GOOD, Quality.BAD, Quality.UNCERTAIN)
    after = _curve("full", [False, True, None])
    fault = Fault("exception", "division by zero", line=3, time_ns=2 * MS)
    effect = {"kind": "alarm", "time_ns": MS, "message": "full"}
    trial = Trial((before,), (after,), 3, 3, faults=(fault,), effects=(effect,))
    data = chart_data(trial, 0, 5 * MS)
    assert (data["from"], data["to"]) == (0, 2)  # there is no data after that
    level, full = data["curves"]
    assert (level["role"], level["kind"], level["t"]) == ("before", "float", [0, 1, 2])
    assert level["avg"] == [1.0, None, 2.0]
    assert set(level["notes"]) == {"1", "2"}
    assert (full["role"], full["kind"]) == ("after", "bool")
    assert full["texts"] == ["false", "true", None]
    assert full["id"] != level["id"]
    assert [(mark["t"], mark["level"]) for mark in data["marks"]] == [(2, "bad"), (1, "warn")]


def test_a_curve_without_a_value_is_one_of_numbers() -> None:
    assert kind_of([]) is Kind.FLOAT
    assert kind_of([None, True]) is Kind.BOOL
    assert kind_of([None, 3, 4.5]) is Kind.INT


def test_figures_are_per_second_and_per_million_and_never_divide_by_nothing() -> None:
    found = figures(Trial((), (), 1000, 2_000_000, seconds=2.0, cpu_s=0.5))
    assert found["Values per second"] == "1\u2009000\u2009000"
    assert found["CPU per million values"] == "0.25 s"
    assert figures(Trial((), ()))["CPU per million values"] == "\N{EN DASH}"


def test_an_input_takes_the_one_tag_that_is_called_like_it() -> None:
    tags = [
        _tag(1, "Bowl level"),
        _tag(2, "Speed"),
        _tag(3, "speed"),
        _tag(4, "x", DataType.STRING),
    ]
    assert by_name(Input("bowl_level"), tags) == (1,)
    assert by_name(Input("speed"), tags) == ()
    assert by_name(Input("x"), tags) == ()
    assert by_name(Input("x", Kind.TEXT), tags) == (4,)
    assert [tag.id for tag in fitting(Input("a"), tags)] == [1, 2, 3]


@pytest.mark.parametrize("text", ["0; off\n1; on now", "0\toff\n1\ton now", "0 off\n1 on now"])
def test_a_table_is_typed_or_pasted(text: str) -> None:
    assert shape_of(_POINTS, {}) is Shape.TABLE
    assert of_text(Shape.TABLE, _POINTS, {}, text) == [[0.0, "off"], [1.0, "on now"]]


def test_texts_of_parameters_come_back_as_they_were() -> None:
    listed = {"type": "array", "items": {"type": "integer"}}
    value = {"a": [1, 2]}
    for shape, item, given in (
        (Shape.TABLE, _POINTS, [[0.5, "off"], [1.0, "on"]]),
        (Shape.LIST, listed, [1, 2, 3]),
        (Shape.JSON, {"type": "object"}, value),
    ):
        assert of_text(shape, item, {}, as_text(shape, given)) == given
    assert of_text(Shape.LIST, listed, {}, "  ") is None
    assert of_text(Shape.LIST, listed, {}, "1; many") == [1, "many"]
    with pytest.raises(ValueError, match="Expecting"):
        of_text(Shape.JSON, {"type": "object"}, {}, "{")


def test_every_parameter_of_a_built_in_has_a_way_to_be_edited() -> None:
    for spec in specs():
        defs = spec.parameters.get("$defs", {})
        for name, item in spec.parameters.get("properties", {}).items():
            assert shape_of(item, defs) is not Shape.JSON, f"{spec.name}.{name}"
