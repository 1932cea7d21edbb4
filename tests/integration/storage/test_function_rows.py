"""Functions, their versions and packages, and uses in SQL."""

from __future__ import annotations

import asyncio

import pytest

from hub.storage.config import ConfigStore
from hub.storage.function_rows import NewVersion
from schemas.errors import ConflictError, NotFoundError, StorageError

SHA = "a" * 64


def version(number: str = "1.0.0", package: str = SHA, bundle: bytes = b"bundle") -> NewVersion:
    spec = {"name": "trend", "version": number}
    return NewVersion(number, "source", package, bundle, "the source", spec, "me", "notes")


async def insert(config: ConfigStore, found: NewVersion, name: str = "trend") -> None:
    async with config.database.transaction() as conn:
        function_id = await config.lock_function(name, conn)
        await config.insert_function_version(function_id, found, conn)


async def make_use(config: ConfigStore, name: str, package: str = SHA) -> int:
    spokes = await config.spokes() or [await config.insert_spoke("line-1")]
    connection = {"driver": "function", "function": "trend", "package": package}
    row = await config.insert_device(spokes[0].spoke_id, name, {"connection": connection})
    return row.device_id


async def test_versions_are_written_and_read(config: ConfigStore) -> None:
    await insert(config, version())
    await insert(config, version("1.1.0", "b" * 64, b"other"))
    newest, first = await config.function_versions("trend", sources=True)
    assert (newest.number, first.number, first.source) == ("1.1.0", "1.0.0", "the source")
    assert (first.size_bytes, first.uses, first.author) == (6, 0, "me")
    assert [row.source for row in await config.function_versions()] == ["", ""]
    assert [row.number for row in await config.function_versions("trend", "1.0.0")] == ["1.0.0"]
    assert await config.function_versions("none") == []
    specs = await config.function_specs([SHA, "c" * 64])
    assert specs == {SHA: {"name": "trend", "version": "1.0.0"}}
    with pytest.raises(ConflictError):
        await insert(config, version())


async def test_a_package_is_read_in_parts(config: ConfigStore) -> None:
    content = bytes(range(256)) * 8000
    await insert(config, version(bundle=content))
    assert await config.package(SHA) == content
    assert await config.package_part(SHA, 0, 10) == (len(content), content[:10])
    assert await config.package_part(SHA, 1000, 500) == (len(content), content[1000:1500])
    assert await config.package_part(SHA, len(content), 500) == (len(content), b"")
    for missing in (config.package("x"), config.package_part("x", 0, 1)):
        with pytest.raises(NotFoundError):
            await missing


async def test_uses_are_devices(config: ConfigStore) -> None:
    await insert(config, version())
    first, second = await make_use(config, "A"), await make_use(config, "B", "b" * 64)
    plain = await config.insert_device(1, "PLC", {"connection": {"driver": "sim"}})
    assert [row.device.device_id for row in await config.uses()] == [first, second]
    assert await config.uses(function="other") == []
    assert len(await config.uses(spoke_id=1)) == 2
    assert await config.use_counts() == {"trend": 2}
    assert (await config.function_versions("trend"))[0].uses == 1
    row = await config.use(first)
    assert (row.previous, row.trial_until_ns) == (None, 0)
    async with config.database.transaction() as conn:
        await config.put_use(first, {"version": "1"}, 5_000_000_000, conn)
    row = await config.use(first)
    assert (row.previous, row.trial_until_ns) == ({"version": "1"}, 5_000_000_000)
    async with config.database.transaction() as conn:
        await config.put_use(first, None, 0, conn)
    assert (await config.use(first)).trial_until_ns == 0
    for number in (plain.device_id, 999):
        with pytest.raises(NotFoundError):
            await config.use(number)
    await config.delete_device(first)
    assert [row.device.device_id for row in await config.uses()] == [second]


async def test_packages_of_a_revision(config: ConfigStore) -> None:
    spoke = await config.insert_spoke("line-1")
    devices = [
        {"connection": {"driver": "sim"}},
        {"connection": {"driver": "function", "package": "", "shadow": None}},
        {"connection": {"driver": "function", "package": "a", "shadow": {"package": "b"}}},
        {"connection": {"driver": "function", "package": "c"}},
    ]
    async with config.database.transaction() as conn:
        await config.insert_revision(spoke.spoke_id, 1, "me", "", {"devices": devices}, conn)
    assert await config.packages_of(spoke.spoke_id, 1) == {"a", "b", "c"}
    assert await config.packages_of(spoke.spoke_id, 2) == set()


async def test_a_deleted_functions_packages_stay(config: ConfigStore) -> None:
    await insert(config, version())
    async with config.database.transaction() as conn:
        await config.delete_function("trend", conn)
    assert await config.function_versions() == []
    assert await config.package(SHA) == b"bundle"
    assert SHA in await config.function_specs([SHA])
    async with config.database.transaction() as conn:
        for call in (
            config.delete_function("trend", conn),
            config.hold_version("trend", "1.0.0", conn),
        ):
            with pytest.raises(NotFoundError):
                await call
    await insert(config, version())
    assert len(await config.function_versions("trend")) == 1


async def test_nobody_deletes_what_somebody_deploys(config: ConfigStore) -> None:
    """The delete waits for the deploy that holds the version, and then sees its use."""
    await insert(config, version())
    await config.insert_spoke("line-1")
    held, deleting = asyncio.Event(), asyncio.Event()

    async def deploy() -> None:
        async with config.database.transaction() as conn:
            await config.hold_version("trend", "1.0.0", conn)
            held.set()
            await deleting.wait()
            connection = {"driver": "function", "function": "trend", "package": SHA}
            await config.insert_device(1, "A", {"connection": connection}, conn)

    async def delete() -> int:
        await held.wait()
        async with config.database.transaction() as conn:
            await conn.execute("SET LOCAL lock_timeout = '200ms'")
            with pytest.raises(StorageError):
                async with config.database.using(conn) as c, c.transaction():
                    await config.delete_function("trend", c)
            deleting.set()
            await conn.execute("SET LOCAL lock_timeout = '20s'")
            await config.delete_function("trend", conn)
            return len(await config.uses(function="trend", conn=conn))

    _, seen = await asyncio.gather(deploy(), delete())
    assert seen == 1
