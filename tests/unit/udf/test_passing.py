"""What stands at the outputs of a function that is taken out."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.functions import Bindings, Output, TagInfo
from schemas.kinds import Array, Kind
from schemas.quality import Quality
from udf.base import Batch, Column
from udf.passing import Last, passed, remember

TIMES = np.array([10, 20, 30], dtype=np.int64)
Q = Quality


def _batch(**columns: Column) -> Batch:
    return Batch(TIMES, columns)


def test_values_of_the_source_pass_unchanged_and_uncertain() -> None:
    quality = np.array([Q.GOOD, Q.BAD_TIMEOUT, Q.UNCERTAIN_LAST_USABLE], dtype=np.uint8)
    batch = _batch(level=Column(np.array([1.5, np.nan, 3.5]), quality))
    found = passed(batch, [Output("smooth", passes="level")], Bindings(), {})["smooth"]
    np.testing.assert_array_equal(found.values, [1.5, np.nan, 3.5])
    assert found.quality is not None
    assert found.times is not None
    assert found.quality.tolist() == [
        Q.UNCERTAIN_FUNCTION,
        Q.BAD_TIMEOUT,
        Q.UNCERTAIN_LAST_USABLE,
    ]
    assert found.times.tolist() == TIMES.tolist()


def test_all_good_values_pass_as_uncertain_and_the_batch_is_left_alone() -> None:
    batch = _batch(level=Column(np.array([1.0, 2.0, 3.0])))
    found = passed(batch, [Output("smooth", passes="level")], Bindings(), {})["smooth"]
    assert found.qualities().tolist() == [Q.UNCERTAIN_FUNCTION] * 3
    assert batch["level"].quality is None


def test_per_passes_tag_by_tag() -> None:
    values = np.arange(6.0).reshape(3, 2)
    quality = np.full((3, 2), Q.GOOD, dtype=np.uint8)
    quality[1, 1] = Q.BAD
    tags = (TagInfo(1, "a"), TagInfo(2, "b"))
    found = passed(
        _batch(many=Column(values, quality)),
        [Output("scaled", per="many")],
        Bindings(inputs={"many": tags}),
        {},
    )["scaled"]
    np.testing.assert_array_equal(found.values, values)
    assert found.qualities()[1].tolist() == [Q.UNCERTAIN_FUNCTION, Q.BAD]
    assert found.qualities()[0].tolist() == [Q.UNCERTAIN_FUNCTION] * 2


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (np.array([1, 2, 3]), Kind.FLOAT, [1.0, 2.0, 3.0]),
        (np.array([True, False, True]), Kind.INT, [1, 0, 1]),
        (np.array([True, False, True]), Kind.FLOAT, [1.0, 0.0, 1.0]),
        (np.array([1, 2, 3]), Kind.TEXT, ["1", "2", "3"]),
        (np.array([0.5, 1.5, 2.5], dtype=np.float32), Kind.FLOAT, [0.5, 1.5, 2.5]),
    ],
)
def test_a_source_of_another_kind_is_converted_where_no_value_changes(
    values: Array, kind: Kind, expected: list[object]
) -> None:
    output = Output("out", kind, passes="x")
    found = passed(_batch(x=Column(values)), [output], Bindings(), {})["out"]
    assert found.values.tolist() == expected
    assert len(found.values) == 3


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([0.5, 1.5, 2.5]), Kind.INT),
        (np.array([2, 3, 4]), Kind.BOOL),
        (np.array(["a", "b", "c"], dtype=object), Kind.FLOAT),
    ],
)
def test_a_source_that_would_change_gives_the_last_usable_value(values: Array, kind: Kind) -> None:
    last = {"out": Last(np.array([1]), np.array([True]))}
    output = Output("out", kind, passes="x")
    found = passed(_batch(x=Column(values)), [output], Bindings(), last)["out"]
    assert found.values.tolist() == [1]
    assert found.qualities().tolist() == [Q.UNCERTAIN_LAST_USABLE]


def test_without_a_source_one_row_has_the_last_usable_value() -> None:
    batch = _batch(level=Column(np.array([1.0, 2.0, 3.0])))
    outputs = [Output("total"), Output("state", Kind.TEXT)]
    last = {"total": Last(np.array([7.5]), np.array([True]))}
    found = passed(batch, outputs, Bindings(), last)
    total, state = found["total"], found["state"]
    assert total.values.tolist() == [7.5]
    assert state.values.tolist() == [""]
    assert total.qualities().tolist() == [Q.UNCERTAIN_LAST_USABLE]
    assert state.qualities().tolist() == [Q.BAD]
    for column in (total, state):
        assert column.times is not None
        assert column.times.tolist() == [30]


def test_a_batch_without_rows_makes_nothing() -> None:
    empty = Batch(np.empty(0, dtype=np.int64), {"x": Column(np.empty(0))})
    assert passed(empty, [Output("out"), Output("x2", passes="x")], Bindings(), {}) == {}


def test_an_input_that_the_batch_does_not_have_passes_nothing() -> None:
    found = passed(_batch(), [Output("out", passes="gone")], Bindings(), {})["out"]
    assert found.qualities().tolist() == [Q.BAD]


def test_the_last_usable_value_is_remembered_tag_by_tag() -> None:
    last: dict[str, Last] = {}
    quality = np.array([[Q.GOOD, Q.BAD, Q.BAD], [Q.BAD, Q.UNCERTAIN, Q.BAD]], dtype=np.uint8)
    remember(last, {"per": Column(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), quality)})
    assert last["per"].known.tolist() == [True, True, False]
    assert last["per"].values[:2].tolist() == [1.0, 5.0]
    bad = np.array([[Q.BAD, Q.GOOD, Q.BAD]], dtype=np.uint8)
    remember(last, {"per": Column(np.array([[7.0, 8.0, 9.0]]), bad), "none": Column(np.empty(0))})
    assert last["per"].values[:2].tolist() == [1.0, 8.0]
    assert last["per"].known.tolist() == [True, True, False]
    assert "none" not in last
    held = passed(
        _batch(many=Column(np.zeros((3, 3)))),
        [Output("per", Kind.FLOAT, per="other")],
        Bindings(inputs={"other": tuple(TagInfo(i, str(i)) for i in range(3))}),
        last,
    )["per"]
    assert held.values.shape == (1, 3)
    assert held.qualities().tolist() == [[Q.UNCERTAIN_LAST_USABLE, Q.UNCERTAIN_LAST_USABLE, Q.BAD]]
    assert held.values[0, :2].tolist() == [1.0, 8.0]
    assert np.isnan(held.values[0, 2])


def test_the_state_of_other_tags_is_not_taken() -> None:
    last = {"per": Last(np.array([1.0, 2.0]), np.array([True, True]))}
    bindings = Bindings(inputs={"gone": (TagInfo(1, "a"),)})
    found = passed(_batch(), [Output("per", per="gone")], bindings, last)["per"]
    assert found.qualities().tolist() == [[Q.BAD]]
