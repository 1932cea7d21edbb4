"""The configuration tables."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from hub.storage.config import ConfigStore
from schemas.errors import ConflictError, NotFoundError


async def test_a_plant_is_written_and_read(config: ConfigStore) -> None:
    spoke = await config.insert_spoke("line-1", "Filler")
    device = await config.insert_device(spoke.spoke_id, "plc", {"host": "1.2.3.4"})
    tags = await config.insert_tags(
        device.device_id, [("b", {"unit": "°C"}, "float"), ("a", {}, "int")]
    )
    assert [(tag.name, tag.kind, tag.wire) for tag in tags] == [
        ("b", "float", None),
        ("a", "int", None),
    ]
    assert tags[0].tag_id < tags[1].tag_id
    assert await config.tag(tags[0].tag_id) == tags[0]
    assert tags[0].config == {"unit": "°C"}
    (listed,) = await config.spokes()
    assert (listed.devices, listed.tags, listed.last_seen_ns) == (1, 2, 0)
    await config.spoke_seen(spoke.spoke_id, 5_000_000, 3)
    await config.spoke_seen(spoke.spoke_id, 4_000_000, 4)
    seen = await config.spoke(spoke.spoke_id)
    assert (seen.last_seen_ns, seen.applied_revision) == (5_000_000, 4)
    assert await config.insert_tags(device.device_id, []) == []


async def test_names_are_free_again_after_a_delete_but_not_a_spokes(config: ConfigStore) -> None:
    spoke = await config.insert_spoke("a")
    device = await config.insert_device(spoke.spoke_id, "plc", {})
    (tag,) = await config.insert_tags(device.device_id, [("t", {}, "float")])
    with pytest.raises(ConflictError):
        await config.insert_device(spoke.spoke_id, "plc", {})
    with pytest.raises(ConflictError):
        await config.insert_tags(device.device_id, [("new", {}, "int"), ("t", {}, "float")])
    assert await config.tags(device.device_id) == [tag], "all or none"
    assert await config.delete_tags([tag.tag_id, 999]) == 1
    (again,) = await config.insert_tags(device.device_id, [("t", {}, "text")])
    assert again.tag_id != tag.tag_id
    await config.delete_device(device.device_id)
    assert await config.tags() == []
    assert await config.devices() == []
    await config.insert_device(spoke.spoke_id, "plc", {})
    await config.delete_spoke(spoke.spoke_id)
    with pytest.raises(ConflictError):
        await config.insert_spoke("a")
    for missing in (config.spoke(1), config.device(1), config.tag(1), config.delete_spoke(1)):
        with pytest.raises(NotFoundError):
            await missing


async def test_an_outdated_change_is_refused(config: ConfigStore) -> None:
    spoke = await config.insert_spoke("a")
    device = await config.insert_device(spoke.spoke_id, "plc", {"n": 1})
    changed = await config.update_device(device.device_id, "plc", {"n": 2}, device.version)
    with pytest.raises(ConflictError):
        await config.update_device(device.device_id, "plc", {"n": 3}, device.version)
    assert (await config.device(device.device_id)) == changed
    with pytest.raises(NotFoundError):
        await config.update_device(999, "x", {}, None)


async def test_a_revision_is_one_transaction(config: ConfigStore) -> None:
    spoke = await config.insert_spoke("a")

    async def change(text: str) -> None:
        async with config.database.transaction() as conn:
            number = await config.lock_spoke(spoke.spoke_id, conn) + 1
            await config.insert_revision(spoke.spoke_id, number, "me", text, {"n": number}, conn)
            await config.insert_audit("me", "change", text, conn=conn)
            if text == "bad":
                raise RuntimeError

    await asyncio.gather(*(change(f"change {number}") for number in range(5)))
    with pytest.raises(RuntimeError):
        await change("bad")
    revisions = await config.revisions(spoke.spoke_id)
    assert [revision.number for revision in revisions] == [5, 4, 3, 2, 1]
    assert not hasattr(revisions[0], "manifest"), "a list loads no manifests"
    assert (await config.spoke(spoke.spoke_id)).revision == 5
    assert (await config.revision(spoke.spoke_id, 2)).manifest == {"n": 2}
    assert len(await config.audits()) == 5


async def test_users_sessions_and_secrets(config: ConfigStore) -> None:
    user = await config.insert_user("Ada", "hash", "admin")
    with pytest.raises(ConflictError):
        await config.insert_user("ADA", "hash", "viewer")
    assert await config.user_by_name("ada") == user
    assert await config.user_by_name("eve") is None
    changed = await config.update_user(user.user_id, role="viewer", disabled=True)
    assert (changed.role, changed.disabled, changed.password_hash) == ("viewer", True, "hash")

    first, second = uuid.uuid4(), uuid.uuid4()
    await config.insert_session(first, user.user_id, 2_000_000)
    await config.insert_session(second, user.user_id, 4_000_000)
    await config.revoke_session(first)
    revoked, valid = await config.session(first), await config.session(second)
    assert revoked is not None
    assert valid is not None
    assert revoked.revoked_ns > 0
    assert (valid.revoked_ns, valid.expires_ns) == (0, 4_000_000)
    await config.revoke_sessions_of(user.user_id)
    await config.drop_sessions(3_000_000)
    assert await config.session(first) is None

    made = await asyncio.gather(*(config.get_or_create_secret("key", 16) for _ in range(5)))
    assert len(set(made)) == 1
    assert len(made[0]) == 16
    assert await config.put_secret_if_absent("key", b"other") == made[0]
