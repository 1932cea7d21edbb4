"""Windows as an author meets them: one column, clear numbers, clear errors."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.quality import Quality
from udf.base import Column
from udf.state import pack, unpack
from udf.windows import (
    Aggregate,
    Average,
    Count,
    Duration,
    First,
    GoodShare,
    Integral,
    Last,
    Percentile,
    Rate,
    Session,
    Sliding,
    Sum,
    Tumbling,
    WindowError,
    Windows,
)
from udf.windows import limits as limits_module

S = 1_000_000_000


def at(*seconds: float) -> Any:
    return np.array([round(second * S) for second in seconds], np.int64)


def values(*numbers: float, bad: tuple[int, ...] = (), uncertain: tuple[int, ...] = ()) -> Column:
    quality = np.full(len(numbers), Quality.GOOD, np.uint8)
    quality[list(bad)] = Quality.BAD
    quality[list(uncertain)] = Quality.UNCERTAIN
    return Column(np.array(numbers, float), quality)


def result(aggregate: Aggregate, times: Any, column: Column, **settings: Any) -> Column:
    return Windows(Tumbling(10), {"x": aggregate}, **settings).take(times, column)["x"]


def test_a_value_that_holds_over_a_border_is_split_there() -> None:
    times, column = at(0, 7, 12, 20), values(1, 3, 5, 5)
    assert result(Integral(), times, column).values.tolist() == [7 + 9, 6 + 40]
    assert result(Average(), times, column).values.tolist() == [1.6, 4.6]
    # 3 at 7 s and 5 at 12 s: 4.2 on the line at the border
    linear = result(Integral(linear=True), times, column).values
    np.testing.assert_allclose(linear, [14 + (3 + 4.2) / 2 * 3, (4.2 + 5) / 2 * 2 + 40])


def test_windows_begin_at_the_offset_after_midnight_utc() -> None:
    shift = Windows(Tumbling(8 * 3600, offset_s=5 * 3600), {"n": Count()}, gap_s=90_000)
    day = 20_000 * 86_400
    closed = shift.take(at(day + 6 * 3600, day + 30 * 3600), values(1, 2))
    assert closed.starts.tolist() == at(day + 18_000, day + 46_800, day + 75_600).tolist()
    assert closed.ends.tolist() == at(day + 46_800, day + 75_600, day + 104_400).tolist()
    assert closed["n"].values.tolist() == [1, 0, 0]


def test_a_row_at_a_border_is_of_the_later_window() -> None:
    closed = Windows(Tumbling(10), {"n": Count(), "last": Last()}).take(
        at(0, 10, 20), values(1, 2, 3)
    )
    assert closed.ends.tolist() == at(10, 20).tolist()
    assert closed["n"].values.tolist() == [1, 1]
    assert closed["last"].values.tolist() == [1, 2]


def test_a_window_stays_open_until_a_row_comes_at_or_after_its_end() -> None:
    windows = Windows(Tumbling(10), {"n": Count()})
    assert len(windows.take(at(0, 9.999), values(1, 2))) == 0
    assert len(windows.take(at(), values())) == 0
    assert windows.take(at(10), values(3)).ends.tolist() == at(10).tolist()


def test_time_without_data_is_one_bad_row_and_not_thousands() -> None:
    windows = Windows(Tumbling(10), {"n": Count(), "mean": Average()}, gap_s=15)
    closed = windows.take(at(0, 5, 86_400), values(1, 2, 3))
    assert closed.ends.tolist() == at(10, 20).tolist()
    assert closed["mean"].qualities().tolist() == [Quality.UNCERTAIN, Quality.BAD]
    assert np.isnan(closed["n"].values[1])
    assert windows.take(at(86_405), values(4)).columns["n"].values.tolist() == []


def test_quality_is_by_the_share_of_good_time() -> None:
    times = at(0, 8, 9, 10, 15, 20)
    column = values(1, 0, 1, 1, 1, 1, bad=(1,), uncertain=(4,))
    ninety = result(Average(), times, column)
    assert ninety.qualities().tolist() == [Quality.GOOD, Quality.UNCERTAIN]
    assert result(Average(), times, column, good_percent=91).qualities()[0] == Quality.UNCERTAIN
    assert result(Average(), times, column, good_percent=50).qualities()[1] == Quality.GOOD
    assert result(GoodShare(), times, column).values.tolist() == [90.0, 50.0]


def test_without_any_value_a_result_is_bad() -> None:
    column = values(0, 0, 0, bad=(0, 1, 2))
    for aggregate in (Count(), Sum(), Average(), Integral(), Duration(0.0), Percentile(), Rate()):
        found = result(aggregate, at(0, 5, 10), column, good_percent=0)
        assert found.qualities().tolist() == [Quality.BAD], aggregate
        assert np.isnan(found.values).all()
    assert result(GoodShare(), at(0, 5, 10), column).values.tolist() == [0.0]


def test_infinity_is_no_value() -> None:
    assert result(Sum(), at(0, 5, 10), values(2, np.inf, 3)).values.tolist() == [2]


def test_rates_of_neighbours_add_up_to_the_whole_change() -> None:
    times, column = at(0, 4, 11, 13, 20, 30), values(0, 8, 1, 7, 3, 9)
    rates = np.asarray(result(Rate(), times, column).values, float)
    np.testing.assert_allclose(rates.sum() * 10, 9)


def test_late_rows_within_the_limit_count_and_others_are_counted() -> None:
    windows = Windows(Tumbling(10), {"sum": Sum(), "first": First()}, lateness_s=5)
    closed = windows.take(at(1, 12, 8, 6.9, 16), values(1, 2, 4, 8, 16))
    assert windows.late == 1  # 6.9 is 5.1 s behind 12
    assert len(closed) == 0  # the row at 12 s still waits: 16 - 5 is before it
    closed = windows.take(at(20), values(32))
    assert closed["sum"].values.tolist() == [1 + 4]
    assert windows.late == 1


def test_without_lateness_a_row_that_is_not_newer_is_late() -> None:
    windows = Windows(Tumbling(10), {"n": Count()})
    assert windows.take(at(1, 3, 2, 3, 10), values(1, 1, 1, 1, 1))["n"].values.tolist() == [2]
    assert windows.late == 2


def test_sliding_windows_overlap() -> None:
    windows = Windows(Sliding(20, 10), {"sum": Sum(), "p": Percentile(100)})
    closed = windows.take(at(0, 5, 10, 15, 20, 30), values(1, 2, 4, 8, 16, 32))
    assert closed.ends.tolist() == at(10, 20, 30).tolist()
    assert closed["sum"].values.tolist() == [3, 15, 28]
    assert closed["p"].values.tolist() == [2, 8, 16]
    assert closed["sum"].qualities().tolist() == [Quality.UNCERTAIN, Quality.GOOD, Quality.GOOD]


def test_sessions_end_with_a_pause() -> None:
    windows = Windows(Session(5), {"n": Count(), "area": Integral()})
    closed = windows.take(at(0, 2, 4, 9, 11, 30), values(1, 1, 1, 2, 2, 7))
    assert closed.starts.tolist() == at(0, 9).tolist()
    assert closed.ends.tolist() == at(4, 11).tolist()
    assert closed["n"].values.tolist() == [3, 2]
    assert closed["area"].values.tolist() == [4, 4]


def test_a_session_ends_after_its_longest_time() -> None:
    windows = Windows(Session(5, longest_s=10), {"n": Count()})
    closed = windows.take(at(*range(0, 30, 2)), values(*range(15)))
    assert closed.starts.tolist() == at(0, 10).tolist()
    assert closed.ends.tolist() == at(10, 20).tolist()
    assert closed["n"].values.tolist() == [5, 5]


def test_bad_rows_neither_begin_nor_prolong_a_session() -> None:
    windows = Windows(Session(5), {"n": Count(), "t": Duration(1.0)})
    column = values(0, 1, 1, 0, 0, 0, bad=(0, 3, 4, 5))
    closed = windows.take(at(0, 1, 2, 4, 6, 7), column)
    assert (closed.starts.tolist(), closed.ends.tolist()) == (at(1).tolist(), at(2).tolist())
    assert closed["n"].values.tolist() == [2]
    assert closed["t"].values.tolist() == [1]


def test_many_tags_are_columns() -> None:
    windows = Windows(Tumbling(10), {"sum": Sum()}, width=2)
    table = Column(np.array([[1, 10], [2, 20], [3, 30]]))
    closed = windows.take(at(0, 5, 10), table)
    assert closed["sum"].values.tolist() == [[3, 30]]
    assert closed["sum"].times is closed.ends


def test_state_is_small_however_many_rows_a_window_has() -> None:
    windows = Windows(Tumbling(86_400), {"mean": Average(), "sum": Sum()}, gap_s=86_400)
    sizes = []
    for hour in range(3):
        times = hour * 3600 * S + np.arange(36_000) * (S // 10)
        windows.take(times, Column(np.ones(36_000)))
        sizes.append(len(pack(windows.snapshot())))
    assert sizes[0] == sizes[2] < 1500


def test_the_state_of_other_windows_is_not_taken() -> None:
    state = unpack(pack(Windows(Tumbling(10), {"n": Count()}).snapshot()))
    same, other = Windows(Tumbling(10), {"n": Count()}), Windows(Tumbling(20), {"n": Count()})
    assert same.fits(state)
    assert not other.fits(state)
    with pytest.raises(ValueError, match="other windows"):
        other.restore(state)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Tumbling(0), "between"),
        (lambda: Tumbling(float("nan")), "between"),
        (lambda: Tumbling(1e12), "between"),
        (lambda: Tumbling(1, offset_s=1e9), "a week"),
        (lambda: Sliding(10, 20), "larger than the window"),
        (lambda: Sliding(100.01, 9.97), "parts"),
        (lambda: Session(0), "between"),
        (lambda: Session(10, longest_s=5), "shorter than its pause"),
        (lambda: Percentile(101), "percentile"),
        (lambda: Windows(Tumbling(0.01), {"n": Count()}, gap_s=86_400), "may hold"),
        (lambda: Windows(Tumbling(10), {"n": Count()}, good_percent=200), "200"),
        (lambda: Windows(Tumbling(10), {"n": Count()}, lateness_s=-1), "wait"),
    ],
)
def test_silly_windows_are_refused_in_words(make: Callable[[], object], words: str) -> None:
    with pytest.raises(WindowError, match=words) as caught:
        make()
    assert caught.value.hint


def test_a_column_of_another_shape_is_refused() -> None:
    windows = Windows(Tumbling(10), {"n": Count()}, width=2)
    with pytest.raises(WindowError, match="belong there"):
        windows.take(at(0, 1), values(1, 2))
    texts = Column(np.array(["a", "b"], dtype=object))
    with pytest.raises(WindowError, match="numbers"):
        Windows(Tumbling(10), {"n": Count()}).take(at(0, 1), texts)


def test_a_percentile_does_not_keep_more_than_the_limit() -> None:
    windows = Windows(Tumbling(86_400), {"p": Percentile(50)})
    rows = limits_module.MAX_KEPT // 10
    for part in range(10):
        times = (part * rows + np.arange(rows)) * 1000
        windows.take(times, Column(np.ones(rows)))
    with pytest.raises(WindowError, match="percentile needs 500001 values"):
        windows.take(np.array([10 * rows * 1000]), Column(np.ones(1)))


def test_waiting_rows_are_bounded() -> None:
    windows = Windows(Tumbling(86_400), {"n": Count()}, lateness_s=3600)
    rows = limits_module.MAX_WAITING + 1
    with pytest.raises(WindowError, match="wait for late"):
        windows.take(np.arange(rows) * 1000, Column(np.ones(rows)))


def test_the_code_in_the_documentation_prints_what_it_says() -> None:
    text = (Path(__file__).parents[3] / "docs" / "udf" / "windows.md").read_text()
    found = re.search(r"```python\n(.*?)```\n\n```output\n(.*?)```", text, re.DOTALL)
    assert found is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(found[1], {})
    assert printed.getvalue() == found[2]
