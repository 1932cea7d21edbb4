"""What a driver would plan and see, from a device's configuration and the time."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.config.devices import DeviceConfig, GroupConfig, TagConfig
from schemas.config.opcua import OpcUaMode
from schemas.messages.diagnosis import TRACE_LENGTH, Exchange, GroupDiagnosis, PlannedRequest
from tests.fakes.clock import NS, now_ns

_EVERY_NS = NS // 4


def plan(
    config: DeviceConfig, tags: Sequence[TagConfig], *, running: bool, scanned: bool = True
) -> tuple[GroupDiagnosis, ...]:
    """25 tags a request; a round trip of 6 ms, or 31 ms where the host ends in .14."""
    found = []
    for group in config.groups:
        mine = [tag for tag in tags if tag.group == group.name]
        if mine:
            found.append(_group(config, group, mine, running=running, scanned=running and scanned))
    return tuple(found)


def _group(
    config: DeviceConfig,
    group: GroupConfig,
    tags: list[TagConfig],
    *,
    running: bool,
    scanned: bool,
) -> GroupDiagnosis:
    subscribed = getattr(config.connection, "mode", None) is OpcUaMode.SUBSCRIBE
    slow = getattr(config.connection, "host", "").endswith(".14")
    trip = 31.0 if slow else 6.0
    parts = [tags[i : i + (3 if slow else 25)] for i in range(0, len(tags), 3 if slow else 25)]
    requests = tuple(
        PlannedRequest(f"{part[0].address} to {part[-1].address}", len(part), 4 * len(part))
        for part in parts
    )
    count = 0 if subscribed else len(requests)
    took = trip * count
    scans = (now_ns() // NS % 100_000) * 1000 // group.period_ms if scanned else 0
    return GroupDiagnosis(
        name=group.name,
        period_ms=group.period_ms,
        tags=len(tags),
        subscribed=subscribed,
        requests=() if subscribed else requests,
        request_count=count,
        requests_per_s=count * 1000 / group.period_ms,
        round_trip_ms=trip if running else 0.0,
        predicted_ms=took if running else 0.0,
        last_ms=took * 1.02 if scanned else 0.0,
        mean_ms=took * 0.98 if scanned else 0.0,
        worst_ms=took * 1.9 if scanned else 0.0,
        scans=scans,
        skipped=scans // 3 if took > group.period_ms else 0,
    )


def trace(
    groups: Sequence[GroupDiagnosis], start: int, end: int, *, running: bool
) -> tuple[Exchange, ...]:
    """One exchange each 250 ms since the trace was switched on."""
    asked = [request.words for group in groups for request in group.requests] or ["publish"]
    number = max(0, (end - start) // _EVERY_NS)
    found = []
    for index in range(max(0, number - TRACE_LENGTH), number):
        good = running and index % 7 != 6
        answer = "12 values, 24 bytes" if good else "exception 2: illegal data address"
        if not running:
            answer = "no answer within 2 s"
        found.append(
            Exchange(
                start + index * _EVERY_NS,
                6.1 + index % 5 if running else 2000.0,
                f"read {asked[index % len(asked)]}",
                answer,
                good,
                f"{index:04x} 0000 0006 01 03 0000 000c",
                f"{index:04x} 0000 001b 01 03 18 43f0 0000 43f1" if good else "",
            )
        )
    return tuple(found)
