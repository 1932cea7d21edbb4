"""Finds a fork: the spoke's stream lost its tail and used sequence numbers again.

A stream that syncs always does not lose its tail, but a gateway restored from a backup does, and an
older installation may. The mirror would then skip, in silence, every number that it has already.
Found by comparing JetStream's time of one message at both ends after each start of the spoke; the
spoke is asked to go on as a new epoch from the first message that differs.
"""

from __future__ import annotations

import logging

from hub.fleet.rpc import Rpc
from hub.ingest.mirrors import Mirror, Mirrors
from schemas import subjects
from schemas.errors import SpokeOfflineError
from schemas.messages.codec import pack
from schemas.messages.commands import EpochRequest
from schemas.messages.health import SpokeHealth

_log = logging.getLogger(__name__)


class ForkWatch:
    def __init__(self, rpc: Rpc, mirrors: Mirrors) -> None:
        self._rpc = rpc
        self._mirrors = mirrors
        self._checked: dict[str, int] = {}

    async def check(self, mirror: Mirror, health: SpokeHealth, first: int, last: int) -> None:
        """Compare the histories once per start of the spoke, and whenever it is behind its mirror.

        `first` and `last` bound what the mirror held before the spoke started.
        """
        behind = health.stream.last_seq < last
        if last < first or (self._checked.get(mirror.stream) == health.started_ns and not behind):
            return
        try:
            forked = await self._first_difference(mirror, health, first, last)
        except SpokeOfflineError:
            return  # asked again in a second
        self._checked[mirror.stream] = health.started_ns
        if forked is None:
            return
        _log.error(
            "The stream of gateway %s was forked at message %d; a new epoch begins there",
            mirror.spoke,
            forked,
            extra={"action": "ingest.fork"},
        )
        request = pack(EpochRequest(mirror.epoch, forked))
        await self._rpc.tell(subjects.command(mirror.spoke, "epoch"), request)

    async def _first_difference(
        self, mirror: Mirror, health: SpokeHealth, first: int, last: int
    ) -> int | None:
        """The first message of [first, last] that is another one at the spoke; None without."""
        low = max(first, health.stream.first_seq)
        if low > last or await self._same(mirror, last):
            return None
        high = last
        while low < high:  # everything before the fork is the same, everything after is not
            middle = (low + high) // 2
            if await self._same(mirror, middle):
                low = middle + 1
            else:
                high = middle
        return low

    async def _same(self, mirror: Mirror, sequence: int) -> bool:
        ours = await self._mirrors.time_of(mirror, sequence)
        theirs = await self._rpc.jetstream(
            mirror.spoke, f"STREAM.MSG.GET.{subjects.stream(mirror.spoke)}", {"seq": sequence}
        )
        message = theirs.get("message")
        return bool(ours == (message.get("time") if isinstance(message, dict) else None))
