"""Three-way merge: the new version comes, what was done by hand stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.fleet.merge import GONE, merged, merged_by_name

VALUES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3))


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "found"),
    [
        (1, 1, 2, 2),
        (1, 3, 2, 3),
        (1, 1, GONE, GONE),
        (1, GONE, 2, GONE),
        (GONE, GONE, 2, 2),
        (GONE, 3, 2, 3),
        ({"a": 1, "b": 1}, {"a": 5, "b": 1}, {"a": 2, "b": 2}, {"a": 5, "b": 2}),
        ({"a": 1, "b": 1}, {"b": 1}, {"a": 2, "b": 2}, {"b": 2}),
        ({"a": 1}, {"a": 1, "c": 9}, {"b": 2}, {"c": 9, "b": 2}),
        ({"a": 1}, {"a": 7}, {}, {"a": 7}),
        ({"a": {"x": 1, "y": 1}}, {"a": {"x": 1, "y": 5}}, {"a": {"x": 2, "y": 2}},
         {"a": {"x": 2, "y": 5}}),
    ],
)  # fmt: skip
def test_cases(base, mine, theirs, found):
    assert merged(base, mine, theirs) == found


@given(VALUES, VALUES, VALUES)
def test_laws(base, mine, theirs):
    assert merged(base, base, theirs) == theirs, "untouched: all of the new version"
    assert merged(base, mine, base) == mine, "nothing new: all stays"
    assert merged(base, mine, mine) == mine
    once = merged(base, mine, theirs)
    assert merged(theirs, once, theirs) == once, "twice is once"


def test_lists_go_by_name():
    def tags(**units):
        return [{"name": name, "unit": unit} for name, unit in units.items()]

    base = tags(a="bar", b="K", c="m")
    mine = tags(own="x", a="mbar", b="K")  # one added, one changed, one deleted
    theirs = tags(a="bar", b="°C", c="m", d="s")
    assert merged_by_name(base, mine, theirs) == tags(own="x", a="mbar", b="°C", d="s")
    assert merged_by_name([], [], []) == []
