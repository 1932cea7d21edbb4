"""Event frames made of notifications, and the plan of a device's tags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from asyncua import ua

from schemas.config.devices import GroupConfig, ManifestDevice, ManifestTag
from schemas.config.drivers import OpcUaConfig
from schemas.errors import ProtocolError, SpindleError
from schemas.frames import Frame
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.clock import SystemClock
from spoke.drivers.base import GroupLayout, layouts
from spoke.drivers.opcua.answers import Changes
from spoke.drivers.opcua.planner import plan
from spoke.drivers.opcua.reports import Reporter
from spoke.drivers.opcua.values import from_data_values

NOW_NS = 1_800_000_000 * 10**9
NOW = datetime.fromtimestamp(1_800_000_000, UTC)


class FixedClock(SystemClock):
    def time_ns(self) -> int:
        return NOW_NS


def tag(number: int, address: str, kind: DataType, group: str = "normal") -> ManifestTag:
    return ManifestTag(id=number, name=address, address=address, data_type=kind, group=group)


GROUPS = layouts(
    ManifestDevice(
        id=1,
        name="device",
        connection=OpcUaConfig(endpoint="opc.tcp://127.0.0.1:4840"),
        groups=(GroupConfig(), GroupConfig(name="slow", period_ms=5000)),
        tags=(
            tag(5, "ns=2;s=A", DataType.INT16),
            tag(6, "ns=2;s=B", DataType.FLOAT32),
            tag(7, "ns=2;s=C", DataType.INT16),
            tag(8, "ns=2;s=D", DataType.INT16, "slow"),
            tag(9, "nsu=urn:gone;s=E", DataType.FLOAT32, "slow"),
        ),
    )
)


def value(number: float, variant: ua.VariantType, code: int = 0) -> ua.DataValue:
    return ua.DataValue(
        ua.Variant(number, variant), StatusCode=ua.StatusCode(code), SourceTimestamp=NOW
    )


class Made:
    """A reporter with what it emitted, by name of the group."""

    def __init__(self) -> None:
        self.problems: dict[int, SpindleError] = {}
        self.emitted: list[tuple[str, Frame]] = []
        self.plans, _ = plan(GROUPS, [])
        self.reporter = Reporter(GROUPS, self.plans, self.problems, FixedClock())
        self.reporter.emit_to(self._emit)
        self.handles = {item.tag.id: i for i, item in enumerate(self.reporter.items.all, 1)}

    def report(self, rows: Sequence[tuple[int, ua.DataValue]]) -> None:
        """(tag id, value)"""
        handles = np.array([self.handles[tag_id] for tag_id, _ in rows], np.uint32)
        self.reporter.report(Changes(handles, from_data_values([data for _, data in rows])))

    def _emit(self, layout: GroupLayout, frames: list[Frame]) -> None:
        self.emitted.extend((layout.name, frame) for frame in frames)


def test_the_plan_has_an_item_for_each_tag_with_a_node() -> None:
    plans, problems = plan(GROUPS, ["http://opcfoundation.org/UA/"])
    assert [[item.tag.id for item in found.items] for found in plans] == [[5, 7, 6], [8]]
    assert [list(found.indexes) for found in plans] == [[0, 1, 2], [3]]
    assert [found.homeless for found in plans] == [(), ((1, 0),)]
    assert [item.period_ms for found in plans for item in found.items] == [1000, 1000, 1000, 5000]
    assert set(problems) == {9}


def test_changes_become_one_event_frame_per_column() -> None:
    made = Made()
    int16, single = ua.VariantType.Int16, ua.VariantType.Float
    made.report(
        [
            (8, value(40, int16)),
            (5, value(1, int16)),
            (6, value(1.5, single)),
            (5, value(2, int16, 0x40000000)),
            (7, value(3, int16)),
        ]
    )
    assert [name for name, _ in made.emitted] == ["normal", "normal", "slow"]
    ints, floats, slow = (frame for _, frame in made.emitted)
    assert ints.tag_ids.tolist() == [5, 5, 7]
    assert ints.values.tolist() == [[1, 2, 3]]
    assert ints.wire == "<i2"
    assert ints.quality is not None
    assert ints.quality.tolist() == [[Quality.GOOD, Quality.UNCERTAIN, Quality.GOOD]]
    assert ints.times.tolist() == [NOW_NS]
    assert ints.source_times is not None
    assert ints.source_times.tolist() == [[NOW_NS] * 3]
    assert (floats.tag_ids.tolist(), floats.values.tolist()) == ([6], [[1.5]])
    assert floats.quality is None
    assert slow.tag_ids.tolist() == [8]


def test_a_tag_without_a_node_is_reported_bad() -> None:
    made = Made()
    made.reporter.refuse(made.plans)
    ((name, frame),) = made.emitted
    assert name == "slow"
    assert frame.tag_ids.tolist() == [9]
    assert np.isnan(frame.values).all()
    assert frame.quality is not None
    assert frame.quality.tolist() == [[Quality.BAD_CONFIG_ERROR]]


def test_an_overflow_is_kept_and_other_problems_end_with_the_next_good_value() -> None:
    made = Made()
    made.report([(5, value(1, ua.VariantType.Int16, 0x480))])
    made.report([(5, value(1.0, ua.VariantType.Double))])
    assert set(made.problems) == {5}
    assert "Double" in made.problems[5].message
    made.report([(5, value(1, ua.VariantType.Int16))])
    assert made.problems == {}
    assert set(made.reporter.lost) == {5}
    assert "Queue per tag" in made.reporter.lost[5].hint


def test_the_last_of_several_changes_in_a_report_tells_whether_a_tag_has_a_problem() -> None:
    made = Made()
    int16 = ua.VariantType.Int16
    made.report([(5, value(1, int16, 0x80000000)), (5, value(1, int16))])
    assert made.problems == {}
    made.report([(5, value(1, int16)), (5, value(1, int16, 0x80000000)), (7, value(1, int16))])
    assert set(made.problems) == {5}
    made.report([(7, value(1, int16))])
    assert set(made.problems) == {5}


def test_a_clock_that_cannot_be_right_is_flagged_and_named() -> None:
    made = Made()
    lost_battery = datetime(2000, 1, 1, 0, 0, 9, tzinfo=UTC)
    data = ua.DataValue(ua.Variant(3, ua.VariantType.Int16), SourceTimestamp=lost_battery)
    made.report([(5, data), (7, value(1, ua.VariantType.Int16))])
    ((_, frame),) = made.emitted
    assert frame.values.tolist() == [[3, 1]]
    assert frame.quality is not None
    assert frame.quality.tolist() == [[Quality.UNCERTAIN_CLOCK, Quality.GOOD]]
    assert frame.source_times is not None
    assert frame.source_times.tolist() == [[NOW_NS, NOW_NS]]
    assert set(made.problems) == {5}
    assert "2000-01-01 00:00:09 UTC" in made.problems[5].message
    assert "NTP" in made.problems[5].hint
    made.report([(5, value(4, ua.VariantType.Int16))])
    assert made.problems == {}


def test_a_handle_that_was_never_given_ends_the_connection() -> None:
    made = Made()
    for handle in (0, 5):
        data = from_data_values([value(1, ua.VariantType.Int16)])
        with pytest.raises(ProtocolError, match="never asked for"):
            made.reporter.report(Changes(np.array([handle], np.uint32), data))
    assert made.emitted == []


def test_a_scan_puts_every_value_at_its_tags_place() -> None:
    made = Made()
    int16 = ua.VariantType.Int16
    found = [value(1, int16), value(2, int16, 0x80340000), value(1.5, ua.VariantType.Float)]
    ints, floats = made.reporter.scan(made.plans[0], from_data_values(found))
    assert ints.tag_ids is GROUPS[0].columns[0].tag_ids
    assert ints.values.tolist() == [[1, 0]]
    assert ints.quality is not None
    assert ints.quality.tolist() == [[Quality.GOOD, Quality.BAD_CONFIG_ERROR]]
    assert floats.values.tolist() == [[1.5]]
    assert floats.quality is None
    assert floats.times.tolist() == [NOW_NS]
    assert floats.source_times is None
    assert set(made.problems) == {7}
    (slow, homeless) = made.reporter.scan(made.plans[1], from_data_values([value(9, int16)]))
    assert slow.values.tolist() == [[9]]
    assert homeless.quality is not None
    assert homeless.quality.tolist() == [[Quality.BAD_CONFIG_ERROR]]
