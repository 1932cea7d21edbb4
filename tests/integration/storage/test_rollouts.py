"""A version goes to some uses, then to all, or back: real services and SQL, a gateway of words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.functions import rollouts
from hub.functions.rollouts import SPINDLE
from hub.storage.config import ConfigStore
from schemas.errors import ConfigErrors, ConflictError, NotFoundError
from tests.integration.storage.plant_rollouts import SECOND, WHO, Plant
from tests.servers import eventually

FAULT = {"kind": "exception", "message": "ZeroDivisionError: no", "line": 14, "version": "1.1.0"}
OLD, NEW = "1.0.0", "1.1.0"


@pytest.fixture
async def plant(config: ConfigStore, tmp_path: Path) -> Plant:
    plant = Plant(config, tmp_path / "environments")
    await plant.build()
    return plant


async def test_canaries_first_then_the_rest_then_done(plant: Plant) -> None:
    begun = await plant.roll_out()
    assert (begun.state, begun.author, begun.canaries) == ("canary", "ada", (plant.uses[0],))
    assert begun.until_ns == plant.now_ns + 60 * SECOND
    assert await plant.versions() == [NEW, OLD, OLD, OLD]
    await plant.runs()
    assert (await plant.look(times=19)).state == "canary"
    assert await plant.versions() == [NEW, OLD, OLD, OLD]
    assert (await plant.look()).state == "watch"
    assert await plant.versions() == [NEW] * 4
    await plant.runs()
    assert (await plant.look(times=19)).state == "watch"
    done = await plant.look()
    assert (done.state, done.reason) == ("done", "")
    await plant.runs(fault=FAULT)
    assert (await plant.look()).state == "done"  # its watch is over; single uses have their own
    actions = [(row.who, row.action) for row in await plant.config.audits()]
    assert ("ada", "function.rollout") in actions
    assert ("spindle", "function.rollout.watch") in actions
    assert ("spindle", "function.rollout.done") in actions


async def test_a_fault_of_a_canary_takes_it_back_and_nobody_else_gets_it(plant: Plant) -> None:
    await plant.roll_out(share=0.5)
    await plant.runs()
    await plant.look(times=5)
    await plant.says(plant.uses[1], fault=FAULT, faults_ever=1)
    ended = await plant.look()
    assert ended.state == "rolled-back"
    assert ended.reason == ("twice 2 on line-1: line 14: ZeroDivisionError: no (exception)")
    assert await plant.versions() == [OLD] * 4
    entries = {(row.who, row.action) for row in await plant.config.audits()}
    assert ("spindle", "function.roll_back") in entries
    assert ("spindle", "function.rollout.rolled-back") in entries
    await plant.look(times=30)
    assert await plant.versions() == [OLD] * 4


async def test_a_fault_after_the_rest_has_it_takes_it_back_from_all(plant: Plant) -> None:
    await plant.roll_out(watch_s=6.0)
    await plant.runs()
    assert (await plant.look(times=2)).state == "watch"
    await plant.runs()
    await plant.says(plant.uses[3], state="stopped", fault=FAULT)
    assert (await plant.look()).state == "rolled-back"
    assert await plant.versions() == [OLD] * 4


async def test_faults_of_the_version_before_are_not_its(plant: Plant) -> None:
    await plant.says(plant.uses[0], fault={**FAULT, "version": OLD}, state="stopped")
    await plant.roll_out()
    assert (await plant.look()).state == "canary"  # the gateway has not changed yet
    await plant.runs(fault={**FAULT, "version": OLD}, faults_ever=9)
    assert (await plant.look()).state == "canary"


async def test_an_offline_canary_extends_the_watch(plant: Plant) -> None:
    await plant.roll_out(watch_s=12.0)
    await plant.runs()
    await plant.look(times=3)
    plant.gateways.away.add("line-1")
    waiting = await plant.look(times=20)
    assert waiting.state == "canary"
    assert "twice 1 on line-1, whose gateway is offline" in waiting.reason
    assert waiting.until_ns == plant.now_ns + 3 * SECOND
    plant.gateways.away.clear()
    assert (await plant.look()).state == "watch"


async def test_a_gateway_that_has_not_taken_it_yet_is_waited_for(plant: Plant) -> None:
    await plant.roll_out(watch_s=6.0)
    waiting = await plant.look(times=20)
    assert waiting.state == "canary"
    assert "does not run it yet" in waiting.reason
    await plant.runs(state="connecting")
    assert "which is connecting" in (await plant.look(times=5)).reason
    await plant.runs()
    assert (await plant.look(times=2)).state == "watch"


async def test_a_restart_of_the_hub_goes_on_where_it_was(plant: Plant) -> None:
    """Time that no hub looked at does not count."""
    await plant.roll_out(watch_s=30.0)
    await plant.runs()
    await plant.look(times=5)
    plant.rollouts = plant.hub()
    plant.now_ns += 3600 * SECOND
    assert (await plant.look()).state == "canary"
    assert (await plant.look(times=4)).state == "watch"


async def test_two_hubs_act_once(plant: Plant) -> None:
    await plant.roll_out(share=1.0)
    await plant.runs(fault=FAULT)
    plant.now_ns += 3 * SECOND
    await asyncio.gather(*(hub.look() for hub in (plant.hub(), plant.hub(), plant.rollouts)))
    assert await plant.versions() == [OLD] * 4
    audits = [row for row in await plant.config.audits() if row.who == "spindle"]
    assert [row.action for row in audits].count("function.roll_back") == 4
    assert [row.action for row in audits].count("function.rollout.rolled-back") == 1


async def test_cancel_leaves_those_that_have_it(plant: Plant) -> None:
    begun = await plant.roll_out(watch_s=3.0)
    await plant.rollouts.cancel(WHO, begun.id)
    await plant.runs()
    ended = await plant.look(times=5)
    assert (ended.state, ended.reason) == ("cancelled", "Cancelled by ada.")
    assert await plant.versions() == [NEW, OLD, OLD, OLD]
    for number in (begun.id, 99):
        with pytest.raises(NotFoundError):
            await plant.rollouts.cancel(WHO, number)


async def test_what_a_person_changes_meanwhile_stays(plant: Plant) -> None:
    await plant.roll_out(share=0.5, watch_s=6.0)
    await plant.runs()
    await plant.deployed.roll_back(WHO, plant.uses[0])
    await plant.runs()
    assert (await plant.look(times=2)).state == "watch"
    assert await plant.versions() == [OLD, NEW, NEW, NEW]
    await plant.runs(fault=FAULT)
    assert (await plant.look()).state == "rolled-back"
    assert await plant.versions() == [OLD] * 4


async def test_a_deployment_that_nobody_has_any_more_ends(plant: Plant) -> None:
    await plant.roll_out()
    await plant.deployed.roll_back(WHO, plant.uses[0])
    ended = await plant.look()
    assert ended.state == "cancelled"
    assert "Nobody has this version" in ended.reason


async def test_one_at_a_time_and_only_what_makes_sense(plant: Plant) -> None:
    for arguments, path in (
        ((plant.uses, 0.0, 60.0), "share"),
        ((plant.uses, 1.5, 60.0), "share"),
        ((plant.uses, 0.5, -1.0), "watch_s"),
        (([], 0.5, 60.0), "uses"),
        (([99_999], 0.5, 60.0), "uses"),
    ):
        with pytest.raises(ConfigErrors) as caught:
            await plant.rollouts.roll_out(WHO, "twice", NEW, *arguments)
        assert caught.value.problems[0].path == path
    with pytest.raises(ConfigErrors):
        await plant.rollouts.roll_out(WHO, "twice", "9.9.9", plant.uses, 0.5, 60.0)
    assert await plant.rollouts.deployments("twice") == []
    await plant.roll_out()
    with pytest.raises(ConflictError, match="on its way already"):
        await plant.roll_out()
    with pytest.raises(ConfigErrors, match="already"):
        await plant.rollouts.roll_out(WHO, "twice", NEW, plant.uses[:1], 0.5, 60.0)


async def test_online_uses_are_the_canaries(plant: Plant) -> None:
    plant.gateways.away.add("line-1")
    begun = await plant.roll_out(share=0.5)
    assert set(begun.canaries) == set(plant.uses[2:])


async def test_a_single_change_is_taken_back_by_a_fault_in_its_first_time(plant: Plant) -> None:
    first, second = plant.uses[:2]
    for device_id in (first, second):
        await plant.deployed.set_versions(WHO, {device_id: NEW}, "by hand")
    until_ns = (await plant.deployed.use(first)).trial_until_ns
    assert until_ns > 0
    plant.now_ns = until_ns - 60 * SECOND
    await plant.runs()
    await plant.rollouts.look()
    assert await plant.versions() == [NEW, NEW, OLD, OLD]
    await plant.says(first, fault=FAULT)
    await plant.rollouts.look()
    assert await plant.versions() == [OLD, NEW, OLD, OLD]
    audits = await plant.config.audits()
    assert (audits[0].who, audits[0].action) == (SPINDLE.name, "function.roll_back")
    plant.now_ns = until_ns + 60 * SECOND
    await plant.says(second, fault=FAULT)
    await plant.rollouts.look()
    assert await plant.versions() == [OLD, NEW, OLD, OLD]  # its first time is over


async def test_the_loop_survives_a_database_that_is_away_and_says_so_once(
    plant: Plant, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollouts, "LOOK_S", 0.02)
    caplog.set_level("INFO", "hub.functions.rollouts")
    await plant.roll_out(share=1.0)
    await plant.runs(fault=FAULT)
    async with plant.config.database.using() as conn:
        await conn.execute("ALTER TABLE deployment RENAME TO deployment_away")
        task = asyncio.create_task(plant.rollouts.run())
        try:
            await eventually(lambda: "not watched" in caplog.text)
            await asyncio.sleep(0.2)  # some more looks that fail
            await conn.execute("ALTER TABLE deployment_away RENAME TO deployment")
            await eventually(lambda: "rolled-back" in caplog.text)
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert await plant.versions() == [OLD] * 4
    assert caplog.text.count("not watched") == 1
    assert "watched again" in caplog.text
