"""A program of the local stack that ends: given up at its first start, never afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from infra.local import process
from infra.local.process import Program
from schemas.errors import StartError
from tests.servers import eventually


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_FIRST_RESTART_S", 0.01), ("_MAX_RESTART_S", 0.02)):
        monkeypatch.setattr(process, name, seconds)
    monkeypatch.setattr(process, "_STABLE_S", 0.3)


async def test_what_never_starts_is_given_up_in_its_own_words(tmp_path: Path) -> None:
    program = Program("x", ["/bin/sh", "-c", "echo Error: no disk; exit 1"], tmp_path / "log")
    await program.start()
    with pytest.raises(StartError, match="Error: no disk"):
        await program.keep()


async def test_what_has_run_well_once_is_tried_for_ever_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = f"test -e {tmp_path}/second && exit 2; touch {tmp_path}/second; sleep 0.5"
    program = Program("x", ["/bin/sh", "-c", script], tmp_path / "log")
    await program.start()
    keeping = asyncio.ensure_future(program.keep())
    await eventually(lambda: program.restarts > 2 * process._GIVE_UP)
    assert not keeping.done()
    keeping.cancel()
    await program.stop()
    assert (
        len(
            [
                item
                for item in caplog.records
                if item.levelname == "WARNING" and item.name == process.__name__
            ]
        )
        == 2
    )
