"""PLCs fail as they do in plants: all drivers with the real runner, over a real network.

Every driver has the settings that a plant has: the defaults, also of the timeout.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import uvloop

from spoke.drivers.modbus import refusals
from spoke.drivers.s7 import scan
from tests.chaos.plc_fault_list import FAULTS
from tests.chaos.plc_faults import LIMIT_S, Outcome, run
from tests.chaos.plc_network import missing
from tests.chaos.plc_site import Worker

pytestmark = [pytest.mark.chaos, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

CASES = [(fault.name, driver) for fault in FAULTS for driver in fault.drivers]
NOTICED_S = {"modbus": 1.0, "s7": 1.0, "opcua": 1.5}
"""All is BAD a timeout and so much later. OPC UA: a second of logging out of a server that is gone,
and up to another timeout while the driver reads silent items (`vanished.py`) meanwhile."""
BUSY_S = 0.5
"""More, because the machine that tests has other things to do."""
GAP_S = 1.5
"""A call that blocked the worker would hold the neighbour up for a timeout, 2 s."""
Found = tuple[dict[tuple[str, str], Outcome], Worker]


@pytest.fixture(scope="module")
def found(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Found]:
    """Every fault that a selected test asks for; several at the same time."""
    wanted = {
        item.callspec.params["case"][0]
        for item in request.session.items
        if getattr(item, "callspec", None) and "case" in item.callspec.params
    }
    faults = [fault for fault in FAULTS if fault.name in wanted or not wanted]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refusals, "PROBE_EVERY_S", 3.0)  # 60 s: not in a test
        patch.setattr(scan, "PROBE_S", 3.0)
        outcomes, worker = uvloop.run(run(faults, tmp_path_factory.mktemp("plc")))
    yield {(outcome.fault.name, outcome.driver): outcome for outcome in outcomes}, worker
    print(table(outcomes))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_fault(found: Found, case: tuple[str, str]) -> None:
    outcome = found[0][case]
    disturbs, whole = bool(outcome.fault.qualities), "vanishes" not in case[0]
    assert not outcome.wrong, outcome.wrong[:5]
    assert not outcome.bad_others
    assert not outcome.good_while_away
    assert outcome.qualities <= outcome.fault.qualities
    assert bool(outcome.qualities) == disturbs
    if disturbs and whole:
        assert outcome.bad_s <= outcome.timeout_s + NOTICED_S[outcome.driver] + BUSY_S
    assert outcome.back_s <= LIMIT_S, outcome.error
    reconnects = disturbs and whole
    assert outcome.log == (["device.lost", "device.back"] if reconnects else [])
    assert (outcome.connects > 1) == reconnects
    assert outcome.neighbour_gap_s < GAP_S


def test_the_neighbour_goes_on_scanning(found: Found) -> None:
    """Over all faults: a single one is too short to tell a fault from a busy machine."""
    shares = [outcome.neighbour_scans for outcome in found[0].values()]
    assert sum(shares) / len(shares) > 0.9


def test_the_log_has_no_other_lines(found: Found) -> None:
    assert not found[1].lines.others


def table(outcomes: list[Outcome]) -> str:
    heads = ("fault", "driver", "BAD after (s)", "as", "GOOD again after (s)", "connects")
    heads += ("neighbour's scans", "its longest gap (s)")
    lines = ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for found in sorted(outcomes, key=lambda each: CASES.index((each.fault.name, each.driver))):
        as_what = ", ".join(str(code) for code in sorted(found.qualities))
        lines.append(
            f"| {found.fault.name} | {found.driver} | {found.bad_s:.2f} | {as_what} | "
            f"{found.back_s:.2f} | {found.connects} | {found.neighbour_scans:.3f} | "
            f"{found.neighbour_gap_s:.2f} |"
        )
    return "\n".join(lines)
