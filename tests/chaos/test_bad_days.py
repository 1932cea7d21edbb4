"""Bad input and bad days through the running system: one clear sign each, nothing else stops."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from infra.local.stack import SPOKE
from schemas import subjects
from tests.chaos.plant import DEVICES, running_plant, until

pytestmark = pytest.mark.chaos


async def test_garbage_in_the_stream_a_frozen_database_and_a_dead_device(folder: Path) -> None:
    async with running_plant(folder) as plant:
        await plant.until_flowing()
        api = await plant.api()

        client = await plant._spoke_client()
        garbage = b"SP\x01\x01 this is no batch"
        await client.jetstream().publish(subjects.telemetry(SPOKE, "garbage"), garbage)
        await client.close()
        await plant.until_flowing()
        letters = await plant.sql("SELECT reason, payload FROM dead_letter")
        assert [bytes(letter["payload"]) for letter in letters] == [garbage]
        assert letters[0]["reason"]
        assert (await api.get("/dead-letters"))[0]["reason"] == letters[0]["reason"]

        postgres = plant.pid("postgres")
        backends = [postgres, *plant.postgres_backends()]
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            spoke = (folder / "log/spoke.log").read_text()
            await plant.until_buffer_grows(12)
        finally:
            for pid in reversed(backends):
                os.kill(pid, signal.SIGCONT)
        await plant.until_flowing()
        assert (folder / "log/spoke.log").read_text() == spoke, "the gateway must not notice"

        await plant.stack.programs["sim-s7"].hold()
        await until(lambda: plant.state_is("Conveyor", "waiting"), 20, "the device is waiting")
        before = await plant.scans()
        await until(lambda: plant.scanned(before, "Filler", 25), 30, "the filler reads on")
        after = await plant.scans()
        assert after["Filler"]["skipped"] - before["Filler"]["skipped"] <= 2
        conveyor = await plant.device("Conveyor")
        assert conveyor["health"]["error"]["hint"]
        bad = await plant.sql(
            "SELECT DISTINCT quality FROM samples WHERE device = 'Conveyor' AND quality < 64"
        )
        assert bad, "during the outage every tag is BAD with the reason"
        plant.stack.programs["sim-s7"].release()
        await until(lambda: plant.state_is("Conveyor", "running"), 20, "the device is back")

        assert {row["missing"] for row in await plant.ledger()} == {0}
        assert set(after) == set(DEVICES)
