"""The ISO transport: packets in pieces, messages in pieces, and what no device should send."""

from __future__ import annotations

import asyncio

import pytest

from schemas.config.s7 import S7Family
from schemas.errors import ProtocolError, RefusedError, UnreachableError
from spoke.drivers.s7.iso import CC, DR, DT, EOT, IsoTransport, tpkt


class Wire(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.aborted = True


def opened() -> tuple[IsoTransport, Wire]:
    iso, wire = IsoTransport(S7Family.S7_300), Wire()
    iso.connection_made(wire)
    return iso, wire


def piece(data: bytes, *, last: bool) -> bytes:
    return tpkt(bytes((2, DT, EOT if last else 0)) + data)


async def test_the_handshake_as_the_documents_have_it() -> None:
    """RFC 1006 and X.224: length, CR, references, class 0, calling TSAP, called TSAP, size 1024."""
    iso, wire = opened()
    iso.data_received(tpkt(bytes((6, CC, 0, 1, 0, 2, 0))))
    await iso.handshake(0x0100, 0x0102)
    assert wire.written.hex(" ") == (
        "03 00 00 16 11 e0 00 00 00 01 00 c1 02 01 00 c2 02 01 02 c0 01 0a"
    )
    await iso.send_data(b"abc")
    assert wire.written.endswith(bytes.fromhex("0300000a02f080") + b"abc")


@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
async def test_any_cut_of_the_stream_gives_the_same_messages(step: int) -> None:
    iso, _ = opened()
    stream = piece(b"one", last=True) + piece(b"tw", last=False) + piece(b"o", last=True)
    for at in range(0, len(stream), step):
        iso.data_received(stream[at : at + step])
    assert [await iso.receive_data(), await iso.receive_data()] == [b"one", b"two"]


async def test_a_message_wakes_the_reader() -> None:
    iso, _ = opened()
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(iso.receive_data())
        await asyncio.sleep(0)
        iso.data_received(piece(b"late", last=True))
    assert reader.result() == b"late"


async def test_wrong_slot_is_a_refusal_with_advice() -> None:
    iso, _ = opened()
    iso.data_received(tpkt(bytes((6, DR, 0, 1, 0, 2, 3))))
    with pytest.raises(RefusedError, match="rack 1, slot 2") as caught:
        await iso.handshake(0x0100, 0x0122)
    assert "Check rack and slot" in caught.value.hint


async def test_another_protocol_is_told() -> None:
    iso, wire = opened()
    iso.data_received(b"SSH-2.0-OpenSSH_9.2\r\n")
    with pytest.raises(ProtocolError, match="no S7 packet"):
        await iso.handshake(0x0100, 0x0102)
    assert wire.aborted


async def test_the_end_of_the_connection() -> None:
    iso, _ = opened()
    iso.data_received(tpkt(bytes((6, DR, 0, 1, 0, 2, 0))))
    with pytest.raises(UnreachableError, match="ended"):
        await iso.receive_data()
    iso.connection_lost(ConnectionResetError("reset by peer"))
    with pytest.raises(UnreachableError, match="reset by peer"):
        await iso.receive_data()
    with pytest.raises(UnreachableError):
        await iso.send_data(b"x")


async def test_memory_is_bounded() -> None:
    iso, wire = opened()
    for _ in range(100):
        iso.data_received(piece(b"nobody asked", last=True))
    assert wire.aborted
    endless, _ = opened()
    for _ in range(10):
        endless.data_received(piece(bytes(8000), last=False))
    with pytest.raises(ProtocolError, match="without end"):
        await endless.receive_data()


async def test_closed_before_it_was_open() -> None:
    iso, wire = IsoTransport(S7Family.S7_300), Wire()
    with pytest.raises(UnreachableError):
        await iso.send_data(b"x")
    iso.abort()
    iso.connection_made(wire)
    assert wire.aborted
