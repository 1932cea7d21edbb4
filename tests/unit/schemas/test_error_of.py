"""Errors that crossed the wire."""

from __future__ import annotations

import inspect

import pytest

from schemas import errors
from schemas.errors import ConfigErrors, ForbiddenError, LoginError, SpindleError, error_of

ABOUT_PEOPLE = (LoginError, ForbiddenError)
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SpindleError) and not issubclass(kind, (*ABOUT_PEOPLE, ConfigErrors))
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_comes_back_as_itself(kind):
    sent = kind("What happened.", hint="What to do.", path="tags.3.address")
    found = error_of(sent.as_dict())
    assert type(found) is kind
    assert found.as_dict() == sent.as_dict()


@pytest.mark.parametrize("kind", [LoginError, errors.TooManyTriesError, ForbiddenError])
def test_no_gateway_says_who_may_do_what(kind):
    found = error_of(kind("Out.").as_dict())
    assert type(found) is SpindleError
    assert found.message == "Out."


def test_several_problems_arrive_as_one():
    several = ConfigErrors([errors.ConfigError("One.", path="a"), errors.ConfigError("Two.")])
    found = error_of(several.as_dict())
    assert type(found) is errors.ConfigError
    assert found.message == "One. (and 1 more)"


@pytest.mark.parametrize(
    "found", [None, {}, {"kind": "Exception"}, {"kind": ["x"]}, {"kind": "error_of", "path": None}]
)
def test_what_is_unknown_is_an_error_all_the_same(found):
    error = error_of(found)
    assert type(error) is SpindleError
    assert error.message == "Spindle could not do what was asked."
    assert error.path == ""


def test_a_missing_hint_is_the_usual_one_and_texts_are_tamed():
    assert error_of({"kind": "UnreachableError"}).hint == errors.UnreachableError.hint
    assert error_of({"kind": "UnreachableError", "hint": ""}).hint == ""
    assert error_of({"message": 5}).message == "5"
    assert len(error_of({"message": "x" * 10**6}).message) <= 2000
    assert error_of({"message": "a\0b"}).message == "ab"
