"""Event frames made of notifications, and the plan of a device's tags."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from asyncua import ua

from schemas.config.devices import GroupConfig, ManifestDevice, ManifestTag
from schemas.config.drivers import OpcUaConfig
from schemas.errors import SpindleError
from schemas.frames import Frame
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.clock import SystemClock
from spoke.drivers.base import GroupLayout, layouts
from spoke.drivers.opcua.planner import plan
from spoke.drivers.opcua.reports import Reporter

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


def make() -> tuple[Reporter, dict[int, SpindleError], list[tuple[str, Frame]]]:
    problems: dict[int, SpindleError] = {}
    emitted: list[tuple[str, Frame]] = []

    def emit(layout: GroupLayout, frames: list[Frame]) -> None:
        emitted.extend((layout.name, frame) for frame in frames)

    return Reporter(GROUPS, problems, emit, FixedClock()), problems, emitted


def test_the_plan_has_an_item_for_each_tag_with_a_node() -> None:
    plans, problems = plan(GROUPS, ["http://opcfoundation.org/UA/"])
    assert [[item.rule.tag.id for item in found.items] for found in plans] == [[5, 7, 6], [8]]
    assert [found.homeless for found in plans] == [(), ((1, 0),)]
    assert [item.period_ms for found in plans for item in found.items] == [1000, 1000, 1000, 5000]
    assert set(problems) == {9}


def test_changes_become_one_event_frame_per_column() -> None:
    reporter, _, emitted = make()
    plans, _ = plan(GROUPS, [])
    (a, c, b), (d,) = (found.items for found in plans)
    int16, single = ua.VariantType.Int16, ua.VariantType.Float
    reporter.report(
        [
            (d, value(40, int16)),
            (a, value(1, int16)),
            (b, value(1.5, single)),
            (a, value(2, int16, 0x40000000)),
            (c, value(3, int16)),
        ]
    )
    assert [name for name, _ in emitted] == ["normal", "normal", "slow"]
    ints, floats, slow = (frame for _, frame in emitted)
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
    reporter, _, emitted = make()
    plans, _ = plan(GROUPS, [])
    reporter.refuse(plans)
    ((name, frame),) = emitted
    assert name == "slow"
    assert frame.tag_ids.tolist() == [9]
    assert np.isnan(frame.values).all()
    assert frame.quality is not None
    assert frame.quality.tolist() == [[Quality.BAD_CONFIG_ERROR]]


def test_an_overflow_is_kept_and_other_problems_end_with_the_next_good_value() -> None:
    reporter, problems, _ = make()
    (item, *_), _ = (found.items for found in plan(GROUPS, [])[0])
    reporter.report([(item, value(1, ua.VariantType.Int16, 0x480))])
    reporter.report([(item, value(1.0, ua.VariantType.Double))])
    assert set(problems) == {5}
    reporter.report([(item, value(1, ua.VariantType.Int16))])
    assert problems == {}
    assert set(reporter.lost) == {5}
    assert "Queue per tag" in reporter.lost[5].hint
