"""All configuration tables behind one name: `ConfigStore(database)`.

The methods are in plant_rows.py (spoke, device, tag), profile_rows.py (profile), function_rows.py
(function, its versions, packages and uses), revision_rows.py (revision) and access_rows.py (user,
session, audit, secret). A change of several rows is one transaction::

    async with store.database.transaction() as conn:
        number = await store.lock_spoke(spoke_id, conn) + 1
        await store.update_device(device_id, name, config, version, conn)
        await store.insert_revision(spoke_id, number, author, summary, manifest, conn)
        await store.insert_audit(author, "device.update", name, {"revision": number}, conn)
"""

from __future__ import annotations

from hub.storage.access_rows import AccessRows
from hub.storage.database import Database
from hub.storage.function_rows import FunctionRows
from hub.storage.plant_rows import PlantRows
from hub.storage.profile_rows import ProfileRows
from hub.storage.revision_rows import RevisionRows


class ConfigStore(PlantRows, ProfileRows, FunctionRows, RevisionRows, AccessRows):
    """Inserts, updates and selects of the configuration tables. Holds no state of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
