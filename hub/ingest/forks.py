"""Finds a fork: the spoke's stream lost its tail and used sequence numbers again.

A stream that syncs always does not lose its tail, but a gateway restored from a backup does, and an
older installation may. The mirror would then skip, in silence, every number that it has already.
Found by comparing JetStream's time of one message at both ends after each start of the spoke; the
spoke is asked to go on as a new epoch from the first message that differs.
"""

from __future__ import annotations

import logging
from typing import Any

from hub.fleet.rpc import Rpc
from hub.ingest.mirrors import Mirror, Mirrors
from schemas import subjects
from schemas.errors import SpokeOfflineError
from schemas.messages.codec import pack
from schemas.messages.commands import EpochRequest
from schemas.messages.health import SpokeHealth

_log = logging.getLogger(__name__)

_NO_MESSAGE = 10037
"""JSNoMessageFoundErr of nats-server (server/errors.json)."""


class ForkWatch:
    def __init__(self, rpc: Rpc, mirrors: Mirrors) -> None:
        self._rpc = rpc
        self._mirrors = mirrors
        self._checked: dict[str, int] = {}
        self._told: dict[str, int] = {}

    async def agree(self, mirror: Mirror, health: SpokeHealth, first: int, last: int) -> bool:
        """Compare the histories once per start of the spoke, and whenever it is behind its mirror.

        `first` and `last` bound what the mirror held before the spoke started. False while the
        spoke does not answer, and while it has not begun the new epoch that it was told to.
        """
        behind = health.stream.last_seq < last
        if last < first or (self._checked.get(mirror.stream) == health.started_ns and not behind):
            return True
        try:
            forked = await self._first_difference(mirror, health, first, last)
        except SpokeOfflineError:
            return False  # asked again in a second
        if forked is None:
            self._checked[mirror.stream] = health.started_ns
            return True
        if self._told.get(mirror.stream) != forked:
            _log.error(
                "The stream of gateway %s was forked at message %d; a new epoch begins there",
                mirror.spoke,
                forked,
                extra={"action": "ingest.fork"},
            )
        self._told[mirror.stream] = forked
        request = pack(EpochRequest(mirror.epoch, forked))
        await self._rpc.tell(subjects.command(mirror.spoke, "epoch"), request)
        return False

    async def _first_difference(
        self, mirror: Mirror, health: SpokeHealth, first: int, last: int
    ) -> int | None:
        """The first message of [first, last] that is another one at the spoke; None without."""
        low = max(first, health.stream.first_seq)
        newest = health.stream.last_seq
        if low > last or await self._same(mirror, last, newest):
            return None
        high = last
        while low < high:  # everything before the fork is the same, everything after is not
            middle = (low + high) // 2
            if await self._same(mirror, middle, newest):
                low = middle + 1
            else:
                high = middle
        return low

    async def _same(self, mirror: Mirror, sequence: int, newest: int) -> bool:
        """What only one side has tells nothing, unless it lies behind the spoke's `newest`."""
        ours = await self._mirrors.time_of(mirror, sequence)
        theirs = await self._rpc.jetstream(
            mirror.spoke, f"STREAM.MSG.GET.{subjects.stream(mirror.spoke)}", {"seq": sequence}
        )
        time = _time_in(theirs)
        if ours is None or time is None:
            return ours is None or sequence <= newest
        return ours == time


def _time_in(answer: dict[str, Any]) -> str | None:
    """The time of the message, None when there is no such message. Raises SpokeOfflineError for
    any other answer: a server that starts or stops says "no stream", which is no fork."""
    message, error = answer.get("message"), answer.get("error")
    if isinstance(message, dict):
        return str(message.get("time"))
    if isinstance(error, dict) and error.get("err_code") == _NO_MESSAGE:
        return None
    raise SpokeOfflineError(f"The gateway's JetStream answers {str(error)[:100]}.")
