"""The tags that a use makes: their names, ids, units, and what becomes of them with a change."""

from __future__ import annotations

import pytest

from hub.functions.bindings import plant_of
from hub.functions.outputs import TagPlan, Wanted, plan_tags, wanted_tags
from hub.storage.records import TagRow
from schemas.config.devices import TagConfig
from schemas.config.functions import FunctionConfig
from schemas.errors import ConfigErrors
from schemas.functions import FunctionSpec, Input, Output
from schemas.kinds import DataType, Kind

INPUT = Input("values", many=True)


def row(tag_id: int, name: str, device: str = "Tank", **config: object) -> TagRow:
    tag = TagConfig.model_validate({"name": name, "address": "x", **config})
    return TagRow(tag_id, 1, device, 1, "line-1", name, tag.model_dump(mode="json"), None, tag.kind)


def made(plan: TagPlan, first_id: int = 100) -> list[TagRow]:
    """The rows that a plan of new tags makes."""
    return [
        row(first_id + index, **tag.model_dump(mode="json")) for index, tag in enumerate(plan.new)
    ]


def wanted(*outputs: Output, tags: list[TagRow], used: list[int] | None = None) -> list[Wanted]:
    spec = FunctionSpec("f", "1.0.0", inputs=(INPUT,), outputs=outputs)
    ids = used or [tag.tag_id for tag in tags]
    config = FunctionConfig(function="f", inputs={"values": tuple(ids)})
    return wanted_tags(config, spec, plant_of((), tags))


PER = Output("average", per="values")


def test_one_tag_per_output_or_per_tag() -> None:
    tags = [row(7, "level", unit="m"), row(8, "speed", unit="1/min")]
    outputs = PER, Output("count", Kind.INT, unit="pcs", description="How many")
    plan = plan_tags(wanted(*outputs, tags=tags))
    assert [(tag.name, tag.address, tag.data_type, tag.unit) for tag in plan.new] == [
        ("level", "average:7", DataType.FLOAT64, "m"),
        ("speed", "average:8", DataType.FLOAT64, "1/min"),
        ("count", "count", DataType.INT64, "pcs"),
    ]
    assert plan.new[2].description == "How many"
    own = plan_tags(wanted(Output("average", per="values", unit="%"), tags=tags))
    assert {tag.unit for tag in own.new} == {"%"}


@pytest.mark.parametrize(
    ("kind", "data_type"),
    [
        (Kind.FLOAT, DataType.FLOAT64),
        (Kind.INT, DataType.INT64),
        (Kind.BOOL, DataType.BOOL),
        (Kind.TEXT, DataType.STRING),
    ],
)
def test_data_types_by_kind(kind: Kind, data_type: DataType) -> None:
    (tag,) = plan_tags(wanted(Output("out", kind), tags=[row(1, "a")])).new
    assert (tag.data_type, tag.kind) == (data_type, kind)


def test_names_differ_by_themselves() -> None:
    tags = [row(1, "speed", "Filler"), row(2, "speed", "Capper"), row(3, "speed", "Capper")]
    plan = plan_tags(wanted(PER, tags=tags))
    assert [tag.name for tag in plan.new] == ["speed", "Capper speed", "speed average"]
    two = plan_tags(wanted(PER, Output("median", per="values"), tags=tags[:2]))
    assert [tag.name for tag in two.new] == [
        "speed average",
        "Capper speed average",
        "speed median",
        "Capper speed median",
    ]
    long = [row(number, "n" * 100, "d" * 100) for number in range(1, 6)]
    names = [tag.name for tag in plan_tags(wanted(PER, tags=long)).new]
    assert len(set(names)) == 5
    assert max(map(len, names)) <= 100


def test_a_name_that_somebody_chose_is_not_given_to_another() -> None:
    tags = [row(1, "speed"), row(2, "level")]
    plan = plan_tags(wanted(PER, tags=tags), names={"average:2": "speed"})
    assert [tag.name for tag in plan.new] == ["Tank speed", "speed"]


def test_ids_stay_with_what_people_changed() -> None:
    tags = [row(1, "a", unit="m"), row(2, "b"), row(3, "c")]
    rows = made(plan_tags(wanted(PER, tags=tags, used=[1, 2])))
    renamed = row(100, "mine", address="average:1", data_type="float64", unit="km")
    plan = plan_tags(wanted(PER, tags=tags, used=[3, 1]), [renamed, rows[1]])
    assert plan.removed == (101,)
    assert [tag.name for tag in plan.new] == ["c"]
    assert plan.changed == plan.renamed == ()


def test_units_follow_unless_people_changed_them() -> None:
    tags = [row(1, "a")]
    before = wanted(Output("x", unit="m"), Output("y", unit="m"), tags=tags)
    rows = [
        row(100, "x", address="x", data_type="float64", unit="m"),
        row(101, "y", address="y", data_type="float64", unit="feet"),
    ]
    after = wanted(Output("x", unit="mm"), Output("y", unit="mm"), tags=tags)
    plan = plan_tags(after, rows, before=before)
    assert [(number, tag.unit) for number, tag in plan.changed] == [(100, "mm")]
    assert plan_tags(after, rows).changed == ()


def test_another_type_is_another_tag_of_the_same_name() -> None:
    rows = [row(100, "Total", address="x", data_type="float64")]
    plan = plan_tags(wanted(Output("x", Kind.INT), tags=[row(1, "a")]), rows)
    assert plan.removed == (100,)
    assert [(tag.name, tag.data_type) for tag in plan.new] == [("Total", DataType.INT64)]


def test_two_tags_change_names() -> None:
    rows = [
        row(100, "x", address="x", data_type="float64"),
        row(101, "y", address="y", data_type="float64"),
    ]
    both = wanted(Output("x"), Output("y"), tags=[row(1, "a")])
    plan = plan_tags(both, rows, names={"x": "y", "y": "x"})
    assert [(number, tag.name) for number, tag in plan.changed] == [(100, "y"), (101, "x")]
    assert plan.renamed == (100, 101)


@pytest.mark.parametrize(
    ("names", "path"),
    [
        ({"x": "same", "y": "same"}, "names.y"),
        ({"z": "a"}, "names.z"),
        ({"x": "a" * 101}, "names.x"),
        ({"x": "a\nb"}, "names.x"),
    ],
)
def test_wrong_names_have_paths(names: dict[str, str], path: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        plan_tags(wanted(Output("x"), Output("y"), tags=[row(1, "a")]), names=names)
    assert [problem.path for problem in caught.value.problems] == [path]
