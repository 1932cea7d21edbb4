"""Select, then operate: what may be written, once, and not late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from schemas.errors import DeviceTimeoutError, UnreachableError
from schemas.messages.writes import (
    MAX_WRITES,
    SELECT_S,
    OperateReply,
    OperateRequest,
    SelectReply,
    SelectRequest,
    WriteState,
    WriteValue,
)
from spoke.drivers import writer as writer_module
from spoke.drivers.base import RawResult, RawWrite
from spoke.drivers.writer import Writer
from tests.unit.spoke.fakes import FakeClock, device

RW = {"access": "rw"}


class Bench:
    """A writer on a driver that does what `answer` says."""

    def __init__(self, *tags: dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.turn = asyncio.Lock()
        self.written: list[list[Any]] = []
        self.answer: Any = None
        self.writer = Writer(device(*tags), self.clock, self.turn, self._write)

    async def _write(self, writes: Sequence[RawWrite]) -> list[RawResult]:
        self.written.append([item.value for item in writes])
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return [self.answer] * len(writes)
        return [RawResult(WriteState.WRITTEN, item.value) for item in writes]

    def select(self, *values: Any) -> SelectReply:
        wanted = tuple(WriteValue(number, value) for number, value in enumerate(values, 1))
        return self.writer.select(SelectRequest(9, wanted))

    async def operate(self, ticket: str) -> OperateReply:
        return await self.writer.operate(OperateRequest(9, ticket))

    async def write(self, *values: Any) -> OperateReply:
        selected = self.select(*values)
        assert selected.ticket, selected.problems
        return await self.operate(selected.ticket)


async def test_values_go_in_the_devices_numbers_and_come_back_in_the_tags_unit() -> None:
    bench = Bench(RW | {"data_type": "int16", "scale": 0.1, "offset": -40}, RW)
    reply = await bench.write(21.5, 0.1)
    assert bench.written == [[615, 0.1]]
    assert [item.state for item in reply.results] == [WriteState.VERIFIED] * 2
    assert reply.results[0].read_back == pytest.approx(21.5)


async def test_a_float32_that_reads_back_rounded_is_verified() -> None:
    bench = Bench(RW)
    bench.answer = RawResult(WriteState.WRITTEN, float(np.float32(0.1)))
    reply = await bench.write(0.1)
    assert reply.results[0].state is WriteState.VERIFIED


async def test_another_value_read_back_is_told() -> None:
    bench = Bench(RW)
    bench.answer = RawResult(WriteState.WRITTEN, 7.0)
    (result,) = (await bench.write(8.0)).results
    assert (result.state, result.read_back) == (WriteState.DIFFERS, 7.0)
    assert result.error is not None
    assert "PLC program" in result.error["hint"]


@pytest.mark.parametrize(
    ("tag", "value", "words"),
    [
        ({}, 1.0, "read-only"),
        (RW, True, "a number"),
        (RW, "12", "a number"),
        (RW, float("nan"), "a number"),
        (RW, 1e39, "a float32 can hold"),
        (RW | {"data_type": "int16"}, 1.5, "whole number"),
        (RW | {"data_type": "int16"}, 40000, "int16 can hold"),
        (RW | {"data_type": "int16", "scale": 0.1}, 4000, "int16 can hold"),
        (RW | {"data_type": "bcd16"}, 10000, "bcd16 can hold"),
        (RW | {"data_type": "bool"}, 1, "true or false"),
        (RW | {"data_type": "string"}, 5, "a text"),
        (RW | {"data_type": "string"}, "x" * 5000, "a text"),
        (RW | {"write_low": 10}, 9.99, "outside its write"),
        (RW | {"write_high": 90}, 91, "outside its write"),
        (RW | {"low": 0, "high": 50, "clamp": True, "write_high": 90}, 51, "outside its write"),
    ],
)
async def test_what_may_not_be_written_never_leaves(
    tag: dict[str, Any], value: Any, words: str
) -> None:
    """All or nothing: the good value beside it stays unwritten too."""
    bench = Bench(tag, RW)
    reply = bench.select(value, 1.0)
    assert reply.ticket == ""
    assert [problem["path"] for problem in reply.problems] == ["values.0"]
    assert words in reply.problems[0]["message"]
    assert bench.written == []


async def test_a_ticket_is_good_once() -> None:
    bench = Bench(RW)
    ticket = bench.select(1.0).ticket
    first, second = await asyncio.gather(bench.operate(ticket), bench.operate(ticket))
    assert len(bench.written) == 1
    assert {first.error is None, second.error is None} == {True, False}


async def test_a_ticket_that_a_link_held_back_writes_nothing() -> None:
    bench = Bench(RW)
    ticket = bench.select(1.0).ticket
    bench.clock.now += SELECT_S + 0.1
    reply = await bench.operate(ticket)
    assert reply.error is not None
    assert "too late" in reply.error["message"]
    assert bench.written == []


async def test_waiting_for_a_slow_scan_counts_as_late_too() -> None:
    bench = Bench(RW)
    ticket = bench.select(1.0).ticket
    await bench.turn.acquire()
    task = asyncio.ensure_future(bench.operate(ticket))
    await asyncio.sleep(0)
    bench.clock.now += SELECT_S + 0.1
    bench.turn.release()
    assert (await task).error is not None
    assert bench.written == []


async def test_who_waits_too_long_for_the_driver_hears_that_nothing_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer_module, "SELECT_S", 0.05)
    bench = Bench(RW)
    ticket = bench.select(1.0).ticket
    async with bench.turn, asyncio.timeout(2):  # a scan that does not end
        reply = await bench.operate(ticket)
    assert reply.error is not None
    assert reply.error["kind"] == "WriteRefusedError"
    assert bench.written == []
    assert (await bench.write(2.0)).error is None, "the turn is free again"


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (UnreachableError("Not connected."), WriteState.REFUSED),
        (DeviceTimeoutError("No answer."), WriteState.UNKNOWN),
        (ValueError("a defect"), WriteState.UNKNOWN),
    ],
)
async def test_a_write_that_fails_is_never_tried_again(
    failure: Exception, state: WriteState
) -> None:
    bench = Bench(RW, RW)
    bench.answer = failure
    reply = await bench.write(1.0, 2.0)
    assert [item.state for item in reply.results] == [state] * 2
    assert len(bench.written) == 1


async def test_tickets_and_values_are_bounded() -> None:
    bench = Bench(RW)
    assert bench.writer.select(SelectRequest(9, ())).error is not None
    many = (WriteValue(1, 1.0),) * (MAX_WRITES + 1)
    assert bench.writer.select(SelectRequest(9, many)).error is not None
    assert all(bench.select(1.0).ticket for _ in range(100))
    assert bench.select(1.0).error is not None
    bench.clock.now += SELECT_S + 1
    assert bench.select(1.0).ticket
