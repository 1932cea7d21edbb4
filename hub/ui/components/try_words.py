"""A trial in words and as data for its chart. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.function_records import Curve, Trial
from hub.ui.words import NOTHING, count, duration
from schemas.kinds import Kind
from schemas.quality import is_good, words

_MS = 1_000_000
_LEVELS = {"alarm": "warn", "write": "info", "event": "info", "fault": "bad"}


def chart_data(trial: Trial, start_ns: int, end_ns: int) -> dict[str, Any]:
    """What try.js draws: curves with a number each, inputs first, and marks; times in ms. Where
    the data is shorter than the range the chart is, too."""
    curves = [("before", item) for item in trial.before] + [("after", item) for item in trial.after]
    marks = [
        {"t": item.time_ns // _MS, "level": "bad", "text": item.message}
        for item in trial.faults
        if item.time_ns
    ]
    marks += [
        {
            "t": int(item.get("time_ns", 0)) // _MS,
            "level": _LEVELS.get(str(item.get("kind")), "info"),
            "text": str(item.get("message", "")),
        }
        for item in trial.effects
    ]
    times = [time for _, item in curves for time in item.times_ns]
    return {
        "curves": [_curve(number, role, item) for number, (role, item) in enumerate(curves)],
        "marks": marks,
        "from": max(start_ns, min(times, default=start_ns)) // _MS,
        "to": min(end_ns, max(times, default=end_ns)) // _MS,
    }


def _curve(number: int, role: str, curve: Curve) -> dict[str, Any]:
    kind = kind_of(curve.values)
    lane = kind in (Kind.BOOL, Kind.TEXT)
    return {
        "id": number,
        "role": role,
        "port": curve.port,
        "name": curve.name,
        "unit": curve.unit,
        "kind": kind.value,
        "t": [time // _MS for time in curve.times_ns],
        "avg": [None] * len(curve.values) if lane else curve.values,
        "texts": [_text(value) for value in curve.values] if lane else None,
        "notes": {
            str(at): words(code) for at, code in enumerate(curve.quality) if not is_good(code)
        },
    }


def kind_of(values: Sequence[Any]) -> Kind:
    """By the first value that is one; a curve without any is drawn as numbers."""
    first = next((value for value in values if value is not None), 0.0)
    if isinstance(first, bool):
        return Kind.BOOL
    if isinstance(first, str):
        return Kind.TEXT
    return Kind.INT if isinstance(first, int) else Kind.FLOAT


def figures(trial: Trial) -> dict[str, str]:
    """Named numbers of a trial."""
    rate = trial.values / trial.seconds if trial.seconds > 0 else 0.0
    cost = f"{trial.cpu_s / trial.values * 1e6:.3g} s" if trial.values else NOTHING
    return {
        "Rows": count(trial.rows),
        "Values": count(trial.values),
        "Took": duration(trial.seconds),
        "Values per second": count(rate) if rate else NOTHING,
        "CPU per million values": cost,
    }


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
