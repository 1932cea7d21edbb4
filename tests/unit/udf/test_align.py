"""Frames become rows: hold, lateness, late rows, event frames, clocks set back, restarts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.frames import Frame
from schemas.functions import Input
from schemas.kinds import Kind
from schemas.quality import Quality
from udf.align import Aligner
from udf.base import Batch
from udf.state import pack, unpack

SECOND = 1_000_000_000


def scans(tag_ids: list[int], times: list[int], values: Any, quality: Any = None) -> Frame:
    codes = None if quality is None else np.array(quality, dtype=np.uint8)
    array = np.array(values)
    return Frame(np.array(tag_ids, np.int32), np.array(times, np.int64), array, codes)


def events(*found: tuple[int, int, float]) -> Frame:
    """(tag id, time, value)."""
    ids, times, values = zip(*found, strict=True)
    return Frame(
        np.array(ids, np.int32),
        np.array(times[-1:], np.int64),
        np.array([values], np.float64),
        None,
        np.array([times], np.int64),
    )


def two(lateness_ns: int = 0, *, trigger: bool = True) -> Aligner:
    inputs = (Input("a"), Input("b", trigger=trigger))
    return Aligner(inputs, {"a": [1], "b": [2]}, lateness_ns)


def table(batch: Batch | None) -> list[tuple[Any, ...]]:
    """(time, a, b) of each row, None where bad."""
    if batch is None:
        return []
    lists = [batch.times.tolist()]
    for name in batch.columns:
        column = batch[name]
        pairs = zip(column.values.tolist(), column.usable.tolist(), strict=True)
        lists.append([value if usable else None for value, usable in pairs])
    return list(zip(*lists, strict=True))


class TestRows:
    def test_others_hold_their_last_value(self) -> None:
        aligner = two()
        frames = [scans([1], [10, 20, 30], [[1.0], [2.0], [3.0]]), scans([2], [20], [[7.0]])]
        assert table(aligner.take(frames)) == [(10, 1.0, None), (20, 2.0, 7.0), (30, 3.0, 7.0)]
        assert table(aligner.take([scans([1], [40], [[4.0]])])) == [(40, 4.0, 7.0)]

    def test_an_input_that_is_no_trigger_makes_no_row(self) -> None:
        aligner = two(trigger=False)
        assert aligner.take([scans([2], [5], [[7.0]])]) is None
        assert table(aligner.take([scans([1], [10], [[1.0]])])) == [(10, 1.0, 7.0)]

    def test_a_later_value_is_not_in_an_earlier_row(self) -> None:
        aligner = two(trigger=False)
        frames = [scans([2], [5, 15], [[7.0], [8.0]]), scans([1], [10], [[1.0]])]
        assert table(aligner.take(frames)) == [(10, 1.0, 7.0)]
        assert table(aligner.take([scans([1], [20], [[2.0]])])) == [(20, 2.0, 8.0)]

    def test_tags_that_are_not_ours_make_nothing(self) -> None:
        assert two().take([scans([9], [1], [[1.0]])]) is None

    def test_many_tags_of_several_frames(self) -> None:
        aligner = Aligner((Input("all", many=True),), {"all": [1, 2, 3]})
        frames = [scans([3, 1], [10], [[3.0, 1.0]]), scans([2], [10], [[2.0]])]
        batch = aligner.take(frames)
        assert batch is not None
        assert batch["all"].values.tolist() == [[1.0, 2.0, 3.0]]
        assert batch["all"].quality is None

    def test_bad_values_are_blank_and_hold_too(self) -> None:
        aligner = two()
        aligner.take([scans([1], [10], [[5.0]], [[Quality.BAD_TIMEOUT]])])
        batch = aligner.take([scans([2], [20], [[1.0]])])
        assert batch is not None
        assert batch["a"].quality is not None
        assert batch["a"].quality.tolist() == [Quality.BAD_TIMEOUT]
        assert np.isnan(batch["a"].values[0])


class TestLateness:
    def test_rows_wait_for_the_other_group(self) -> None:
        aligner = two(lateness_ns=10)
        assert aligner.take([scans([1], [100], [[1.0]])]) is None
        assert aligner.take([scans([2], [95], [[9.0]])]) is None
        batch = aligner.take([scans([1], [110], [[2.0]])])
        assert table(batch) == [(95, None, 9.0), (100, 1.0, 9.0)]
        assert table(aligner.flush()) == [(110, 2.0, 9.0)]
        assert aligner.late == 0

    def test_what_is_later_still_is_left_out_and_counted(self) -> None:
        aligner = two(lateness_ns=10)
        aligner.take([scans([1], [100, 200], [[1.0], [2.0]])])
        assert aligner.take([scans([2], [50, 90], [[8.0], [9.0]])]) is None
        assert aligner.late == 2
        # its value holds from now on
        assert table(aligner.flush()) == [(200, 2.0, 9.0)]

    def test_an_older_value_never_replaces_a_newer_one(self) -> None:
        aligner = two()
        aligner.take([scans([1], [100], [[1.0]]), scans([2], [100], [[5.0]])])
        batch = aligner.take([scans([2], [50], [[4.0]]), scans([1], [110], [[2.0]])])
        assert table(batch) == [(110, 2.0, 5.0)]
        assert aligner.late == 1
        assert table(aligner.take([scans([1], [120], [[3.0]])])) == [(120, 3.0, 5.0)]

    def test_an_input_without_rows_does_not_pile_up(self) -> None:
        aligner = two(trigger=False)
        for at in range(300):
            assert aligner.take([scans([2], [at * SECOND], [[float(at)]])]) is None
        assert len(aligner.snapshot()["pending"]) <= 61
        batch = aligner.take([scans([1], [299 * SECOND], [[1.0]])])
        assert table(batch) == [(299 * SECOND, 1.0, 299.0)]


class TestEvents:
    def test_rows_at_the_device_s_times(self) -> None:
        frame = events((1, 10, 1.0), (2, 12, 5.0), (1, 15, 2.0))
        assert table(two().take([frame])) == [(10, 1.0, None), (12, 1.0, 5.0), (15, 2.0, 5.0)]

    def test_of_several_at_one_time_the_last_holds(self) -> None:
        assert table(two().take([events((1, 10, 1.0), (1, 10, 2.0))])) == [(10, 2.0, None)]

    def test_frames_whose_times_overlap(self) -> None:
        aligner = two(lateness_ns=100)
        aligner.take([events((1, 10, 1.0), (1, 50, 5.0))])
        aligner.take([events((1, 30, 3.0))])
        assert [row[:2] for row in table(aligner.flush())] == [(10, 1.0), (30, 3.0), (50, 5.0)]


class TestClocks:
    def test_set_back_within_a_frame(self) -> None:
        aligner = two()
        frame = scans([1], [100, 110, 50, 60, 120], [[1.0], [2.0], [3.0], [4.0], [5.0]])
        times = [row[0] for row in table(aligner.take([frame]))]
        assert times == sorted(set(times))
        assert times[-1] == 120

    def test_set_back_between_frames(self) -> None:
        aligner = two()
        aligner.take([scans([1], [100], [[1.0]])])
        assert aligner.take([scans([1], [50, 60], [[2.0], [3.0]])]) is None
        assert aligner.late == 2
        assert table(aligner.take([scans([1], [101], [[4.0]])])) == [(101, 4.0, None)]


class TestKinds:
    @pytest.mark.parametrize(
        ("kind", "values", "wanted"),
        [
            (Kind.FLOAT, np.array([[3]], np.uint16), 3.0),
            (Kind.INT, np.array([[2.9]]), 2),
            (Kind.INT, np.array([[True]]), 1),
            (Kind.BOOL, np.array([[2]]), True),
            (Kind.TEXT, np.array([[2.5]]), "2.5"),
            (Kind.FLOAT, np.array([["x"]], object), None),
            (Kind.INT, np.array([[1e300]]), None),
            (Kind.INT, np.array([[np.nan]]), None),
        ],
    )
    def test_values_arrive_as_the_input_s_kind(self, kind: Kind, values: Any, wanted: Any) -> None:
        aligner = Aligner((Input("a", kind),), {"a": [1]})
        frame = Frame(np.array([1], np.int32), np.array([5], np.int64), values)
        assert table(aligner.take([frame])) == [(5, wanted)]


def restarted(aligner: Aligner, lateness_ns: int) -> Aligner:
    fresh = two(lateness_ns, trigger=False)
    fresh.restore(unpack(pack(aligner.snapshot())))
    return fresh


def test_the_state_of_other_inputs_is_refused() -> None:
    with pytest.raises(ValueError, match="other inputs"):
        Aligner((Input("a"),), {"a": [1]}).restore(two().snapshot())


def test_waiting_texts_survive_a_restart() -> None:
    inputs = (Input("a", Kind.TEXT, many=True),)
    aligner, fresh = (Aligner(inputs, {"a": [1, 2]}, 10) for _ in range(2))
    frame = scans([1, 2], [5, 6], np.array([["a", "b"], ["c", "d"]], object))
    assert aligner.take([frame]) is None
    fresh.restore(unpack(pack(aligner.snapshot())))
    batch = fresh.flush()
    assert batch is not None
    assert batch["a"].values.tolist() == [["a", "b"], ["c", "d"]]


STEPS = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.integers(1, 5), st.integers(0, 100)),
    min_size=1,
    max_size=40,
)


@given(STEPS, st.lists(st.integers(0, 40), max_size=6), st.sampled_from([0, 3]), st.booleans())
def test_where_messages_are_cut_changes_no_row(
    steps: list[tuple[int, int, int]], cuts: list[int], lateness_ns: int, restart: bool
) -> None:
    """In order of time, in any portions and with restarts: the same rows."""
    now = 0
    frames = []
    for tag, gap, value in steps:
        now += gap
        frames.append(scans([tag], [now], [[float(value)]]))
    whole = two(lateness_ns, trigger=False)
    wanted = table(whole.take(frames)) + table(whole.flush())
    parts = two(lateness_ns, trigger=False)
    found: list[tuple[Any, ...]] = []
    bounds = sorted({0, len(frames), *(cut for cut in cuts if cut < len(frames))})
    for start, end in pairwise(bounds):
        if restart:
            parts = restarted(parts, lateness_ns)
        found += table(parts.take(frames[start:end]))
    assert found + table(parts.flush()) == wanted
