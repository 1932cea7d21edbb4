"""A few bytes of one gateway must not become gigabytes in the hub."""

from __future__ import annotations

import tracemalloc

import pytest

from schemas.errors import FrameError
from schemas.messages import commands
from schemas.messages.browsing import BrowseReply, DiscoverReply, Node
from schemas.messages.codec import MAX_PARTS, pack, read, unpack
from schemas.messages.diagnosis import DiagnoseReply
from schemas.messages.health import SpokeHealth
from schemas.messages.writes import OperateReply, SelectReply

HEALTH = {"spoke": "line-1", "version": "1", "time_ns": 1, "started_ns": 1, "revision": 1}
NIL, EMPTY_MAP, EMPTY_LIST = b"\xc0", b"\x80", b"\x90"
LISTS = [
    (BrowseReply, "nodes"),
    (DiscoverReply, "endpoints"),
    (DiagnoseReply, "groups"),
    (DiagnoseReply, "trace"),
    (commands.TestReply, "groups"),
    (commands.TestReply, "values"),
    (SelectReply, "problems"),
    (OperateReply, "results"),
    (SpokeHealth, "devices"),
    (SpokeHealth, "revision_errors"),
]


@pytest.mark.parametrize(("kind", "field"), LISTS)
@pytest.mark.parametrize("item", [NIL, EMPTY_MAP, EMPTY_LIST])
@pytest.mark.parametrize("count", [2_000_000, MAX_PARTS - 10])
def test_millions_of_wrong_items_are_one_error_and_little_memory(kind, field, item, count):
    extra = HEALTH if kind is SpokeHealth else {}
    head = pack(extra)[1:]
    body = bytes([0x81 + len(extra)]) + head + pack(field) + b"\xdd" + count.to_bytes(4, "big")
    body += item * count
    tracemalloc.start()
    try:
        if item == EMPTY_MAP and field in ("problems", "values", "revision_errors"):
            with_maps = count < MAX_PARTS  # maps of anything are right there
            if with_maps:
                read(kind, body)
            else:
                with pytest.raises(FrameError):
                    read(kind, body)
        else:
            with pytest.raises(FrameError):
                read(kind, body)
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()


def test_ten_thousand_nodes_pass():
    nodes = tuple(Node(f"ns=2;s=Line.Cell{n}", f"Cell{n}", False, "float32") for n in range(10_000))
    assert read(BrowseReply, pack(BrowseReply(nodes))).nodes == nodes


def test_a_manifest_is_not_limited():
    assert len(unpack(pack({"tags": [{}] * (MAX_PARTS + 1)}))["tags"]) == MAX_PARTS + 1
