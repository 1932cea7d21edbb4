"""A piece of the stream as a use reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.frames import Frame
from spoke.functions.tap import Entry


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The messages after `before` up to `position`."""

    before: int
    position: int
    messages: tuple[tuple[Frame, ...], ...]
    """The frames of each message that is not the use's own."""
    made_ns: int
    """When the newest message was made, by the gateway's clock; 0 when none can be read."""
    missed: int
    """Messages that the full buffer dropped before they were read."""


def piece(entries: Sequence[Entry], before: int, own: Callable[[str], bool]) -> Piece:
    """`own` tells the subject of the use's outputs."""
    batches = [(entry.subject, entry.batch) for entry in entries if entry.batch is not None]
    return Piece(
        before,
        entries[-1].seq,
        tuple(batch.frames for subject, batch in batches if not own(subject)),
        max((batch.created_ns for _, batch in batches), default=0),
        entries[0].seq - before - 1 if before else 0,
    )
