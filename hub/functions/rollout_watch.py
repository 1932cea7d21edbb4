"""What a look at the uses of a new version tells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub.function_records import Use
from hub.storage.rollout_rows import DeploymentRow

_SECOND_NS = 10**9
_ENDED = ("stopped", "refused")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to do. At most one of `take_back` and `give` is not empty."""

    row: DeploymentRow
    """As it is to be written."""
    take_back: tuple[int, ...] = ()
    give: tuple[int, ...] = ()


def looked(row: DeploymentRow, uses: Sequence[Use], now_ns: int, gap_s: float) -> Look:
    """The next step of a deployment.

    Time counts while every use that got the version is online and runs it, and at most `gap_s`
    since the look before: what nobody looked at does not count. A use that somebody has given
    another version meanwhile, or deleted, is nobody's concern any more.
    """
    given = row.canaries if row.state == "canary" else row.uses
    mine = [use for use in uses if use.device.id in given and use.version == row.version]
    elapsed_s = max(0.0, min(gap_s, (now_ns - row.looked_ns) / _SECOND_NS))
    row = replace(row, looked_ns=now_ns)
    faults = [(use, words) for use in mine if (words := fault_of(use))]
    if faults:
        use, words = faults[0]
        reason = f"{_named(use)}: {words}"
        row = replace(row, state="rolled-back", reason=reason)
        return Look(row, take_back=tuple(use.device.id for use in mine))
    if not mine:
        gone = "Nobody has this version any more: all were changed or deleted meanwhile."
        return Look(replace(row, state="cancelled", reason=gone))
    waits = [text for use in mine if (text := _waits(use))]
    if waits:
        more = f" and {len(waits) - _SHOWN} more" if len(waits) > _SHOWN else ""
        reason = f"The watch waits for {'; '.join(waits[:_SHOWN])}{more}."
        return Look(replace(row, reason=reason))
    row = replace(row, reason="", watched_s=row.watched_s + elapsed_s)
    if row.watched_s < row.watch_s:
        return Look(row)
    there = {use.device.id for use in uses}
    rest = tuple(i for i in row.uses if i not in row.canaries and i in there)
    if row.state == "canary" and rest:
        return Look(replace(row, state="watch", watched_s=0.0), give=rest)
    return Look(replace(row, state="done"))


def fault_of(use: Use) -> str:
    """The fault of the version that it is to run, in words; empty for none. What the gateway says
    of the version before is not its."""
    health = use.health
    if health is None or not use.version or health.version != use.version:
        return ""
    fault = health.fault or {}
    if fault.get("version") == use.version:
        line = fault.get("line")
        place = f"line {line}: " if isinstance(line, int) and line > 0 else ""
        return f"{place}{fault.get('message', '')} ({fault.get('kind', '')})"[:500]
    if health.state in _ENDED:
        return f"the gateway has {health.state} it"
    return ""


def _waits(use: Use) -> str:
    """Why the time of this use does not count; empty when it does."""
    name = _named(use)
    if not use.device.config.enabled:
        return ""  # it is switched off, and cannot fault
    if not use.online:
        return f"{name}, whose gateway is offline"
    health = use.health
    if health is None or health.version != use.version:
        return f"{name}, which does not run it yet"
    return "" if health.state == "running" else f"{name}, which is {health.state}"


def _named(use: Use) -> str:
    return f"{use.device.config.name} on {use.device.spoke}"
