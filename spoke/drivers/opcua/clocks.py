"""Whose time a value gets: the source's, unless its clock cannot be right."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from schemas.errors import SpindleError, TagReadError
from spoke.drivers.opcua.values import MISSING, Values

CLOCK_LIMIT_NS = 3600 * 10**9
"""A clock may be so far ahead of the gateway's, and may be set back by so much."""
EARLIEST_NS = int(datetime(2000, 1, 2, tzinfo=UTC).timestamp()) * 10**9
"""A clock that lost its battery begins on 2000-01-01, or on 1970-01-01."""
WRONG_CLOCK = 1 << 41
"""The problem code of an implausible time."""


class SourceClocks:
    """The time of each change of M items, and the last believed time of each."""

    def __init__(self, count: int) -> None:
        self._last_ns = np.full(count, MISSING, np.int64)
        self._fresh = np.zeros(count, np.bool_)
        self._since_ns = np.full(count, MISSING, np.int64)

    def renew(self, indexes: NDArray[np.intp], now_ns: int) -> None:
        """These items are created on the server now: what they report next is their first."""
        self._fresh[indexes] = True
        self._since_ns[indexes] = now_ns

    def times(
        self, indexes: NDArray[np.intp], values: Values, gateway_ns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(ns UTC, whether the server's time is implausible) of each row; `indexes` are its items.

        The source's time, else the server's; the gateway's where both are missing or the time
        cannot be right. An item's first report says what its value is now, though it may have
        changed long ago: its time is not before the item was created, else it would be older than
        the BAD values of the outage before it.
        """
        stamps = stamps_of(values)
        sent = stamps != MISSING
        last = self._last_ns[indexes]
        back = (last != MISSING) & (stamps < last - CLOCK_LIMIT_NS)
        wrong = sent & (back | (stamps < EARLIEST_NS) | (stamps > gateway_ns + CLOCK_LIMIT_NS))
        believed = sent & ~wrong
        self._last_ns[indexes[believed]] = stamps[believed]
        times = np.where(believed, stamps, gateway_ns)
        fresh = np.flatnonzero(self._fresh[indexes])
        if fresh.size:
            items, firsts = np.unique(indexes[fresh], return_index=True)
            self._fresh[items] = False
            rows = fresh[firsts]
            times[rows] = np.maximum(times[rows], self._since_ns[items])
        return times, wrong


def stamps_of(values: Values) -> NDArray[np.int64]:
    """The time that the server sent with each value, MISSING where there is none."""
    return np.where(values.source_ns != MISSING, values.source_ns, values.server_ns)


def clock_error(name: str, stamp_ns: int) -> SpindleError:
    said = datetime.fromtimestamp(stamp_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return TagReadError(
        f"{name}: the device's clock is implausible, it says {said} UTC; the gateway's time was "
        "taken.",
        hint="Set the clock of the PLC or the server, best by a time server (NTP), and look at its "
        "battery.",
    )
