"""Nodes become tags with names of their own; certificates say when they end."""

from __future__ import annotations

import pytest

from hub.ui.components.browsed_tags import as_tags
from hub.ui.components.certificates import expiry
from hub.ui.words import grouped
from schemas.config.devices import Access
from schemas.messages.browsing import Certificate, Node

DAY_NS = 86_400 * 10**9


def _node(path: str, address: str = "", **more: object) -> Node:
    name = path.rpartition("/")[2]
    found = {"data_type": "float32", "path": path} | more
    return Node(address or f"ns=2;s={path}", name, has_children=False, **found)  # type: ignore[arg-type]


def test_a_name_is_the_node_s_and_its_path_only_where_needed() -> None:
    nodes = [_node("A/Speed"), _node("B/Speed"), _node("B/Level"), _node("B/Old")]
    found = as_tags(nodes, "fast", names={"Old"})
    assert [tag.name for tag in found.tags] == ["A/Speed", "B/Speed", "Level", "B/Old"]
    assert {tag.group for tag in found.tags} == {"fast"}


def test_names_stay_unique_even_when_paths_are_equal_or_too_long() -> None:
    deep = "/".join(["x" * 30] * 5)
    nodes = [_node(deep, "i=1"), _node(deep, "i=2"), _node("A/A", "i=3")]
    found = as_tags(nodes, "normal", names={"A", "A/A"})
    names = [tag.name for tag in found.tags]
    assert len(set(names)) == 3
    assert max(len(name) for name in names) <= 100
    assert names[2] == "A/A 2"


def test_what_is_a_tag_already_is_counted_and_not_added_again() -> None:
    found = as_tags([_node("A", "i=1"), _node("B", "i=2")], "normal", addresses={"i=1"})
    assert (found.known, [tag.address for tag in found.tags]) == (1, ["i=2"])


def test_writing_is_only_for_writable_nodes_and_only_on_purpose() -> None:
    nodes = [_node("A", writable=True), _node("B")]
    assert {tag.access for tag in as_tags(nodes, "normal").tags} == {Access.READ}
    wanted = as_tags(nodes, "normal", writable=True)
    assert [tag.access for tag in wanted.tags] == [Access.READ_WRITE, Access.READ]


def test_a_node_that_cannot_be_a_tag_is_a_problem_in_words() -> None:
    found = as_tags([_node("A", data_type="guid")], "normal")
    assert found.tags == []
    assert found.problems[0].startswith("A: ")


@pytest.mark.parametrize(
    ("days", "level", "text"),
    [
        (-1, "bad", "Expired on"),
        (89, "warn", "Expires in 89 d"),
        (91, "ok", "Valid until"),
    ],
)
def test_a_certificate_warns_before_it_ends(days: int, level: str, text: str) -> None:
    now = 1_700_000_000 * 10**9
    end = now + days * DAY_NS
    found = expiry(Certificate("00" * 32, "CN=x", "CN=x", now - 400 * DAY_NS, end), now)
    assert found[0] == level
    assert found[1].startswith(text)


def test_a_certificate_from_the_future_points_at_the_clocks() -> None:
    now = 1_700_000_000 * 10**9
    found = expiry(Certificate("00" * 32, "CN=x", "CN=x", now + DAY_NS, now + 9 * DAY_NS), now)
    assert found[0] == "bad"
    assert "clocks" in found[1]


def test_fingerprints_are_grouped_and_other_texts_are_left_alone() -> None:
    assert grouped("ab12" * 16) == " ".join(["AB12"] * 16)
    assert grouped("opc.tcp://server") == "opc.tcp://server"
