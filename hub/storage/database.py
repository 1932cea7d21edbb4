"""The one pool of database connections, what kind of database it is, and transactions.

Every connection speaks Spindle's types: a `timestamptz` is int ns UTC in both directions (the
database keeps microseconds; what is below is cut), and a `jsonb` is the Python object.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from hub.storage.errors import translate, translated
from hub.storage.migrate import migrate
from schemas.errors import StorageVersionError

__all__ = ["Connection", "Database", "Mode", "translate"]

log = logging.getLogger(__name__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

MIN_SERVER_VERSION = 150000
PG_EPOCH_US = 946_684_800_000_000
"""2000-01-01, where PostgreSQL's clock starts, in µs since 1970."""
SCHEMA_LOCK = 0x5350_4E44
"""Advisory lock that one starting hub holds while it makes or changes the schema."""
CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 120.0


class Mode(Enum):
    """What the database can do."""

    PLAIN = "plain"
    TIMESCALE_APACHE = "Apache edition"
    TIMESCALE_COMMUNITY = "community edition"

    @property
    def hypertables(self) -> bool:
        return self is not Mode.PLAIN


class Database:
    """A pool of connections to a database that has the newest schema. Made by `open` only."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], mode: Mode, description: str) -> None:
        self.pool = pool
        self.mode = mode
        self.description = description
        """`PostgreSQL 18.6`, or `PostgreSQL 17.4 + TimescaleDB 2.19 (Apache edition)`."""

    @classmethod
    async def open(cls, dsn: str, *, min_size: int = 1, max_size: int = 10) -> Database:
        """Connect, look at the server, and bring the schema up to date.

        Raises StorageError while the database is away (retryable), StorageVersionError for a server
        older than 15 or a schema newer than this code.
        """
        with translated():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=min_size,
                max_size=max_size,
                init=_speak_our_types,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=COMMAND_TIMEOUT_S,
                server_settings={
                    "application_name": "spindle-hub",
                    "timezone": "UTC",
                    "work_mem": "32MB",  # a day of one block as an exact bitmap of pages
                    "jit": "off",  # costs more than our short queries gain
                },
            )
        try:
            async with cls._acquire(pool) as conn:
                version = await _server_version(conn)
                await conn.execute("SELECT pg_advisory_lock($1)", SCHEMA_LOCK, timeout=None)
                try:
                    mode, extension = await _find_mode(conn)
                    await migrate(conn, hypertables=mode.hypertables)
                finally:
                    await conn.execute("SELECT pg_advisory_unlock($1)", SCHEMA_LOCK)
        except BaseException:
            pool.terminate()
            raise
        return cls(pool, mode, f"PostgreSQL {version}{extension}")

    async def close(self) -> None:
        """Give back all connections; those in use are waited for."""
        with translated():
            await self.pool.close()

    @asynccontextmanager
    async def using(self, conn: Connection | None = None) -> AsyncIterator[Connection]:
        """`conn` itself, or else a connection of the pool; errors leave it as ours."""
        if conn is not None:
            with translated():
                yield conn
            return
        async with self._acquire(self.pool) as own:
            yield own

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction: committed at the end, rolled back by any error."""
        async with self._acquire(self.pool) as conn, conn.transaction():
            yield conn

    @staticmethod
    @asynccontextmanager
    async def _acquire(pool: asyncpg.Pool[asyncpg.Record]) -> AsyncIterator[Connection]:
        with translated():
            async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as conn:
                yield conn


async def _speak_our_types(conn: Connection) -> None:
    await conn.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda ns: (ns // 1000 - PG_EPOCH_US,),
        decoder=lambda us: (us[0] + PG_EPOCH_US) * 1000,
    )
    await conn.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads, format="text"
    )


async def _server_version(conn: Connection) -> str:
    number = int(await conn.fetchval("SHOW server_version_num"))
    version = str(await conn.fetchval("SHOW server_version")).split()[0]
    if number < MIN_SERVER_VERSION:
        raise StorageVersionError(f"PostgreSQL {version} is too old; Spindle needs 15 or newer.")
    return version


async def _find_mode(conn: Connection) -> tuple[Mode, str]:
    """The mode and the words about the extension. TimescaleDB is used where it can be made; a
    schema that was made plain stays plain, because its tables are partitioned already."""
    made = await conn.fetchval("SELECT relkind FROM pg_class WHERE oid = to_regclass('point')")
    if made is None:
        await _try_extension(conn)
    version = await conn.fetchval(
        "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
    )
    if version is None or made == b"p":
        return Mode.PLAIN, ""
    license_name = await conn.fetchval("SELECT current_setting('timescaledb.license', true)")
    mode = Mode.TIMESCALE_COMMUNITY if license_name == "timescale" else Mode.TIMESCALE_APACHE
    return mode, f" + TimescaleDB {version} ({mode.value})"


async def _try_extension(conn: Connection) -> None:
    """Where it is absent, not preloaded, or not ours to make, plain tables do as well."""
    if not await conn.fetchval(
        "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')"
    ):
        return
    try:
        async with conn.transaction():
            await conn.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    except asyncpg.PostgresError as error:
        log.info(
            "TimescaleDB is there but cannot be used: %s", error, extra={"action": "storage.plain"}
        )
