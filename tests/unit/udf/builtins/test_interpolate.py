"""The built-in `interpolate`."""

from __future__ import annotations

import pytest

from schemas.functions import Bindings, TagInfo
from schemas.quality import Quality
from udf.builtins.interpolate import Interpolate
from udf.engine import Engine
from udf.faults import FunctionFault
from udf.testing import batch_of, check, run

S = 1_000_000_000
G, U, B = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD


def test_a_short_hole_is_filled_on_the_line_and_uncertain() -> None:
    outcome = run(Interpolate, {"values": [[1.0], [None], [None], [4.0]]})
    assert outcome.values("value") == [[1], [2], [3], [4]]
    assert outcome.quality("value") == [[G], [U], [U], [G]]


def test_the_limit_is_from_good_value_to_good_value() -> None:
    given = {"values": [[1.0], [None], [3.0]]}
    assert run(Interpolate, given, parameters={"limit_s": 2}).values("value") == [[1], [2], [3]]
    outcome = run(Interpolate, given, parameters={"limit_s": 1.99})
    assert outcome.values("value") == [[1], [None], [3]]


def test_a_hole_at_the_beginning_stays_and_keeps_its_reason() -> None:
    codes = [[Quality.BAD_TIMEOUT], [G]]
    outcome = run(Interpolate, {"values": [[None], [2.0]]}, quality={"values": codes})
    assert outcome.values("value") == [[None], [2]]
    assert outcome.quality("value") == [[Quality.BAD_TIMEOUT], [G]]


def test_uncertain_values_pass_and_are_no_end_of_a_hole() -> None:
    given = {"values": [[1.0], [None], [9.0], [4.0]]}
    outcome = run(Interpolate, given, quality={"values": [[G], [B], [U], [G]]})
    assert outcome.values("value") == [[1], [2], [9], [4]]


def test_rows_wait_for_the_hole_to_close_and_no_longer_than_the_limit() -> None:
    bindings = Bindings({"values": (TagInfo(1, "a"), TagInfo(2, "b"))})
    engine = Engine(Interpolate, {"limit_s": 3}, bindings)

    def step(second: int, a: float | None, b: float | None) -> list[object]:
        batch = batch_of(Interpolate, {"values": [[a, b]]}, times=[second * S])
        column = engine.process(batch).columns.get("value")
        return [] if column is None else [(t // S) for t in column.times.tolist()]  # type: ignore[union-attr]

    assert step(0, 1.0, 1.0) == [0]
    assert step(1, None, 2.0) == []
    assert step(2, None, None) == []
    assert step(3, None, None) == [1]  # 3 s after the last good a: it cannot be filled any more
    assert step(4, 4.0, 4.0) == [2, 3, 4]


def test_what_waits_is_bounded() -> None:
    given = {"values": [[1.0] * 1000, *([[None] * 1000] * 600)]}
    with pytest.raises(FunctionFault, match="wait for a hole"):
        run(Interpolate, given, parameters={"limit_s": 3600})


def test_promises() -> None:
    given = {
        "values": [[None if n % 4 else float(n), None if n % 9 < 5 else 1.0] for n in range(60)]
    }
    check(Interpolate, batch_of(Interpolate, given), {"limit_s": 4.0})
