"""The manifest of a spoke, from the rows of its devices and tags.

The rows were validated when they were written, so they are put together as plain maps here: a
manifest of 10,000 tags is made with every change.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hub.functions.guards import keep_uses_whole
from hub.storage.config import ConfigStore
from hub.storage.database import Connection


async def build_manifest(
    store: ConfigStore, spoke_id: int, spoke: str, number: int, conn: Connection
) -> dict[str, Any]:
    """A schemas.config.devices.Manifest as a JSON map, with the secrets in it.

    Raises ConflictError when a function would miss a tag that it needs.
    """
    tag_rows = await store.tags(spoke_id=spoke_id, conn=conn)
    device_rows = await store.devices(spoke_id, conn)
    await keep_uses_whole(store, device_rows, tag_rows, conn)
    tags: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for tag in tag_rows:
        tags[tag.device_id].append({**tag.config, "id": tag.tag_id})
    devices = [
        {**device.config, "id": device.device_id, "tags": tags[device.device_id]}
        for device in device_rows
    ]
    return {"spoke": spoke, "revision": number, "devices": devices}
