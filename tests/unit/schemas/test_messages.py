"""Messages between hub and spoke: every one survives, old and new versions understand each other,
and wrong bytes are a FrameError."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import FrameError
from schemas.messages import codec, commands, health, ingest
from schemas.messages.codec import build, pack, read, unpack

KINDS = [
    kind
    for module in (commands, health, ingest)
    for _, kind in inspect.getmembers(module, dataclasses.is_dataclass)
    if kind.__module__ == module.__name__
]

SESSION = ingest.SessionStatus("line-1", "e1", 5, 6, 0.25, 7)
DEVICE = health.DeviceHealth(
    3, "waiting", {"kind": "UnreachableError"}, 1, 2, 3, 4, 5, 6, 7, {"9": {"message": "no"}}
)
EXAMPLES: list[Any] = [
    commands.ManifestRequest("line-1", 4, "0.1.0"),
    commands.TestRequest({"id": 1, "tags": [{"id": 2}]}),
    commands.TestReply({"kind": "x"}, 1.5, 2.5, ({"tag": "a", "value": None}, {"tag": "b"})),
    commands.WatchRequest((1, 2, 3), 5.0),
    DEVICE,
    health.StreamHealth("e1", created_ns=1, last_seq=4, hub_seq=5, bytes_per_s=7.5),
    health.SpokeHealth("line-1", "0.1", 1, 2, 3, (DEVICE, DEVICE), health.StreamHealth("e2")),
    SESSION,
    ingest.IngestStatus(1, 2.5, (SESSION, SESSION), "why"),
]


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda item: type(item).__name__)
def test_a_message_survives_the_wire(message: Any) -> None:
    found = read(type(message), pack(message))
    assert found == message
    assert type(found) is type(message)


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda item: type(item).__name__)
def test_keys_of_a_later_version_are_ignored(message: Any) -> None:
    fields = unpack(pack(message)) | {"new": {"deep": [1]}, "": 0}
    assert build(type(message), fields) == message


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_missing_keys_take_their_default_or_are_named(kind: type[Any]) -> None:
    needed = [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if not needed:
        assert build(kind, {}) == kind()
        return
    with pytest.raises(FrameError) as caught:
        build(kind, {})
    assert kind.__name__ in caught.value.message
    assert needed[0] in caught.value.message


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize(
    "wrong",
    [object(), [[]], {"a": {}}, "text", None, b"\xff"],
    ids=lambda item: type(item).__name__,
)
def test_a_field_of_the_wrong_type_never_gets_through(message: Any, wrong: Any) -> None:
    fields = unpack(pack(message))
    for name in fields:
        try:
            found = build(type(message), {**fields, name: wrong})
        except FrameError:
            continue
        before, after = getattr(message, name), getattr(found, name)
        allowed = (type(before), type(None), dict, bytes)
        assert isinstance(after, allowed), (name, after)


def test_nested_dataclasses_that_are_no_maps_are_refused() -> None:
    for sessions in (5, [5], ["a"], [[1]], {"a": 1}):
        with pytest.raises(FrameError):
            build(ingest.IngestStatus, {"time_ns": 1, "values_per_s": 1.0, "sessions": sessions})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x05",
        b"\x90",
        b"\xc1",
        b"\x81\x91\x01\x02",
        b"\x81\x80\x02",
        b"\x81\x05\x02",
        b"\x81\xa1a\xdd\xff\xff\xff\xff",
        b"\x81\xa1a\xdf\xff\xff\xff\xff",
        b"\x81\xa1a\xc6\xff\xff\xff\xff",
        b"\x81\xa1a\xd4\x01\x00",
        b"\x81\xa1a\xa1\xff",
        b"\x80\x80",
        b"\x81\xa1a" + b"\x91" * 100_000 + b"\x01",
    ],
    ids=range(14),
)
def test_hostile_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(data)


@given(st.binary(max_size=100))
@settings(max_examples=300, deadline=None)
def test_noise_is_a_frame_error_or_a_map(noise: bytes) -> None:
    try:
        assert isinstance(unpack(noise), dict)
    except FrameError:
        return


@pytest.mark.skipif(not hasattr(codec, "squeeze"), reason="codec.squeeze does not exist")
def test_a_squeezed_map_survives_and_a_broken_one_is_refused() -> None:
    message = {"tags": [{"name": f"tag {number}", "id": number} for number in range(1000)]}
    data = codec.squeeze(message)
    assert len(data) < len(msgpack.packb(message)) / 3
    assert codec.unsqueeze(data) == message
    for broken in (b"", data[:-1], data[:40], b"x" + data, b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 9):
        with pytest.raises(FrameError):
            codec.unsqueeze(broken)
