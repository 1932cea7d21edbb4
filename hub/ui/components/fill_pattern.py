"""Texts that count: `Pump {n:02}`, `10.0.0.{n+10}`. Pure: no widget here."""

from __future__ import annotations

import re
from collections.abc import Mapping

_COUNTER = re.compile(r"\{n(?P<step>[+-]\d{1,6})?(?::0?(?P<width>\d))?\}")


def filled(pattern: str, number: int) -> str:
    """`{n}` is the number, `{n:02}` with two digits at least, `{n+10}` ten more."""

    def one(found: re.Match[str]) -> str:
        value = number + int(found["step"] or 0)
        return f"{value:0{found['width'] or 1}d}"

    return _COUNTER.sub(one, pattern)


def counts(pattern: str) -> bool:
    """Whether the text differs from number to number."""
    return bool(_COUNTER.search(pattern))


def filled_rows(patterns: Mapping[str, str], first: int, count: int) -> list[dict[str, str]]:
    """`count` rows, one for each number from `first` on."""
    return [
        {name: filled(pattern, number) for name, pattern in patterns.items()}
        for number in range(first, first + count)
    ]


def guessed(name: str, profile: str) -> str:
    """A pattern to start from for a parameter."""
    known = {"name": f"{profile} {{n:02}}", "host": "10.0.0.{n}", "unit_id": "{n}"}
    return known.get(name, "")
