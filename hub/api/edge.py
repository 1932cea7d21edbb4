"""From inside to the edge: records become maps, and ns since 1970 become ISO 8601 in UTC."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from schemas.config.base import Config
from schemas.errors import ConfigError

MAX_NS = 2**63 - 1


def iso(time_ns: int) -> str | None:
    """`2026-11-21T03:42:15.123456Z`, nine digits where they say more; None for 0 (never)."""
    if time_ns == 0:
        return None
    seconds, ns = divmod(time_ns, 10**9)
    second = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{ns:09d}" if ns % 1000 else f"{ns // 1000:06d}"
    return f"{second}.{fraction}Z"


def to_ns(moment: datetime, path: str) -> int:
    """Exact, without a float in between. Raises ConfigError where 64 bits do not reach."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    time_ns = ((since.days * 86400 + since.seconds) * 10**6 + since.microseconds) * 1000
    if not 0 <= time_ns <= MAX_NS:
        raise ConfigError(f"{path}: only times from 1970 to 2262 can be stored.", path=path)
    return time_ns


def edge(value: Any) -> Any:
    """Records to maps, deeply; a field `x_ns` becomes `x` in ISO 8601.

    What a person wrote (`config`) is spread into its record, so that a device reads as it was sent.
    """
    if isinstance(value, Config):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        return _record(value)
    if isinstance(value, list | tuple):
        return [edge(item) for item in value]
    return value


def _record(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in fields(record):
        value = getattr(record, item.name)
        if isinstance(value, Config):
            found |= value.model_dump()
        elif item.name.endswith("_ns"):
            found[item.name.removesuffix("_ns")] = (
                [iso(time_ns) for time_ns in value] if isinstance(value, list) else iso(value)
            )
        else:
            found[item.name] = edge(value)
    return found
