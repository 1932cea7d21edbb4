"""Hands whole chunks to asyncua, and ends a connection whose chunks are none.

asyncua joins what it got with each packet and believes any length, so that a peer which claims
2 GB and trickles bytes would keep the whole worker busy. A chunk has a header of eight bytes: three
letters of type, one of finality, and its length as uint32 (OPC UA part 6, 7.1.2.2).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator

MAX_CHUNK_BYTES = 1024 * 1024
"""asyncua offers 64 kB as its receive buffer; servers that ignore it get some room."""
_HEADER = struct.Struct("<3scI")
_TYPES = frozenset((b"ACK", b"ERR", b"OPN", b"MSG", b"CLO"))


class ChunkGuard(asyncio.Protocol):
    """Stands between a transport and asyncua's protocol; take its place with `set_protocol`."""

    def __init__(self, inner: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self._inner = inner
        self._transport = transport
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            for chunk in self._chunks():
                self._inner.data_received(chunk)
        except ValueError:
            self._buffer.clear()
            self._transport.abort()

    def eof_received(self) -> bool | None:
        self._inner.eof_received()
        return None  # close

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def _chunks(self) -> Iterator[bytes]:
        """Every whole chunk so far. Raises ValueError for a header that cannot be one."""
        while len(self._buffer) >= _HEADER.size:
            kind, _, length = _HEADER.unpack_from(self._buffer)
            if kind not in _TYPES or not _HEADER.size <= length <= MAX_CHUNK_BYTES:
                raise ValueError(f"no chunk: {kind!r}, {length} bytes")
            if len(self._buffer) < length:
                return
            chunk = bytes(self._buffer[:length])
            del self._buffer[:length]
            yield chunk
