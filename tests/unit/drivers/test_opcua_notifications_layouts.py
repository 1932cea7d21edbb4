"""Which way a message is decoded: in bulk, with a learned layout, or by asyncua."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from spoke.drivers.opcua.answers import Answers
from spoke.drivers.opcua.values import MISSING

from .opcua_messages import SOME_TIME, V, data, decoded, ns, publish_body, read_body


def test_homogeneous_and_mixed_messages_take_the_bulk_path() -> None:
    answers = Answers()
    floats = [(i, data(V.Float, i / 2)) for i in range(1, 1001)]
    report = decoded(answers, publish_body([floats]))
    assert report.changes[0].values.bits.astype("<u4").view("<f4")[999] == 500.0
    kinds = [V.Float, V.Int16, V.Boolean, V.UInt64]
    mixed = [(i, data(kinds[i % 4], i % 2)) for i in range(1, 1001)]
    for _ in range(2):
        decoded(answers, publish_body([mixed]))
    assert len(answers._layouts._known) == 1
    assert answers.fallbacks == 0


def test_a_layout_of_the_same_length_is_not_believed() -> None:
    """Two floats and two int32 have equal lengths; the type bytes tell them apart."""
    answers = Answers()
    one = [(1, data(V.Float, 1.5)), (2, data(V.Int16, 5)), (3, data(V.Int32, 7))]
    other = [(1, data(V.Int32, 7)), (2, data(V.UInt16, 5)), (3, data(V.Float, 1.5))]
    third = [(1, data(V.Int16, 7)), (2, data(V.Float, 5.0)), (3, data(V.Float, 1.5))]
    for rows in (one, other, third, one):
        decoded(answers, publish_body([rows]))


def test_picoseconds_stand_where_the_standard_puts_them() -> None:
    """OPC 10000-6, table 26: source time, source picoseconds, server time, server picoseconds.
    asyncua 2.1 has both times first, and so a wrong server time."""
    ticks = ua.datetime_to_win_epoch(SOME_TIME)
    one = struct.pack("<IBBfIqHqH", 1, 0x3F, 10, 1.5, 0, ticks, 9999, ticks + 10, 1)
    body = publish_body([[(1, data(V.Float, 1.5)), (2, data(V.Float, 1.5))]])
    plain = struct.pack("<IBBfIqq", 1, 0x0F, 10, 1.5, 0, ticks, ticks)
    start = body.index(plain)
    size_at = start - 8
    size = struct.unpack_from("<i", body, size_at)[0] + 2 * (len(one) - len(plain))
    changed = (
        body[:size_at] + struct.pack("<ii", size, 2) + one + one + body[start + 2 * len(plain) :]
    )
    answers = Answers()
    values = answers.report(changed).changes[0].values
    assert answers.fallbacks == 0
    assert values.source_ns.tolist() == [ns(SOME_TIME)] * 2
    assert values.server_ns.tolist() == [ns(SOME_TIME) + 1000] * 2


@pytest.mark.parametrize(
    "change",
    [
        lambda response: setattr(
            response.ResponseHeader, "ServiceDiagnostics", ua.DiagnosticInfo(SymbolicId=1)
        ),
        lambda response: setattr(response.ResponseHeader, "StringTable", ["text"]),
        lambda response: setattr(
            response.Parameters, "DiagnosticInfos", [ua.DiagnosticInfo(SymbolicId=1)]
        ),
        lambda response: response.Parameters.NotificationMessage.NotificationData.append(
            ua.StatusChangeNotification(ua.StatusCode(0x800A0000))
        ),
    ],
)
def test_what_is_not_ordinary_is_left_to_asyncua(change: Any) -> None:
    body = publish_body([[(1, data(V.Float, 1.5)), (2, data(V.Float, 2.5))]])
    response = struct_from_binary(ua.PublishResponse, Buffer(body))
    change(response)
    answers = Answers()
    report = answers.report(bytes(struct_to_binary(response)))
    assert answers.fallbacks == 1
    assert report.changes[0].values.bits.astype("<u4").view("<f4").tolist() == [1.5, 2.5]
    assert report.ended in ("", "BadTimeout")


def test_a_keep_alive_and_a_bad_answer() -> None:
    report = Answers().report(publish_body([], number=9))
    assert report.keep_alive
    assert report.number == 9
    response = ua.PublishResponse()
    response.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadNoSubscription)
    with pytest.raises(ua.uaerrors.BadNoSubscription):
        Answers().report(bytes(struct_to_binary(response)))


def test_a_time_of_zero_is_none_and_absurd_ones_stay_absurd() -> None:
    low, high = datetime(1601, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    found = [ua.DataValue(ua.Variant(1.5, V.Float), SourceTimestamp=low, ServerTimestamp=high)] * 2
    values = Answers().values(read_body(found))
    assert values.source_ns.tolist() == [MISSING] * 2
    assert (values.server_ns > 2**62).all()
    assert not math.isnan(float(values.bits.astype("<u4").view("<f4")[0]))
    assert values.bits.dtype == np.uint64
