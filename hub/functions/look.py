"""What a use says and does now: live log, faults, and its shadow compared; asked of its gateway."""

from __future__ import annotations

from hub.fleet.ports import FunctionCommands, Presence
from hub.storage.config import ConfigStore
from schemas.errors import SpokeOfflineError, error_of
from schemas.messages.functions import FunctionLookReply, FunctionLookRequest


class Look:
    """Look(store, presence, commands): the part of FunctionService that asks gateways."""

    def __init__(self, store: ConfigStore, presence: Presence, commands: FunctionCommands) -> None:
        self._store = store
        self._presence = presence
        self._commands = commands

    async def look(self, device_id: int, log_after: int = 0) -> FunctionLookReply:
        """Raises NotFoundError, SpokeOfflineError, and what the gateway answers as an error."""
        row = await self._store.use(device_id)
        spoke = row.device.spoke
        if not self._presence.online(spoke):
            raise SpokeOfflineError(f"The gateway {spoke!r} is offline.")
        reply = await self._commands.look(spoke, FunctionLookRequest(device_id, log_after))
        if reply.error is not None:
            raise error_of(reply.error)
        return reply
