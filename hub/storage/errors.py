"""The one table that turns errors of asyncpg and of the network into Spindle's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from schemas.errors import ConflictError, NotFoundError, SpindleError, StorageError

DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What asyncpg raises; everything else is a mistake in our code and passes untouched."""


class PositionError(StorageError):
    """Another ingest has stored data of this stream in the meantime."""

    hint = "Nothing was written. The ingest reads the position again and goes on from there."


class BatchRefusedError(Exception):
    """This batch cannot be stored, whatever happens later; the text says why."""


class DataRefusedError(StorageError):
    """The database refuses one of these values."""

    hint = "The message is kept in the table dead_letter with this reason."
    retryable = False


_AWAY = "The database cannot be reached."
_AWAY_HINT = (
    "Nothing is lost: the data waits in the stream. Check that the database server runs and that "
    "host and port in the file of SPINDLE_HUB_DSN_FILE are right."
)
_LOGIN_HINT = "Check user, password and database name in the file of SPINDLE_HUB_DSN_FILE."
_DISK_HINT = (
    "Nothing is lost: the data waits in the stream. Free space on the database's disk, or lower "
    "the retention, then storing goes on by itself."
)

# The first row whose type fits wins, so a subclass stands above its parent.
_TABLE: tuple[tuple[type[BaseException], type[SpindleError], str, str | None], ...] = (
    (asyncpg.UniqueViolationError, ConflictError, "This name exists already.", None),
    (asyncpg.ForeignKeyViolationError, NotFoundError, "This belongs to nothing that exists.", None),
    (asyncpg.DiskFullError, StorageError, "The database's disk is full.", _DISK_HINT),
    (
        asyncpg.TooManyConnectionsError,
        StorageError,
        "The database has no connection left.",
        "Nothing is lost. Raise max_connections of the database, or end programs that use it.",
    ),
    (asyncpg.InsufficientResourcesError, StorageError, "The database lacks memory or disk.", None),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        StorageError,
        "The database refused the login.",
        _LOGIN_HINT,
    ),
    (asyncpg.InvalidCatalogNameError, StorageError, "This database does not exist.", _LOGIN_HINT),
    (
        asyncpg.InsufficientPrivilegeError,
        StorageError,
        "The database user lacks a right.",
        "Make the user in the file of SPINDLE_HUB_DSN_FILE owner of the database.",
    ),
    (
        asyncpg.ReadOnlySQLTransactionError,
        StorageError,
        "The database is read-only.",
        "This is a standby server; point SPINDLE_HUB_DSN_FILE at the primary.",
    ),
    (asyncpg.CannotConnectNowError, StorageError, "The database is starting or stopping.", None),
    (asyncpg.OperatorInterventionError, StorageError, "The database ended the session.", None),
    (asyncpg.QueryCanceledError, StorageError, "The database ended the query.", None),
    (
        asyncpg.TransactionRollbackError,  # deadlock and serialization failures
        StorageError,
        "Two transactions stood in each other's way.",
        "Nothing is lost; the same is tried again.",
    ),
    (asyncpg.DataError, DataRefusedError, "The database refuses a value.", None),
    (asyncpg.PostgresConnectionError, StorageError, _AWAY, _AWAY_HINT),
    (asyncpg.PostgresError, StorageError, "The database reports an error.", None),
    (asyncpg.InterfaceError, StorageError, _AWAY, _AWAY_HINT),
    (TimeoutError, StorageError, "The database did not answer in time.", _AWAY_HINT),
    (OSError, StorageError, _AWAY, _AWAY_HINT),
)


def translate(error: BaseException) -> SpindleError:
    """Our error for one of DATABASE_ERRORS; raise it `from error`."""
    for foreign, ours, message, hint in _TABLE:
        if isinstance(error, foreign):
            detail = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else ""
            return ours(f"{message} ({detail})" if detail else message, hint=hint)
    raise TypeError(f"{type(error).__name__} is not an error of the database") from error


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the database inside the block leave it as ours."""
    try:
        yield
    except DATABASE_ERRORS as error:
        raise translate(error) from error
