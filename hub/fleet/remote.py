"""`RemoteService` is hub.services.Remote: a device at work, through its spoke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hub.fleet.ports import DeviceCommands, Presence
from hub.fleet.records import config_of
from hub.fleet.secrets import secret_fields, unmasked
from hub.fleet.validation import check_no_function
from hub.fleet.writing import Writing
from hub.records import User
from hub.storage.config import ConfigStore
from schemas.config.devices import DeviceConfig
from schemas.config.drivers import DriverConfig
from schemas.errors import NotFoundError, SpokeOfflineError, error_of
from schemas.messages.browsing import BrowseReply, BrowseRequest, DiscoverReply, DiscoverRequest
from schemas.messages.diagnosis import DiagnoseReply, DiagnoseRequest
from schemas.messages.writes import WriteResult


class RemoteService:
    """RemoteService(store, presence, commands). What a device or its spoke answers as an error is
    raised as that error (DeviceError and its kin); only `discover` returns it, because the reply
    has the gateway's own certificate all the same."""

    def __init__(self, store: ConfigStore, presence: Presence, commands: DeviceCommands) -> None:
        self._store = store
        self._presence = presence
        self._commands = commands
        self._writing = Writing(store, commands)

    async def diagnose(
        self, device_id: int, trace_s: float | None = None, *, retry: bool = False
    ) -> DiagnoseReply:
        row = await self._store.device(device_id)
        self._must_be_online(row.spoke)
        request = DiagnoseRequest(device_id, trace_s, retry)
        reply = await self._commands.diagnose(row.spoke, request)
        if reply.error is not None:
            raise error_of(reply.error)
        return reply

    async def discover(
        self, spoke_id: int, connection: DriverConfig, device_id: int | None = None
    ) -> DiscoverReply:
        """Nobody logs in for this, so no secret is sent; `device_id` is not needed."""
        check_no_function(_device(connection))
        spoke = await self._store.spoke(spoke_id)
        self._must_be_online(spoke.name)
        bare = connection.model_copy(update=dict.fromkeys(secret_fields(_device(connection)), ""))
        request = DiscoverRequest(bare.model_dump(mode="json"))
        reply = await self._commands.discover(spoke.name, request)
        if reply.error is None:
            return reply
        return replace(reply, error=error_of(reply.error).as_dict())

    async def browse(
        self,
        spoke_id: int,
        connection: DriverConfig,
        node: str = "",
        *,
        deep: bool = False,
        device_id: int | None = None,
    ) -> BrowseReply:
        check_no_function(_device(connection))
        spoke = await self._store.spoke(spoke_id)
        full = await self._with_secrets(spoke_id, connection, device_id)
        self._must_be_online(spoke.name)
        request = BrowseRequest(full.model_dump(mode="json"), node, deep)
        reply = await self._commands.browse(spoke.name, request)
        if reply.error is not None:
            raise error_of(reply.error)
        return reply

    async def write(
        self, who: User, device_id: int, values: Mapping[int, float | int | bool | str]
    ) -> list[WriteResult]:
        """In the order of `values`; see hub/fleet/writing.py."""
        row = await self._store.device(device_id)
        await self._writing.check(row, values)
        self._must_be_online(row.spoke)
        return await self._writing.write(who, row, values)

    async def _with_secrets(
        self, spoke_id: int, connection: DriverConfig, device_id: int | None
    ) -> DriverConfig:
        """The mask means the secret of this device, which never goes to another spoke."""
        old = None
        if device_id is not None:
            row = await self._store.device(device_id)
            if row.spoke_id != spoke_id:
                raise NotFoundError(f"Device {row.name} belongs to another gateway.")
            old = config_of(row)
        return unmasked(_device(connection), old).connection

    def _must_be_online(self, spoke: str) -> None:
        """Ask nobody who is away: the request would wait in the connection and come late."""
        if not self._presence.online(spoke):
            raise SpokeOfflineError(f"The gateway {spoke!r} is offline.")


def _device(connection: DriverConfig) -> DeviceConfig:
    """Settings as secrets.py takes them."""
    return DeviceConfig(name="any", connection=connection)
