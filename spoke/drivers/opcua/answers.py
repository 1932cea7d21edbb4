"""The answers that carry values, PublishResponse and ReadResponse, from their bytes to columns.

Layouts: OPC 10000-6, section 5.2 (response header, arrays, ExtensionObject) and OPC 10000-4,
sections 5.14.5 and 5.11.2. Whatever is not the ordinary case, such as diagnostics, is decoded by
asyncua, with the same result.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary
from numpy.typing import NDArray

from spoke.drivers.opcua.notifications import Decoded, Layouts, Surprise
from spoke.drivers.opcua.values import Values, empty, from_data_values

_ID = struct.Struct("<BBH")  # a node id in four bytes
_UINT, _INT = struct.Struct("<I"), struct.Struct("<i")
_FOUR_BYTES, _HAS_BODY = 1, 1
_DATA_CHANGE = ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary
_PUBLISH = ua.ObjectIds.PublishResponse_Encoding_DefaultBinary
_READ = ua.ObjectIds.ReadResponse_Encoding_DefaultBinary
_NO_ADDITION = b"\x00\x00\x00"


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """M changes of monitored items, in the order in which the server sent them."""

    handles: NDArray[np.uint32]
    values: Values

    def __len__(self) -> int:
        return len(self.handles)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A PublishResponse. Without `changes` and `ended` it is a keep-alive."""

    subscription: int
    number: int
    changes: tuple[Changes, ...] = ()
    ended: str = ""
    """The name of the status with which the server ended the subscription."""
    events: bool = False
    """It carries something else, too."""

    @property
    def keep_alive(self) -> bool:
        return not (self.changes or self.ended or self.events)


class Answers:
    """Decodes the answers of one session."""

    def __init__(self) -> None:
        self._layouts = Layouts()
        self.fallbacks = 0
        """Messages that asyncua decoded."""

    def report(self, body: bytes) -> Report:
        """The report in a PublishResponse. Raises asyncua's errors."""
        try:
            return self._report(_Cursor(body))
        except (Surprise, struct.error, IndexError):
            self.fallbacks += 1
        response = struct_from_binary(ua.PublishResponse, Buffer(body))
        response.ResponseHeader.ServiceResult.check()
        found = response.Parameters
        return report_of(found.SubscriptionId, found.NotificationMessage)

    def values(self, body: bytes) -> Values:
        """The values in a ReadResponse. Raises asyncua's errors."""
        try:
            return self._values(_Cursor(body))
        except (Surprise, struct.error, IndexError):
            self.fallbacks += 1
        response = struct_from_binary(ua.ReadResponse, Buffer(body))
        response.ResponseHeader.ServiceResult.check()
        return from_data_values(response.Results or ())

    def _report(self, cursor: _Cursor) -> Report:
        cursor.header(_PUBLISH)
        subscription = cursor.uint()
        cursor.skip_array(4)  # available sequence numbers
        cursor.at += 1  # more notifications
        number = cursor.uint()
        cursor.at += 8  # publish time
        changes = []
        for _ in range(max(cursor.integer(), 0)):
            cursor.expect_id(_DATA_CHANGE)
            cursor.expect(bytes((_HAS_BODY,)))
            end = cursor.integer() + cursor.at
            found = self._decode(cursor, handles=True)
            changes.append(Changes(found.handles, found.values))
            cursor.expect_no_array()  # diagnostics
            if cursor.at != end:
                raise Surprise
        cursor.skip_array(4)  # results of acknowledgements
        cursor.expect_no_array()
        cursor.expect_end()
        return Report(subscription, number, tuple(changes))

    def _values(self, cursor: _Cursor) -> Values:
        cursor.header(_READ)
        found = self._decode(cursor, handles=False)
        cursor.expect_no_array()
        cursor.expect_end()
        return found.values

    def _decode(self, cursor: _Cursor, *, handles: bool) -> Decoded:
        count = max(cursor.integer(), 0)
        found = self._layouts.decode(cursor.body, cursor.at, count, handles=handles)
        cursor.at = found.end
        return found


def report_of(subscription: int, message: Any) -> Report:
    """The same for a NotificationMessage of asyncua, for example of a Republish."""
    changes, ended, events = [], "", False
    for part in message.NotificationData or ():
        if isinstance(part, ua.DataChangeNotification):
            items = part.MonitoredItems or []
            handles = np.array([item.ClientHandle for item in items], np.uint32)
            changes.append(Changes(handles, from_data_values([item.Value for item in items])))
        elif isinstance(part, ua.StatusChangeNotification):
            ended = part.Status.name
        else:
            events = True
    return Report(subscription, message.SequenceNumber, tuple(changes), ended, events)


def refused(handles: Sequence[int], codes: Sequence[int]) -> Changes:
    """As if the server had reported these status codes."""
    values = empty(len(handles))
    values.status[:] = np.array(codes, np.uint32)
    return Changes(np.array(handles, np.uint32), values)


class _Cursor:
    """Reads a body from front to back; raises Surprise for what is not ordinary."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def header(self, kind: int) -> None:
        """A good response header without diagnostics, of an answer of this type."""
        self.expect_id(kind)
        self.at += 12  # time, request handle
        if self.uint():
            raise Surprise  # asyncua raises its error
        self.expect(b"\x00")  # diagnostics
        self.expect_no_array()  # texts of diagnostics
        self.expect(_NO_ADDITION)

    def uint(self) -> int:
        (found,) = _UINT.unpack_from(self.body, self.at)
        self.at += 4
        return int(found)

    def integer(self) -> int:
        (found,) = _INT.unpack_from(self.body, self.at)
        self.at += 4
        return int(found)

    def skip_array(self, size: int) -> None:
        count = max(self.integer(), 0)
        self.at += size * count

    def expect_id(self, number: int) -> None:
        self.expect(_ID.pack(_FOUR_BYTES, 0, number))

    def expect_no_array(self) -> None:
        if self.integer() > 0:
            raise Surprise

    def expect(self, wanted: bytes) -> None:
        if self.body[self.at : self.at + len(wanted)] != wanted:
            raise Surprise
        self.at += len(wanted)

    def expect_end(self) -> None:
        if self.at != len(self.body):
            raise Surprise
