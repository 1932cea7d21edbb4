"""Addresses of the simulated device: `curve` or `curve:seed`."""

from __future__ import annotations

import re
from typing import Any

from schemas.config.devices import TagConfig
from schemas.errors import AddressError

CURVES = ("wave", "ramp", "counter", "square", "state")
_FORM = re.compile(r"^(?P<curve>[a-z]+)(?::(?P<seed>\d{1,9}))?$")


def parse(address: str) -> tuple[str, int]:
    """(curve, seed). Raises AddressError."""
    match = _FORM.match(address.strip().lower())
    if match is None or match["curve"] not in CURVES:
        raise AddressError(
            f"{address!r} is not a simulated signal.",
            hint=f"Use one of {', '.join(CURVES)}, with a seed if you like: wave:7.",
        )
    return match["curve"], int(match["seed"] or 0)


def check(tag: TagConfig, _settings: Any) -> None:
    parse(tag.address)
