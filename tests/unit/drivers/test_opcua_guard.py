"""The guard in front of asyncua: whole chunks pass, nonsense ends the connection."""

from __future__ import annotations

import asyncio
import struct

import pytest

from spoke.drivers.opcua.guard import MAX_CHUNK_BYTES, ChunkGuard


class Inner(asyncio.Protocol):
    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)


class Transport(asyncio.Transport):
    aborted = False

    def abort(self) -> None:
        self.aborted = True


def chunk(body: bytes, kind: bytes = b"MSG") -> bytes:
    return struct.pack("<3scI", kind, b"F", 8 + len(body)) + body


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_chunks_arrive_whole_however_they_are_cut(step: int) -> None:
    sent = [chunk(b"a" * 5), chunk(b"", b"ACK"), chunk(b"b" * 300, b"OPN")]
    stream = b"".join(sent)
    inner, transport = Inner(), Transport()
    guard = ChunkGuard(inner, transport)
    for start in range(0, len(stream), step):
        guard.data_received(stream[start : start + step])
    assert inner.chunks == sent
    assert not transport.aborted


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<3scI", b"ACK", b"F", 2**31),
        struct.pack("<3scI", b"MSG", b"F", MAX_CHUNK_BYTES + 1),
        struct.pack("<3scI", b"MSG", b"F", 7),
        b"HTTP/1.1 400 Bad Request\r\n",
        bytes(range(256)),
    ],
)
def test_nonsense_ends_the_connection_and_keeps_nothing(data: bytes) -> None:
    inner, transport = Inner(), Transport()
    guard = ChunkGuard(inner, transport)
    guard.data_received(data)
    assert transport.aborted
    assert inner.chunks == []
    assert not guard._buffer
