"""Which batches are in the stream already: asked of the stream itself.

The duplicate window would do it too, but only for as long as it lasts; a spoke may have been off
for a week.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from schemas import subjects

_LOOK_BACK = 20_000


class Sent(Protocol):
    """A batch that may be stored: its name, and a sequence number that it came after (0 for
    unknown)."""

    @property
    def producer(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def after(self) -> int: ...


T = TypeVar("T", bound=Sent)


async def not_in_stream(client: Client, spoke: str, leftovers: Sequence[T]) -> list[T]:
    """The leftovers that the stream does not have. Raises nats errors while it is not there.

    Looks through the messages of their workers that came after the sequence numbers in their
    names; without a number through the newest 20,000 messages, twenty minutes of a busy spoke.
    """
    context = client.jetstream()
    name = subjects.stream(spoke)
    state = (await context.stream_info(name)).state
    missing = {subjects.message_id(spoke, item.producer, item.number): item for item in leftovers}
    oldest: dict[str, int] = {}
    for item in leftovers:
        subject = subjects.producer_subject(spoke, item.producer)
        known = 0 < item.after <= state.last_seq  # else the stream was made anew since then
        after = item.after if known else max(state.last_seq - _LOOK_BACK, 0)
        oldest[subject] = min(after, oldest.get(subject, after))
    for subject, sequence in oldest.items():
        while sequence < state.last_seq:
            try:
                message = await context.get_msg(name, sequence + 1, subject=subject, next=True)
            except NotFoundError:
                break
            missing.pop((message.headers or {}).get("Nats-Msg-Id", ""), None)
            sequence = message.seq or state.last_seq
    return list(missing.values())
