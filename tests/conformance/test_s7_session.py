"""The session: several requests at a time, their references, and what a CPU says no to."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from schemas.config.s7 import S7Config, S7Family
from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    UnreachableError,
)
from schemas.kinds import DataType
from spoke.drivers.s7.addresses import Area
from spoke.drivers.s7.driver import S7Driver
from spoke.drivers.s7.messages import Request, read_request
from spoke.drivers.s7.session import REQUESTED_DEPTH, Session
from spoke.drivers.s7.simulator import S7Simulator
from spoke.drivers.sim.signals import Signal
from tests.fixtures.context import driver_context

SIGNALS = [
    Signal(f"w{i}", f"DB1.DBW{2 * i}", DataType.INT16, lambda _t, i=i: i)  # type: ignore[misc]
    for i in range(100)
]


@pytest.fixture
async def simulator() -> AsyncIterator[S7Simulator]:
    simulator = S7Simulator(SIGNALS, depth=3)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def session(simulator: S7Simulator) -> AsyncIterator[Session]:
    session = await opened(simulator.port)
    yield session
    session.abort()


async def opened(port: int, timeout_s: float = 2.0) -> Session:
    settings = S7Config(host="127.0.0.1", port=port, timeout_s=timeout_s)
    session = Session(settings, driver_context())
    await session.open()
    return session


def words(count: int) -> list[Request]:
    return [read_request(Area.DB, 1, 2 * i, 2) for i in range(count)]


def expected(count: int) -> list[bytes]:
    return [struct.pack(">h", i) for i in range(count)]


# --- several at a time ----------------------------------------------------------------------------


async def test_answers_are_in_the_order_of_the_requests(session: Session) -> None:
    assert session.depth == 3
    assert await session.exchange(words(100)) == expected(100)
    assert await session.exchange([]) == []
    assert session.stale_answers == 0


async def test_no_more_than_granted_is_outstanding() -> None:
    async with scripted(depth=3) as cpu:
        session = await opened(cpu.port)
        answers = asyncio.ensure_future(session.exchange(words(7)))
        await cpu.until(lambda: len(cpu.waiting) == 3)
        await asyncio.sleep(0.05)  # time for a fourth that must not come
        assert len(cpu.waiting) == 3
        cpu.answer(2)  # out of order
        await cpu.until(lambda: len(cpu.waiting) == 3)
        assert cpu.largest == 3
        while not answers.done():
            if cpu.waiting:
                cpu.answer(0)
            await asyncio.sleep(0)
        assert await answers == expected(7)
        session.abort()


async def test_the_reference_counts_over_its_end(session: Session) -> None:
    session._next_reference = 65_500
    for _ in range(3):
        assert await session.exchange(words(30)) == expected(30)


@pytest.mark.parametrize(("granted", "used"), [(0, 1), (1, 1), (5, 5), (100, REQUESTED_DEPTH)])
async def test_the_depth_is_what_the_cpu_grants(granted: int, used: int) -> None:
    async with scripted(depth=granted) as cpu:
        session = await opened(cpu.port)
        assert session.depth == used
        session.abort()


async def test_a_late_or_doubled_answer_is_never_taken_for_another() -> None:
    async with scripted(depth=1) as cpu:
        session = await opened(cpu.port)
        answers = asyncio.ensure_future(session.exchange(words(2)))
        await cpu.until(lambda: len(cpu.waiting) == 1)
        cpu.stray(reference=60_000, value=99)
        cpu.answer(0, twice=True)
        await cpu.until(lambda: len(cpu.waiting) == 1)
        cpu.answer(0)
        assert await answers == expected(2)
        assert session.stale_answers == 2
        session.abort()


async def test_the_timeout_is_per_answer(simulator: S7Simulator) -> None:
    session = await opened(simulator.port, timeout_s=0.3)
    simulator.faults.delay_s = 0.1
    assert await session.exchange(words(18)) == expected(18)  # six times 0.1 s
    simulator.faults.delay_s = 0.5
    with pytest.raises(DeviceTimeoutError, match=r"within 0\.3 s"):
        await session.exchange(words(1))
    with pytest.raises(DeviceTimeoutError):  # of no more use
        await session.exchange(words(1))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("33 03 0000 0001 0002 0006 0000 0401 ff040010 0000", "no S7 message"),
        ("32 03 0000 0001 0002", "without its header"),
        ("32 03 0000 0001 0002 0006 0000 0501 ff040010 0000", "something else"),
        ("32 03 0000 0001 0002 0006 0000 0401 ff040018 000000", "3 bytes instead of 2"),
        ("32 03 0000 0001 0002 0006 0000 0401 ff040010 00", "1 bytes instead of 2"),
        ("32 03 0000 0001 0002 0000 0000 0401", "something else"),
        ("32 03 0000 0001 0002 0001 0000 0401 ff", "without a length"),
    ],
)
async def test_bytes_that_are_no_answer(answer: str, message: str) -> None:
    async with scripted(depth=1) as cpu:
        session = await opened(cpu.port)
        running = asyncio.ensure_future(session.exchange(words(1)))
        await cpu.until(lambda: len(cpu.waiting) == 1)
        cpu.send(bytes.fromhex(answer))
        with pytest.raises(ProtocolError, match=message):
            await running
        assert session.lost is not None


# --- what a CPU says no to ------------------------------------------------------------------------


async def connect_error(simulator: S7Simulator, family: S7Family) -> DeviceError:
    driver = S7Driver(
        S7Config(host="127.0.0.1", port=simulator.port, family=family), driver_context()
    )
    with pytest.raises(DeviceError) as caught:
        await driver.connect([])
    await driver.close()
    return caught.value


@pytest.mark.parametrize(
    ("family", "message", "hint"),
    [
        (S7Family.S7_1500, "rack 0, slot 1", "rack 0, slot 1"),
        (S7Family.S7_300, "rack 0, slot 2", "S7-300: rack 0, slot 2"),
        (S7Family.S7_400, "rack 0, slot 3", "hardware configuration"),
        (S7Family.LOGO, "TSAP 20.00", "Tools > Ethernet Connections"),
        (S7Family.S7_200_SMART, "TSAP 03.00", "Micro/WIN SMART"),
    ],
)
async def test_a_wrong_slot(
    simulator: S7Simulator, family: S7Family, message: str, hint: str
) -> None:
    simulator.faults.refuse_session = True
    error = await connect_error(simulator, family)
    assert type(error) is RefusedError
    assert message in error.message
    assert hint in error.hint
    simulator.faults.refuse_session = False
    simulator.faults.drop = True
    error = await connect_error(simulator, family)
    assert type(error) is UnreachableError
    assert message in error.message
    assert hint in error.hint


async def test_no_connection_left(simulator: S7Simulator) -> None:
    simulator.faults.full = True
    error = await connect_error(simulator, S7Family.S7_1500)
    assert type(error) is UnreachableError  # it may pass: tried again soon
    assert "no connection left" in error.message
    assert "OP or basic" in error.hint
    assert "CPU > Properties > Connection resources" in error.hint


async def test_a_refused_negotiation(simulator: S7Simulator) -> None:
    simulator.faults.setup_error = 0x8302
    error = await connect_error(simulator, S7Family.S7_1500)
    assert type(error) is UnreachableError
    assert "refuses the session" in error.message
    assert "OP or basic" in error.hint


async def test_logo_and_smart_tsaps_are_asked_for(simulator: S7Simulator) -> None:
    for family, asked in (
        (S7Family.LOGO, (0x1000, 0x2000)),
        (S7Family.S7_200_SMART, (0x1000, 0x0300)),
        (S7Family.S7_1200, (0x0100, 0x0101)),
    ):
        settings = S7Config(host="127.0.0.1", port=simulator.port, family=family)
        driver = S7Driver(settings, driver_context())
        await driver.connect([])
        await driver.close()
        assert (simulator.calling_tsap, simulator.called_tsap) == asked


# --- a CPU that answers by hand -------------------------------------------------------------------


class Scripted:
    """Takes the handshake by itself; requests wait until the test answers them."""

    def __init__(self, depth: int) -> None:
        self.port = 0
        self.waiting: list[bytes] = []
        self.largest = 0
        self._depth = depth
        self._writer: asyncio.StreamWriter | None = None
        self.over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(4)
                body = await reader.readexactly(int.from_bytes(head[2:], "big") - 4)
                self._take(body)
        writer.close()
        self.over.set()

    def _take(self, body: bytes) -> None:
        assert self._writer is not None
        if body[1] == 0xE0:
            self._writer.write(bytes.fromhex("0300000b06d00001000200"))
        elif body[13] == 0xF0:
            grant = struct.pack(">BBHHH", 0xF0, 0, self._depth, self._depth, 480)
            self.send(b"\x32\x03\0\0" + body[7:9] + bytes.fromhex("000800000000") + grant)
        else:
            self.waiting.append(body)
            self.largest = max(self.largest, len(self.waiting))

    def answer(self, index: int, *, twice: bool = False) -> None:
        body = self.waiting.pop(index)
        value = (int.from_bytes(body[24:27], "big") >> 3) // 2
        reference = int.from_bytes(body[7:9], "big")
        for _ in range(2 if twice else 1):
            self.stray(reference, value)

    def stray(self, reference: int, value: int) -> None:
        head = struct.pack(">BBHHHHBB", 0x32, 3, 0, reference, 2, 6, 0, 0)
        self.send(head + bytes.fromhex("0401ff040010") + struct.pack(">h", value))

    def send(self, message: bytes) -> None:
        assert self._writer is not None
        self._writer.write(struct.pack(">BBH", 3, 0, len(message) + 7) + b"\x02\xf0\x80" + message)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110 - waits for the other side of a socket
                await asyncio.sleep(0.001)


@asynccontextmanager
async def scripted(depth: int) -> AsyncIterator[Scripted]:
    cpu = Scripted(depth)
    async with await asyncio.start_server(cpu.serve, "127.0.0.1", 0) as server:
        cpu.port = server.sockets[0].getsockname()[1]
        yield cpu
        async with asyncio.timeout(5):
            await cpu.over.wait()
