"""Errors, quality and subjects: the words that people and permissions rely on."""

from __future__ import annotations

import inspect
import json
import logging
import re

import pytest

from schemas import errors, logs, subjects
from schemas.connection import options
from schemas.errors import ConfigErrors, SpindleError
from schemas.quality import Quality, is_bad, is_good, words

ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SpindleError) and kind is not ConfigErrors
]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_the_docstring_of_an_error_is_its_message(kind: type[SpindleError]) -> None:
    assert kind.__doc__
    error = kind()
    assert error.message == str(error) == kind.__doc__.strip().splitlines()[0]
    assert error.message.endswith(".")
    assert error.as_dict() == {
        "kind": kind.__name__,
        "message": error.message,
        "hint": kind.hint,
        "path": "",
        "retryable": kind.retryable,
    }


def test_an_error_says_what_it_was_told() -> None:
    error = errors.AddressError("No.", hint="", path="tags.3.address")
    assert error.as_dict()["message"] == "No."
    assert error.as_dict()["hint"] == ""
    assert error.as_dict()["path"] == "tags.3.address"
    assert json.loads(json.dumps(error.as_dict())) == error.as_dict()


def test_several_problems_read_as_the_first_and_a_count() -> None:
    one, other = errors.ConfigError("One.", path="a"), errors.AddressError("Two.", path="b")
    assert ConfigErrors([one]).message == "One."
    both = ConfigErrors([one, other])
    assert (both.message, both.path, both.problems) == ("One. (and 1 more)", "a", (one, other))


def test_what_a_device_can_recover_from_is_retryable() -> None:
    retryable = {kind for kind in ERRORS if kind.retryable}
    assert {kind for kind in ERRORS if issubclass(kind, errors.DeviceError)} <= retryable
    assert errors.ConfigError not in retryable
    assert errors.FrameError not in retryable


@pytest.mark.parametrize("code", range(256))
def test_every_quality_byte_has_words_and_one_meaning(code: int) -> None:
    assert words(code)
    assert is_bad(code) + is_good(code) + (64 <= code < 192) == 1


def test_quality_codes_are_those_of_opc() -> None:
    for quality in Quality:
        assert quality & 0b11 == 0, "the limit bits are unused"
        meaning = {"BAD": 0, "UNC": 1, "GOO": 3}[quality.name[:3]]
        assert quality >> 6 == meaning
        assert words(quality) != "bad" or quality is Quality.BAD


@pytest.mark.parametrize("name", ["a", "0", "line-1", "a" * 32, "x-1-y"])
def test_a_spoke_name_is_one_token(name: str) -> None:
    assert subjects.SPOKE_NAME.match(name)
    for subject in (
        subjects.telemetry(name, "w0"),
        subjects.health(name),
        subjects.live(name, 5),
        subjects.command(name, "test"),
        subjects.hub_rpc(name, "manifest"),
        subjects.hub_inbox(name),
        subjects.mirror_delivery(name, "e1"),
    ):
        assert name in subject.split(".")
        assert re.fullmatch(r"[A-Za-z0-9_$.-]+", subject)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "A", "a.b", "a*", ">", "a b", "ä", "a" * 33, "a\n", "a\r\nPUB x"]
)
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    assert not subjects.SPOKE_NAME.match(name)


def test_names_in_two_domains_never_meet() -> None:
    one = {f("a", "e1") for f in (subjects.mirror, subjects.mirror_consumer)}
    assert not one & {f("b", "e1") for f in (subjects.mirror, subjects.mirror_consumer)}
    assert not one & {f("a", "e2") for f in (subjects.mirror, subjects.mirror_consumer)}
    assert subjects.stream("a") != subjects.stream("b")


def test_wildcards_cover_what_spokes_say() -> None:
    assert subjects.HANDSHAKES.split(".") == subjects.hub_rpc("*", "manifest").split(".")
    assert subjects.health("*") == subjects.ALL_HEALTH
    assert subjects.spoke_of(subjects.health("line-1"), 1) == "line-1"
    assert subjects.telemetry("line-1", "w0").startswith(subjects.telemetry_all("line-1")[:-1])


def test_no_connection_ever_gives_up() -> None:
    chosen = options("name", "_INBOX_x")
    assert chosen["max_reconnect_attempts"] == -1
    assert chosen["ping_interval"] * (chosen["max_outstanding_pings"] + 1) <= 30


def test_a_log_line_is_json_with_an_action() -> None:
    extra = {"action": "device.lost", "device_id": 3, "odd": object()}
    record = logging.LogRecord("spoke", logging.WARNING, "f", 1, "Gerät %s", ("Ü",), None)
    vars(record).update(extra)
    line = logs.JsonFormatter("spoke line-1").format(record)
    found = json.loads(line)
    assert "\n" not in line
    assert found["message"] == "Gerät Ü"
    assert (found["action"], found["device_id"]) == ("device.lost", 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["time"])
