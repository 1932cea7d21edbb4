"""Frames of many devices and scan groups become the rows of a function's batch.

A row stands at each time at which a trigger input has a value (event time: the device's own where
it gives one, else the gateway's); every other input holds its last value. With inputs of several
scan groups rows wait `lateness_ns` for the others, counted in event time, so that live and replay
give the same rows. What comes later still is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.frames import Frame
from schemas.functions import Input
from schemas.quality import Quality
from udf.base import Batch, Column
from udf.updates import (
    NEVER,
    Places,
    Port,
    Update,
    array,
    ascending,
    in_order,
    make_port,
    make_update,
    plain,
)

_MAX_KNOWN = 1000
_HOLD_NS = 60_000_000_000
"""Values of an input that makes no rows wait so long for a row that needs an older one."""


class Aligner:
    """Aligner(inputs, tags): the inputs of a function and the tag ids that are bound to each."""

    def __init__(
        self, inputs: Sequence[Input], tags: Mapping[str, Sequence[int]], lateness_ns: int = 0
    ) -> None:
        self._ports = [make_port(item, tags.get(item.name, ())) for item in inputs]
        self._lateness_ns = lateness_ns
        self._pending: list[Update] = []
        self._newest = NEVER
        """Of the inputs that make rows."""
        self._latest = NEVER
        """Of all inputs."""
        self._row = NEVER
        self._known: dict[bytes, list[tuple[Port, Places, Places]]] = {}
        self.late = 0
        """Rows that came too late and were left out."""

    @property
    def newest_ns(self) -> int:
        """Time of the newest row that was given out; negative before the first."""
        return self._row

    def take(self, frames: Iterable[Frame]) -> Batch | None:
        """The rows that are complete now; None when there are none.

        Call it once for each message of a stream: what is late is decided between calls, so a
        stream that is read again gives the same rows.
        """
        for frame in frames:
            for update in self._updates(frame):
                self._pending.append(update)
                self._latest = max(self._latest, int(update.times[-1]))
                if update.port.input.trigger:
                    self._newest = max(self._newest, int(update.times[-1]))
        return self._rows(self._newest - self._lateness_ns)

    def flush(self) -> Batch | None:
        """The rows that still wait; for the end of a replay."""
        return self._rows(self._newest)

    # --- frames to updates ----------------------------------------------------------------------
    def _updates(self, frame: Frame) -> Iterable[Update]:
        if not frame.size:
            return
        if frame.source_times is not None:
            yield from self._events(frame)
            return
        for port, columns, places in self._find(frame.tag_ids):
            quality = None if frame.quality is None else frame.quality[:, columns]
            yield from ascending(
                make_update(port, places, frame.times, frame.values[:, columns], quality)
            )

    def _events(self, frame: Frame) -> Iterable[Update]:
        assert frame.source_times is not None
        for port, columns, places in self._find(frame.tag_ids):
            for place in np.unique(places):
                at = columns[places == place]
                times, values = frame.source_times[0, at], frame.values[0, at][:, np.newaxis]
                quality = None if frame.quality is None else frame.quality[0, at][:, np.newaxis]
                order = np.argsort(times, kind="stable")
                # of several values at one time the last one holds
                last = np.append(times[order][1:] != times[order][:-1], True)
                keep = order[last]
                yield make_update(
                    port,
                    np.array([place]),
                    times[keep],
                    values[keep],
                    None if quality is None else quality[keep],
                )

    def _find(self, tag_ids: NDArray[np.int32]) -> list[tuple[Port, Places, Places]]:
        """Our tags in a frame: (port, columns of the frame, places in the port)."""
        key = tag_ids.tobytes()
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MAX_KNOWN:  # lists of events have many forms
                self._known.clear()
            ids = tag_ids.tolist()
            found = []
            for port in self._ports:
                pairs = [(at, port.places[tag]) for at, tag in enumerate(ids) if tag in port.places]
                if pairs:
                    columns, places = zip(*pairs, strict=True)
                    found.append((port, np.array(columns), np.array(places)))
            self._known[key] = found
        return found

    # --- updates to rows ------------------------------------------------------------------------
    def _rows(self, limit: int) -> Batch | None:
        if not self._pending:
            return None
        ready: list[Update] = []
        waiting: list[Update] = []
        hold = max(limit, self._latest - self._lateness_ns - _HOLD_NS)
        for update in self._pending:
            until = limit if update.port.input.trigger else hold
            end = int(np.searchsorted(update.times, until, side="right"))
            if end:
                ready.append(update.cut(0, end))
            if end < len(update.times):
                waiting.append(update.cut(end, len(update.times)))
        self._pending = waiting
        if not ready:
            return None
        ready = in_order(ready)
        rows = self._times(ready)
        columns = {port.input.name: self._column(port, ready, rows) for port in self._ports}
        if not len(rows):
            return None
        self._row = int(rows[-1])
        return Batch(rows, columns)

    def _times(self, ready: list[Update]) -> NDArray[np.int64]:
        """The rows: all times of trigger inputs after the last row."""
        times = [update.times for update in ready if update.port.input.trigger]
        if not times:
            return np.empty(0, dtype=np.int64)
        same = all(other is times[0] or np.array_equal(other, times[0]) for other in times[1:])
        rows = times[0] if same else np.unique(np.concatenate(times))
        first = int(np.searchsorted(rows, self._row, side="right"))
        self.late += first
        return rows[first:]

    def _column(self, port: Port, ready: list[Update], rows: NDArray[np.int64]) -> Column:
        mine = [update for update in ready if update.port is port]
        values = np.repeat(port.values[np.newaxis], len(rows), axis=0)
        quality = np.repeat(port.quality[np.newaxis], len(rows), axis=0)
        for item in mine:
            held = port.times[item.places]
            at = np.searchsorted(item.times, rows, side="right") - 1
            first = int(np.searchsorted(at, 0))
            if first < len(rows):
                block = (slice(first, None), item.places)
                found = item.values[at[first:]], item.quality[at[first:]]
                if (item.times[0] < held).any():  # some is older than what is held
                    newer = item.times[at[first:]][:, np.newaxis] >= held
                    found = (
                        np.where(newer, found[0], values[block]),
                        np.where(newer, found[1], quality[block]),
                    )
                values[block], quality[block] = found
            port.hold(item)
        good = bool((quality >= Quality.GOOD).all())
        if not port.input.many:
            return Column(values[:, 0], None if good else quality[:, 0])
        return Column(values, None if good else quality)

    # --- state ----------------------------------------------------------------------------------
    def snapshot(self) -> dict[str, Any]:
        """Held values and waiting rows, for udf.state."""
        numbers = {id(port): number for number, port in enumerate(self._ports)}
        return {
            "row": self._row,
            "newest": self._newest,
            "latest": self._latest,
            "held": [[plain(port.values), port.quality, port.times] for port in self._ports],
            "pending": [
                [
                    numbers[id(item.port)],
                    item.places,
                    item.times,
                    plain(item.values),
                    item.quality,
                ]
                for item in self._pending
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ValueError for the state of other inputs."""
        held = state["held"]
        sizes = [len(quality) for _, quality, _ in held]
        if sizes != [len(port.quality) for port in self._ports]:
            raise ValueError("this is the state of other inputs")
        for port, (values, quality, times) in zip(self._ports, held, strict=True):
            port.values[:] = array(values, port)
            port.quality[:], port.times[:] = quality, times
        self._pending = [
            Update(
                self._ports[number],
                places,
                times,
                array(values, self._ports[number]).reshape(quality.shape),
                quality,
            )
            for number, places, times, values, quality in state["pending"]
        ]
        self._row, self._newest = state["row"], state["newest"]
        self._latest = state["latest"]
