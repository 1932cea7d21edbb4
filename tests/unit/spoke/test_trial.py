"""The registry of drivers, and the test of a connection."""

from __future__ import annotations

import pytest

from schemas.errors import ConfigError, TagReadError, UnreachableError
from spoke.drivers import registry
from spoke.drivers.base import DriverSpec
from spoke.drivers.trial import try_device
from tests.fixtures.context import driver_context
from tests.unit.spoke.fakes import FakeClock, FakeDriver, FakePlant, device


# --- registry and trial -----------------------------------------------------------------------
@pytest.mark.parametrize("name", ["modbus", "s7", "opcua", "sim"])
def test_our_drivers_are_found(name: str) -> None:
    spec = registry.driver(name)
    assert isinstance(spec, DriverSpec)
    assert spec.name == name


def test_a_missing_driver_teaches() -> None:
    with pytest.raises(ConfigError, match="no driver 'acme'") as caught:
        registry.driver("acme")
    assert "Install" in caught.value.hint


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> FakePlant:
    return FakePlant(monkeypatch, FakeClock(), FakeDriver)


async def test_a_trial_reads_each_tag_once_in_the_order_of_the_device(plant: FakePlant) -> None:
    found = device({}, {"data_type": "string"}, {}, groups=[{"name": "normal"}])
    reply = await try_device(found, driver_context(plant.clock))
    assert reply.error is None
    assert [row["tag"] for row in reply.values] == ["t0", "t1", "t2"]
    assert {row["words"] for row in reply.values} == {"good"}
    assert plant.drivers[0].closed == 1
    assert plant.reads == ["normal", "normal"]  # the second one is for its time
    assert reply.groups[0].tags == 3


@pytest.mark.parametrize("step", ["connect", "read"])
@pytest.mark.parametrize("error", [UnreachableError("Gone."), ValueError("a defect")])
async def test_a_trial_never_raises(plant: FakePlant, step: str, error: Exception) -> None:
    plant.always[step] = error
    plant.always["close"] = RuntimeError("also broken")
    reply = await try_device(device({}), driver_context(plant.clock))
    assert reply.error is not None
    assert str(error) in reply.error["message"]
    assert plant.drivers[0].closed == 1


async def test_a_trial_names_the_problem_of_a_single_tag(plant: FakePlant) -> None:
    async def one_bad() -> None:
        plant.drivers[0].problems = {1: TagReadError("No such register.")}

    plant.always["read"] = one_bad
    reply = await try_device(device({}, {}), driver_context(plant.clock))
    assert reply.values[0]["problem"]["message"] == "No such register."
    assert reply.values[1]["problem"] is None
