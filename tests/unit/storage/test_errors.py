"""Every error of asyncpg and of the network becomes one of ours."""

from __future__ import annotations

import asyncpg
import pytest

from hub.storage.errors import DATABASE_ERRORS, DataRefusedError, translate, translated
from schemas.errors import ConflictError, NotFoundError, SpindleError, StorageError


def _all(parent: type[BaseException]) -> set[type[BaseException]]:
    return {parent}.union(*(_all(child) for child in parent.__subclasses__()))


@pytest.mark.parametrize("base", DATABASE_ERRORS)
def test_the_table_is_complete(base: type[BaseException]) -> None:
    for foreign in _all(base):
        if not foreign.__module__.startswith(("asyncpg", "builtins")):
            continue
        error = foreign("the cause\nmore")
        ours = translate(error)
        assert ours.message.endswith("(the cause)")
        assert ours.hint


@pytest.mark.parametrize(
    ("foreign", "ours", "hint", "retryable"),
    [
        (asyncpg.DiskFullError, StorageError, "Free space", True),
        (asyncpg.TooManyConnectionsError, StorageError, "max_connections", True),
        (asyncpg.InvalidPasswordError, StorageError, "password", True),
        (asyncpg.InvalidCatalogNameError, StorageError, "database name", True),
        (asyncpg.CannotConnectNowError, StorageError, "waits in the stream", True),
        (asyncpg.AdminShutdownError, StorageError, "waits in the stream", True),
        (asyncpg.ReadOnlySQLTransactionError, StorageError, "primary", True),
        (asyncpg.DeadlockDetectedError, StorageError, "tried again", True),
        (asyncpg.UniqueViolationError, ConflictError, "another name", False),
        (asyncpg.ForeignKeyViolationError, NotFoundError, "", False),
        (asyncpg.NumericValueOutOfRangeError, DataRefusedError, "dead_letter", False),
        (ConnectionRefusedError, StorageError, "SPINDLE_HUB_DSN_FILE", True),
        (TimeoutError, StorageError, "SPINDLE_HUB_DSN_FILE", True),
    ],
)
def test_what_a_person_reads(
    foreign: type[Exception], ours: type[SpindleError], hint: str, retryable: bool
) -> None:
    with pytest.raises(ours) as caught, translated():
        raise foreign("x")
    assert hint in caught.value.hint
    assert caught.value.retryable is retryable
    assert type(caught.value.__cause__) is foreign


def test_a_mistake_in_our_code_stays_what_it_is() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError("x")
