"""A scan group's plan: what each scan asks, how long that takes, and whether it fits the period."""

from __future__ import annotations

import math

from nicegui import ui

from hub.ui.components.badge import Badge
from hub.ui.words import count, duration, plural, rate, size
from schemas.messages.diagnosis import GroupDiagnosis

_TIGHT = 0.8
_NICE = (1, 2, 5)
_SHOWN = 200


def load(group: GroupDiagnosis) -> float:
    """Share of the period that a scan takes: as measured where it ran, else as predicted."""
    took = group.mean_ms or group.predicted_ms
    return took / group.period_ms if group.period_ms else 0.0


def verdict(group: GroupDiagnosis) -> tuple[str, str, str]:
    """(level of a badge, its words, what to do)."""
    if group.subscribed:
        return "ok", "Reported by the server", ""
    share = load(group)
    if not share:
        return "off", "Not measured yet", ""
    if share > 1:
        slower = _period(_nice_ms(group.period_ms * share / _TIGHT))
        text = (
            "A scan takes longer than the period, so scans are skipped. Set the period to "
            f"{slower} or more, move tags that change slowly to a slower scan group, or lay them "
            "side by side in the PLC so that fewer requests are needed."
        )
        return "bad", "Does not fit", text
    if share > _TIGHT:
        return "warn", "Tight", "A slow answer now and then will make it skip a scan."
    return "ok", "Fits", ""


def _nice_ms(least: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 … that is not less."""
    power: float = 10 ** math.floor(math.log10(max(least, 1)))
    return next((step * power for step in _NICE if step * power >= least), 10 * power)


def plan_words(group: GroupDiagnosis) -> str:
    """One sentence: how many requests, how often, how long."""
    if group.subscribed:
        return f"{plural(group.tags, 'tag')}: the server reports changes, nothing is asked."
    text = (
        f"{plural(group.tags, 'tag')} in {plural(group.request_count, 'request')} every "
        f"{_period(group.period_ms)}: {rate(group.requests_per_s)} requests/s."
    )
    if group.round_trip_ms:
        text += f" One takes {_ms(group.round_trip_ms)}, so a scan takes {_ms(group.predicted_ms)}."
    return text


class ScanPlan:
    """Draw once, `show` as often as there is news. `measured` adds what the scans really took."""

    def __init__(self, *, measured: bool = True) -> None:
        self._measured = measured
        self._requests: object = None
        with ui.element("div").classes("scan-plan"):
            with ui.element("div").classes("row"):
                self._name = ui.label().classes("scan-name")
                self._badge = Badge("off", "")
                ui.element("div").classes("grow")
                self._share = ui.label().classes("num")
            outer = ui.element("div").props('role=img aria-label="Scan time against the period"')
            with outer.classes("bar scan-bar") as self._bar:
                self._fill = ui.element("div")
                self._mark = ui.element("span").classes("scan-mark")
            self._level = ""
            self._words = ui.label()
            self._actual = ui.label().classes("muted")
            self._advice = ui.label().classes("advice")
            self._fold = ui.expansion().props("dense").classes("fold")

    def show(self, group: GroupDiagnosis) -> None:
        level, words, advice = verdict(group)
        share = load(group)
        self._name.set_text(f"Scan group {group.name}")
        self._badge.show(level, words)
        self._share.set_text(
            f"{_ms(group.mean_ms or group.predicted_ms)} of {_period(group.period_ms)}"
            if share
            else ""
        )
        self._bar.classes(add=level, remove=self._level if self._level != level else "")
        self._level = level
        self._bar.set_visibility(not group.subscribed)
        self._fill.style(f"width: {min(share, 1.0):.1%}")
        self._mark.set_visibility(share > 1)
        self._mark.style(f"left: {min(1 / share, 1.0) if share else 1.0:.1%}")
        self._words.set_text(plan_words(group))
        self._actual.set_text(actual_words(group))
        self._actual.set_visibility(self._measured and bool(group.scans))
        self._advice.set_text(advice)
        self._advice.set_visibility(bool(advice))
        self._list(group)

    def _list(self, group: GroupDiagnosis) -> None:
        """Drawn again only when the plan is another one."""
        self._fold.set_visibility(bool(group.requests))
        if group.requests == self._requests:
            return
        self._requests = group.requests
        total = sum(item.bytes for item in group.requests)
        self._fold.set_text(f"The requests of one scan ({size(total)})")
        self._fold.clear()
        with (
            self._fold,
            ui.element("div").classes("scroll"),
            ui.element("table").classes("plain-table"),
        ):
            with ui.element("thead"), ui.element("tr"):
                for title in ("Request", "Tags", "Bytes"):
                    with ui.element("th"):
                        ui.label(title)
            with ui.element("tbody"):
                for item in group.requests[:_SHOWN]:
                    with ui.element("tr"):
                        for text in (item.words, str(item.tags), str(item.bytes)):
                            with ui.element("td"):
                                ui.label(text)
        if group.request_count > len(group.requests):
            with self._fold:
                more = group.request_count - len(group.requests)
                ui.label(f"and {plural(more, 'request')} more").classes("muted")


def actual_words(group: GroupDiagnosis) -> str:
    text = (
        f"Measured: last {_ms(group.last_ms)}, mean {_ms(group.mean_ms)}, worst "
        f"{_ms(group.worst_ms)} of the last 100 scans. "
    )
    if group.skipped:
        share = group.skipped / max(group.scans + group.skipped, 1)
        return (
            text
            + f"{count(group.skipped)} of {count(group.scans + group.skipped)} scans "
            + (f"skipped ({share:.1%}).")
        )
    return text + f"{count(group.scans)} scans, none skipped."


def _ms(value: float) -> str:
    return f"{value:.1f} ms" if value < 10 else duration(value / 1000)


def _period(period_ms: float) -> str:
    return f"{period_ms:g} ms" if period_ms < 1000 else f"{period_ms / 1000:g} s"
