"""Partitions by day: made ahead and on demand, dropped by age.

With TimescaleDB the hypertable makes its chunks itself, and only dropping is ours. Times that make
no sense (older or newer than the window below) go to the default partition of a plain table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hub.storage.database import Database
from hub.storage.rows import COLUMNS

DAY_NS = 86_400_000_000_000
TABLES = (*(column.table for column in COLUMNS), "point")
OLDEST_DAYS, NEWEST_DAYS = 400, 2
"""A day gets a partition of its own when it lies in this window around today."""

_CHILDREN = """
-- The daily partitions of a table.
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = to_regclass($1)
"""
_MAKE = """
-- The UTC day number d since 1970 as a date.
SELECT make_partition($1, date '1970-01-01' + d) FROM unnest($2::int[]) AS d
"""


class Partitions:
    """The days of every telemetry table of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made: set[tuple[str, int]] = set()

    def forget(self) -> None:
        self._made.clear()

    async def ensure(self, wanted: Iterable[tuple[str, int]], now_ns: int) -> None:
        """Make the partitions (table, day number since 1970) that are missing. Raises StorageError.

        Each in a transaction of its own, before the values: a rolled-back COPY leaves an empty
        partition at worst, and nobody waits for the COPY's lock.
        """
        if self._database.mode.hypertables:
            return
        today = now_ns // DAY_NS
        for table, day in sorted(set(wanted) - self._made):
            if today - OLDEST_DAYS <= day <= today + NEWEST_DAYS:
                async with self._database.transaction() as conn:
                    await conn.execute(_MAKE, table, [day])
                self._made.add((table, day))

    async def maintain(self, now_ns: int, retention_days: int | None) -> int:
        """Drop the partitions that are older than the retention, make today's and tomorrow's, and
        say how many were dropped. None keeps everything. Dropping comes first, because it is what
        helps a full disk. Raises StorageError.
        """
        today = now_ns // DAY_NS
        dropped = 0
        if retention_days is not None:
            drop = self._drop_chunks if self._database.mode.hypertables else self._drop_days
            for table in TABLES:
                dropped += await drop(table, today - retention_days)
        days = (today, today + 1)
        await self.ensure(((table, day) for table in TABLES for day in days), now_ns)
        return dropped

    async def _drop_chunks(self, table: str, first_kept: int) -> int:
        async with self._database.transaction() as conn:
            rows = await conn.fetch(
                "SELECT drop_chunks($1::regclass, older_than => $2::timestamptz)",
                table,
                first_kept * DAY_NS,
            )
        return len(rows)

    async def _drop_days(self, table: str, first_kept: int) -> int:
        async with self._database.using() as conn:
            names = [row["relname"] for row in await conn.fetch(_CHILDREN, table)]
        old = [name for name in names if (day := _day_of(name, table)) and day < first_kept]
        for name in old:
            async with self._database.transaction() as conn:
                await conn.execute(f'DROP TABLE IF EXISTS "{name}"')
        async with self._database.transaction() as conn:
            await conn.execute(
                f"DELETE FROM {table}_other WHERE time < $1",  # noqa: S608 - one of TABLES
                first_kept * DAY_NS,
            )
        self._made = {made for made in self._made if made[0] != table or made[1] >= first_kept}
        return len(old)


def days_of(times_ns: NDArray[np.int64]) -> list[int]:
    """The UTC day numbers that these times touch."""
    if not times_ns.size:
        return []
    first, last = int(times_ns.min()) // DAY_NS, int(times_ns.max()) // DAY_NS
    if first == last:
        return [first]
    days: list[int] = np.unique(times_ns // DAY_NS).tolist()
    return days


def _day_of(name: str, table: str) -> int:
    """Day number of a partition's name, 0 for the default partition."""
    match = re.fullmatch(rf"{table}_(\d{{4}})(\d\d)(\d\d)", name)
    if match is None:
        return 0
    day = np.datetime64(f"{match[1]}-{match[2]}-{match[3]}", "D")
    return int(day.astype(np.int64))
