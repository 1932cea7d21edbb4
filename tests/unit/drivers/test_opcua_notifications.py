"""Bulk decode of notifications and read answers: always what asyncua makes of the same bytes."""

from __future__ import annotations

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from spoke.drivers.opcua.answers import Answers

from .opcua_messages import data_values, decoded, numbers, publish_body, read_body, same

handles = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(handles, data_values()), max_size=12), max_size=3))
def test_any_notification_is_decoded_as_asyncua_does(
    parts: list[list[tuple[int, ua.DataValue]]],
) -> None:
    answers = Answers()
    body = publish_body(parts)
    for _ in range(2):  # the second time with the layout that was learned
        decoded(answers, body)
    assert answers.fallbacks == 0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(data_values(numbers), min_size=1, max_size=8),
    st.integers(2, 5),
)
def test_repeated_layouts_with_other_values_and_statuses(
    found: list[ua.DataValue], times_over: int
) -> None:
    """Layouts of equal length that are not equal must not be taken for each other."""
    answers = Answers()
    rows = list(enumerate(found * times_over, 1))
    decoded(answers, publish_body([rows]))
    decoded(answers, publish_body([rows[::-1]]))
    decoded(answers, publish_body([rows]))


@settings(max_examples=40, deadline=None)
@given(st.lists(data_values(), max_size=12))
def test_any_read_answer_is_decoded_as_asyncua_does(found: list[ua.DataValue]) -> None:
    answers = Answers()
    body = read_body(found)
    truth = struct_from_binary(ua.ReadResponse, Buffer(body)).Results or []
    for _ in range(2):
        same(answers.values(body), truth)
    assert answers.fallbacks == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(handles, data_values()), min_size=1, max_size=4),
    st.data(),
)
def test_broken_bytes_never_give_other_values(
    rows: list[tuple[int, ua.DataValue]], data: st.DataObject
) -> None:
    """A cut or changed message is refused, or decoded to what asyncua decodes."""
    body = bytearray(publish_body([rows]))
    at = data.draw(st.integers(24, len(body) - 1))
    body[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(body), len(body), len(body) - 1, at]))
    cut = bytes(body[:end])
    try:
        truth = struct_from_binary(ua.PublishResponse, Buffer(cut)).Parameters
        expected = [
            (item.ClientHandle, item.Value.Value)
            for part in truth.NotificationMessage.NotificationData or []
            if isinstance(part, ua.DataChangeNotification)
            for item in part.MonitoredItems or []
        ]
    except Exception:
        return
    report = Answers().report(cut)
    found = [handle for part in report.changes for handle in part.handles.tolist()]
    assert found == [handle for handle, _ in expected]
    types = [kind for part in report.changes for kind in part.values.types.tolist()]
    assert [kind & 0x3F for kind in types] == [
        0 if variant is None else variant.VariantType.value for _, variant in expected
    ]
