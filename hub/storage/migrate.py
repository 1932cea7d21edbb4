"""Brings the schema up to date from the numbered files in migrations/, forward only.

A file is plain SQL. What differs between the modes stands in comments that one mode opens:
`/*plain: ... */` where the hub keeps daily partitions itself, and
`/*timescale: ... */` for hypertables.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import StorageVersionError

if TYPE_CHECKING:
    from hub.storage.database import Connection

log = logging.getLogger(__name__)

_FOLDER = Path(__file__).with_name("migrations")
_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
_MODAL = re.compile(r"/\*(plain|timescale):(.*?)\*/", re.DOTALL)

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number     int PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def text(self, *, hypertables: bool) -> str:
        """The statements for one mode."""
        wanted = "timescale" if hypertables else "plain"
        return _MODAL.sub(lambda found: found[2] if found[1] == wanted else "", self.sql)


@cache
def migrations(folder: Path = _FOLDER) -> tuple[Migration, ...]:
    """All of them in order. Raises ValueError when a number is missing or a file is misnamed."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.match(path.name)
        if match is None or int(match[1]) != len(found) + 1:
            raise ValueError(f"{path.name} is not migration number {len(found) + 1}")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    return tuple(found)


async def migrate(
    conn: Connection, *, hypertables: bool, known: tuple[Migration, ...] | None = None
) -> int:
    """Apply what is new, each file in its own transaction, and say how many. The caller holds the
    schema lock.

    Raises StorageVersionError when the database is newer than the code, or was made by files that
    have changed since.
    """
    known = migrations() if known is None else known
    await conn.execute(_TABLE)
    applied = await conn.fetch("SELECT number, name, sha256 FROM schema_migration ORDER BY number")
    if len(applied) > len(known):
        raise StorageVersionError(
            f"The schema is at {applied[-1]['number']}, this version of Spindle knows {len(known)}."
        )
    for row, migration in zip(applied, known, strict=False):
        if row["sha256"] != migration.sha256:
            raise StorageVersionError(
                f"Migration {row['number']} ({row['name']}) has changed since it was applied.",
                hint="Put the released file back; change a schema by a new migration.",
            )
    for migration in known[len(applied) :]:
        async with conn.transaction():
            await conn.execute(migration.text(hypertables=hypertables))
            await conn.execute(
                "INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.sha256,
            )
        log.info(
            "Schema %d (%s) applied",
            migration.number,
            migration.name,
            extra={"action": "storage.migrated"},
        )
    return len(known) - len(applied)
