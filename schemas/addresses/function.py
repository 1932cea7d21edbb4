"""Addresses of calculated tags: the output's name, `level`, or with the id of the input's tag where
an output has one tag for each tag of an input, `average:4711`."""

from __future__ import annotations

import re
from typing import Any

from schemas.config.devices import TagConfig
from schemas.errors import AddressError

_FORM = re.compile(r"^(?P<port>[a-z][a-z0-9_]{0,63})(?::(?P<tag>[1-9]\d{0,9}))?\Z")


def parse(address: str) -> tuple[str, int | None]:
    """(output, id of the input's tag or None). Raises AddressError."""
    match = _FORM.match(address.strip())
    if match is None:
        raise AddressError(
            f"{address!r} is not an output of a function.",
            hint="Calculated tags are made on the Functions page, when the function is deployed.",
        )
    return match["port"], int(match["tag"]) if match["tag"] else None


def address(port: str, tag_id: int | None = None) -> str:
    """The address of an output's tag."""
    return port if tag_id is None else f"{port}:{tag_id}"


def check(tag: TagConfig, _settings: Any) -> None:
    parse(tag.address)
