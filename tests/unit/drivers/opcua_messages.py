"""Notifications and read answers for tests: random ones, and what asyncua makes of them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import strategies as st

from spoke.drivers.opcua.answers import Answers, Report
from spoke.drivers.opcua.values import ARRAY, MISSING, Values

V = ua.VariantType
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SOME_TIME = datetime(2026, 11, 21, 3, 4, 5, 123457, tzinfo=UTC)
RANGES = {
    V.SByte: (-(2**7), 2**7 - 1),
    V.Byte: (0, 2**8 - 1),
    V.Int16: (-(2**15), 2**15 - 1),
    V.UInt16: (0, 2**16 - 1),
    V.Int32: (-(2**31), 2**31 - 1),
    V.UInt32: (0, 2**32 - 1),
    V.Int64: (-(2**63), 2**63 - 1),
    V.UInt64: (0, 2**64 - 1),
}
FORMS = dict(zip(range(1, 12), "?bBhHiIqQfd", strict=True))

times = st.one_of(
    st.none(),
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
)
numbers = st.one_of(
    st.booleans().map(lambda value: ua.Variant(value, V.Boolean)),
    *(
        st.integers(*limits).map(lambda value, kind=kind: ua.Variant(value, kind))
        for kind, limits in RANGES.items()
    ),
    st.floats(width=32).map(lambda value: ua.Variant(value, V.Float)),
    st.floats().map(lambda value: ua.Variant(value, V.Double)),
)
others = st.one_of(
    st.text(max_size=8).map(lambda text: ua.Variant(text, V.String)),
    st.just(ua.Variant(None, V.String)),
    st.just(ua.Variant()),
    st.just(ua.Variant([1.5, 2.5], V.Float)),
    st.just(ua.Variant(["a", None], V.String)),
    st.text(max_size=8).map(lambda text: ua.Variant(ua.LocalizedText(text), V.LocalizedText)),
    st.just(ua.Variant(SOME_TIME, V.DateTime)),
    st.just(ua.Variant(b"\x01\x02", V.ByteString)),
    st.just(ua.Variant(ua.Range(1.0, 2.0), V.ExtensionObject)),
    st.just(ua.Variant([[1, 2], [3, 4]], V.Int16)),
)


@st.composite
def data_values(draw: st.DrawFn, variants: Any = numbers | others) -> ua.DataValue:
    """Without picoseconds of the source beside a server time: asyncua puts these in an order that
    is not the standard's (see below)."""
    source, server = draw(times), draw(times)
    pico = draw(st.sampled_from([None, 0, 4321]))
    return ua.DataValue(
        draw(variants),
        draw(st.sampled_from([None, 0, 0x80340000, 0x40000000, 0x480, 0x80320000])),
        source,
        server,
        None if server is not None else pico,
        draw(st.sampled_from([None, 77])),
    )


def with_status(data: ua.DataValue) -> ua.DataValue:
    if isinstance(data.StatusCode, int):
        data.StatusCode = ua.StatusCode(data.StatusCode)
    return data


def publish_body(parts: Sequence[Sequence[tuple[int, ua.DataValue]]], number: int = 7) -> bytes:
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = 3
    response.Parameters.AvailableSequenceNumbers = [5, 6, 7]
    response.Parameters.Results = [ua.StatusCode(), ua.StatusCode(0x80000000)]
    message = response.Parameters.NotificationMessage
    message.SequenceNumber = number
    message.NotificationData = [
        ua.DataChangeNotification(
            [ua.MonitoredItemNotification(handle, with_status(data)) for handle, data in part], []
        )
        for part in parts
    ]
    return bytes(struct_to_binary(response))


def read_body(found: Sequence[ua.DataValue]) -> bytes:
    return bytes(struct_to_binary(ua.ReadResponse(Results=[with_status(data) for data in found])))


def ns(stamp: datetime | None) -> int:
    return MISSING if stamp is None else (stamp - EPOCH) // timedelta(microseconds=1) * 1000


def same(values: Values, found: Sequence[ua.DataValue]) -> None:
    """Compare with what asyncua decoded, value by value."""
    assert len(values) == len(found)
    for row, data in enumerate(found):
        code = data.StatusCode.value if data.StatusCode is not None else 0
        assert values.status[row] == code
        assert values.source_ns[row] == ns(data.SourceTimestamp)
        assert values.server_ns[row] == ns(data.ServerTimestamp)
        variant = data.Value
        kind = 0 if variant is None else variant.VariantType.value
        array = kind != 0 and variant.is_array
        assert values.types[row] == kind | (ARRAY if array else 0)
        if array or kind == 0:
            continue
        if kind in FORMS:
            expected = struct.pack(f"<{FORMS[kind]}", variant.Value).ljust(8, b"\0")
            assert values.bits[row].tobytes() == expected
        elif kind == V.String.value:
            assert values.texts[row] == (variant.Value or "")
        elif kind == V.LocalizedText.value:
            assert values.texts[row] == (variant.Value.Text or "")


def decoded(answers: Answers, body: bytes) -> Report:
    """Ours, compared with asyncua's."""
    report = answers.report(body)
    truth = struct_from_binary(ua.PublishResponse, Buffer(body)).Parameters
    message = truth.NotificationMessage
    assert (report.subscription, report.number) == (truth.SubscriptionId, message.SequenceNumber)
    for changes, part in zip(report.changes, message.NotificationData or [], strict=True):
        items = part.MonitoredItems or []
        assert changes.handles.tolist() == [item.ClientHandle for item in items]
        same(changes.values, [item.Value for item in items])
    return report


def data(kind: Any, value: Any, code: int = 0) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value, kind), ua.StatusCode(code), SOME_TIME, SOME_TIME)
