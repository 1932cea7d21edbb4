"""The owner of the worker processes, with programs that are not even workers."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from spoke.clock import SystemClock
from spoke.pipes import framed
from spoke.workers import Workers
from tests.servers import eventually
from tests.unit.spoke.fakes import device

REPORT = {"devices": [{"id": 9, "state": "running", "values": 5}, {"id": 8, "state": "running"}]}


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Workers]:
    """Workers whose worker is this shell script; it may send the file `report`."""

    def make(script: str) -> Workers:
        (tmp_path / "report").write_bytes(framed(REPORT))
        program = tmp_path / "worker.sh"
        program.write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        return Workers(1, SystemClock())

    return make


async def during(workers: Workers, look: Callable[[], object]) -> None:
    """Run them until `look` is true, then end them; none is left."""
    before = {child.pid for child in psutil.Process().children()}
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(workers.run())
        await eventually(look)
        task.cancel()
    assert workers.pids() == []
    assert {child.pid for child in psutil.Process().children()} <= before


async def test_what_a_worker_reports_is_known_while_it_lives(
    worker: Callable[[str], Workers],
) -> None:
    workers = worker("cat report; read rest")
    workers.apply((device({}),))
    found: list[int] = []

    def look() -> bool:
        found.extend(item.values for item in workers.devices())
        return bool(found)

    await during(workers, look)
    assert [item.id for item in workers.devices()] == [9], "8 is not in the manifest"
    assert set(found) == {5}


async def test_a_dead_worker_reports_nothing_and_is_started_again(
    worker: Callable[[str], Workers], caplog: pytest.LogCaptureFixture
) -> None:
    workers = worker("cat report; exit 7")
    workers.apply((device({}),))
    await during(workers, lambda: workers.restarts >= 2 and not workers.devices())
    assert "exit code 7" in caplog.text


async def test_a_worker_that_sends_garbage_is_ended_not_believed(
    worker: Callable[[str], Workers], caplog: pytest.LogCaptureFixture
) -> None:
    workers = worker("echo a library prints this here; exec sleep 60")
    await during(workers, lambda: workers.restarts >= 1)
    assert "worker.garbled" in {getattr(record, "action", "") for record in caplog.records}


async def test_a_worker_that_cannot_be_started_is_no_end_of_the_gateway(
    worker: Callable[[str], Workers], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workers = worker("exec sleep 60")
    right = sys.executable
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))

    def look() -> bool:
        if workers.restarts:
            monkeypatch.setattr(sys, "executable", right)
        return bool(workers.pids())

    monkeypatch.setattr("spoke.child._STOP_S", 0.2)  # `sleep` never looks at its input
    await during(workers, look)
    assert workers.restarts >= 1


async def test_a_worker_that_keeps_ending_is_one_warning(
    worker: Callable[[str], Workers],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("spoke.child._MAX_RESTART_S", 0.01)
    workers = worker("exit 7")
    await during(workers, lambda: workers.restarts >= 4)
    warnings = [
        record
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name == "spoke.child"
    ]
    assert len(warnings) == 1
