"""The product's own source files."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("hub", "spoke", "udf", "schemas", "infra")


def sources(*suffixes: str, rooms: tuple[str, ...] = ROOMS) -> list[Path]:
    """Files of these rooms with these suffixes, relative to the repository."""
    return sorted(
        path.relative_to(ROOT)
        for room in rooms
        for path in (ROOT / room).rglob("*")
        if path.suffix in suffixes and "node_modules" not in path.parts
    )
