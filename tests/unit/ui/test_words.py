"""Numbers, sizes and times as people read them."""

from __future__ import annotations

import pytest

from hub.ui import words
from schemas.messages.health import DeviceHealth


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0.0, "0 ms"),
        (0.42, "420 ms"),
        (3.21, "3.2 s"),
        (59, "59 s"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (90061, "1 d 1 h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_age_of_nothing_is_never() -> None:
    assert words.age(0) == "never"
    assert words.age(5 * words.NS, 8 * words.NS) == "3.0 s ago"


def test_sizes_counts_and_clock() -> None:
    assert [words.size(n) for n in (0, 999, 1500, 2_520_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "2.52 GB",
    ]
    assert words.count(1_178_352) == "1\u2009178\u2009352"
    assert words.clock(1_700_000_000 * words.NS) == "2023-11-14 22:13:20Z"
    assert words.clock(0) == ""


def test_state_of_a_device_is_unknown_while_its_gateway_is_away() -> None:
    running = DeviceHealth(1, "running")
    assert words.device_state(running, enabled=True) == "running"
    assert words.device_state(running, enabled=True, online=False) == "unknown"
    assert words.device_state(running, enabled=False) == "off"
    assert words.device_state(None, enabled=True) == "unknown"
    assert words.device_state(DeviceHealth(1, "new word"), enabled=True) == "unknown"
    assert set(words.STATE_LEVELS) == set(words.STATE_WORDS)
