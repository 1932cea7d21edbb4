"""Rows of the database as the records that pages and API get; secrets are masked here."""

from __future__ import annotations

from hub.fleet.ports import Presence
from hub.fleet.secrets import masked
from hub.records import Device, Revision, Spoke, Tag
from hub.storage.records import DeviceRow, RevisionHead, SpokeRow, TagRow
from schemas.config.devices import DeviceConfig, TagConfig


def spoke_of(row: SpokeRow, presence: Presence) -> Spoke:
    applied = presence.applied_revision(row.name)
    return Spoke(
        id=row.spoke_id,
        name=row.name,
        description=row.description,
        created_ns=row.created_ns,
        revision=row.revision,
        applied_revision=row.applied_revision if applied is None else applied,
        last_seen_ns=max(row.last_seen_ns, presence.last_seen_ns(row.name)),
        online=presence.online(row.name),
        health=presence.health(row.name),
        devices=row.devices,
        tags=row.tags,
    )


def device_of(row: DeviceRow, presence: Presence) -> Device:
    health = presence.health(row.spoke)
    mine = (item for item in health.devices if item.id == row.device_id) if health else iter(())
    return Device(
        id=row.device_id,
        spoke_id=row.spoke_id,
        spoke=row.spoke,
        config=masked(config_of(row)),
        tags=row.tags,
        version=row.version,
        health=next(mine, None),
        profile_id=row.profile_id,
        profile_version=row.profile_version,
    )


def config_of(row: DeviceRow) -> DeviceConfig:
    """With its secrets: not for people."""
    return DeviceConfig.model_validate(row.config)


def tag_of(row: TagRow) -> Tag:
    return Tag(
        row.tag_id, row.device_id, row.device, row.spoke, TagConfig.model_validate(row.config)
    )


def revision_of(row: RevisionHead) -> Revision:
    return Revision(row.spoke_id, row.number, row.time_ns, row.author, row.summary)
