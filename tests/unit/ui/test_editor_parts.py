"""Versions in a source, templates that run, and words that exist."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import udf
from hub.ui.components.editor_templates import FIRST, TEMPLATES
from hub.ui.components.editor_version import proposals, raised, version_in, with_version
from hub.ui.components.editor_words import sdk_words
from tests.fakes import function_trials
from udf.execution import spec_of


@pytest.mark.parametrize(
    "source",
    [
        'from udf import function\n@function(name="a", version="1.2.3")\ndef a(x: float): ...\n',
        'class A(Function):\n    name, version = "a", "1.2.3"\n',
        'class A(Function):\n    version: str = "1.2.3"  # the version\n',
        'class Ä(Function):\n    name = "ä"; version = "1.2.3"\n',
        'import udf\n@udf.function(\n    version="1.2.3",\n)\ndef a(x: float): ...\n',
    ],
)
def test_the_version_is_found_and_only_it_is_changed(source: str) -> None:
    place = version_in(source)
    assert place is not None
    assert place.version == "1.2.3"
    assert source.splitlines()[place.line - 1][place.start : place.end] == '"1.2.3"'
    assert with_version(source, "1.3.0") == source.replace("1.2.3", "1.3.0")


def test_a_decorator_without_a_version_gets_one() -> None:
    bare = "from udf import function\n\n\n@function()\ndef a(x: float) -> float:\n    return x\n"
    assert version_in(bare) is None
    made = with_version(bare, "0.2.0")
    assert made is not None
    assert '@function(version="0.2.0")' in made
    named = with_version(bare.replace("()", '(name="b")', 1), "0.2.0")
    assert named is not None
    assert '@function(version="0.2.0", name="b")' in named
    assert function_trials.check(named).spec is not None


@pytest.mark.parametrize("source", ["", "x = 1\n", "def broken(:\n", "version = '1.0.0'\n"])
def test_a_source_without_a_place_for_it_stays(source: str) -> None:
    assert version_in(source) is None
    assert with_version(source, "1.0.0") is None


def test_each_part_is_raised_from_the_newest_of_all() -> None:
    assert [raised("1.4.2", part) for part in ("patch", "minor", "major")] == [
        "1.4.3",
        "1.5.0",
        "2.0.0",
    ]
    assert proposals("1.0.0", ["1.0.0", "1.9.0", "1.10.0"]) == {
        "patch": "1.10.1",
        "minor": "1.11.0",
        "major": "2.0.0",
    }
    assert proposals("3.0.0", ["1.0.0"])["as written"] == "3.0.0"


@pytest.mark.parametrize("key", TEMPLATES)
def test_every_template_loads_as_it_stands(key: str) -> None:
    source = TEMPLATES[key].source
    checked = function_trials.check(source)
    assert checked.problems == ()
    assert checked.spec is not None
    place = version_in(source)
    assert place is not None
    assert place.version == checked.spec.version == "0.1.0"


def test_the_first_template_is_the_simple_one() -> None:
    kind = function_trials.load(TEMPLATES[FIRST].source)
    assert kind is not None
    assert [item.name for item in spec_of(kind).inputs] == ["inflow", "outflow"]


def test_every_completed_word_exists() -> None:
    words = {owner: [item["label"] for item in found] for owner, found in sdk_words().items()}
    assert set(words[""]) == set(udf.__all__)
    assert all(hasattr(np, name) for name in words["np"])
    public = {name for name in dir(udf.Context) if not name.startswith("_")}
    assert public <= set(words["ctx"])
    given = inspect.signature(udf.Context.__init__).parameters
    assert {"params", "tags"} <= set(given) & set(words["ctx"])
    for owner, kind in (("batch", udf.Batch), ("column", udf.Column)):
        fields = set(kind.__dataclass_fields__)
        assert set(words[owner]) == fields | {n for n in dir(kind) if not n.startswith("_")}
    assert set(words["Kind"]) == set(udf.Kind.__members__)
    assert all(len(found) == len(set(found)) for found in words.values())
