"""How a use does, at a glance: six figures, and its trouble in words with what to do."""

from __future__ import annotations

from nicegui import ui

from hub.function_records import Use
from hub.ui.components.badge import ICONS
from hub.ui.components.function_faults import fault_article
from hub.ui.components.function_rates import Rate
from hub.ui.components.function_state import use_trouble
from hub.ui.components.function_words import contained_words, function_of, state_of, use_badge
from hub.ui.words import NOTHING, age, clock, count, duration, now_ns, plural, rate

_LAG_S = 30.0
_OFFLINE = "What it works on meanwhile waits on the gateway's disk; nothing is lost."


class UseHead:
    """Update with `show`."""

    def __init__(self) -> None:
        self._fault: object = None
        self._trial = ui.element("div").classes("callout info").props("role=status")
        with self._trial:
            self._trial_text = ui.label()
        with ui.element("div").classes("callout bad").props("role=status") as self._box:
            self._message = ui.label().classes("use-trouble")
            self._hint = ui.label().classes("hint")
            self._place = ui.element("div").classes("use-fault")
        with ui.element("div").classes("tiles use-tiles"):
            self._tiles = [
                _Figure(title)
                for title in ("State", "CPU", "Values", "Slowest batch", "Delay", "Faults")
            ]
        self._contained = ui.label().classes("muted contained")

    def show(self, use: Use, rate_now: Rate) -> None:
        self._show_trouble(use)
        left = use.trial_until_ns > now_ns() and bool(use.previous)
        self._trial.set_visibility(left)
        if left:
            self._trial_text.set_text(
                f"Version {use.version} is new here: until {clock(use.trial_until_ns)} a fault "
                f"takes it back to {use.previous} by itself."
            )
        for tile, shown in zip(self._tiles, figures(use, rate_now), strict=True):
            tile.show(*shown)
        config = function_of(use)
        self._contained.set_text(contained_words(use.health, built_in=config.built_in))

    def _show_trouble(self, use: Use) -> None:
        health, enabled = use.health, use.device.config.enabled
        message, hint = use_trouble(health) if health else ("", "")
        fault = (health.fault or None) if health and message else None
        if not use.online:
            message, hint, fault = f"The gateway {use.device.spoke} is offline.", _OFFLINE, None
        elif message:
            message = _title(use)
        self._box.set_visibility(bool(message) and enabled)
        bad, warn = ("bad", "warn") if state_of(use) == "stopped" else ("warn", "bad")
        self._box.classes(add=bad, remove=warn)
        self._message.set_text(message)
        self._hint.set_text(hint)
        if fault != self._fault:
            self._fault = fault
            self._place.clear()
            if fault:
                with self._place:
                    fault_article(fault)


def _title(use: Use) -> str:
    assert use.health is not None
    if use.health.state == "stopped":
        return f"Stopped {age(use.health.since_ns)}, after too many faults."
    return f"{plural(use.health.faults, 'fault')} in the last ten minutes. The last one:"


def figures(use: Use, rate_now: Rate) -> list[tuple[str, str, str]]:
    """(level, value, note) of state, CPU, values, slowest batch, delay, faults."""
    level, word = use_badge(use)
    health = use.health if use.online else None
    if health is None or state_of(use) != "running":
        since = f"since {_age(health.since_ns)}" if health else ""
        none = ("off", NOTHING, "")
        ever = _faults(use)
        return [(level, word.removesuffix(", faults"), since), none, none, none, none, ever]
    limits = function_of(use).limits
    built_in = function_of(use).built_in
    cpu_high = not built_in and rate_now.cpu_percent > 0.8 * limits.cpu_percent
    slow = not built_in and health.slowest_s > 0.8 * limits.batch_s
    of_cpu = "of one core" if built_in else f"of one core, limit {limits.cpu_percent:g} %"
    of_batch = "" if built_in else f"limit {duration(limits.batch_s)}"
    late = f"{count(health.late)} rows came too late" if health.late else "of the newest value"
    return [
        (level, word.removesuffix(", faults"), f"since {_age(health.since_ns)}"),
        ("warn" if cpu_high else "ok", f"{rate_now.cpu_percent:.1f} %", of_cpu),
        ("ok", f"{rate(rate_now.values_in)} /s", f"in; {rate(rate_now.values_out)} /s out"),
        ("warn" if slow else "ok", duration(health.slowest_s), of_batch),
        ("warn" if health.lag_s > _LAG_S else "ok", duration(health.lag_s), late),
        _faults(use),
    ]


def _age(since_ns: int) -> str:
    return age(since_ns).removesuffix(" ago")


def _faults(use: Use) -> tuple[str, str, str]:
    if use.health is None or not use.online:
        return "off", NOTHING, ""
    faults, ever = use.health.faults, use.health.faults_ever
    level = "bad" if use.health.state == "stopped" else "warn" if faults else "ok"
    return level, count(faults), f"in ten minutes; {count(ever)} since its start"


class _Figure:
    """A tile that leads nowhere."""

    def __init__(self, title: str) -> None:
        with ui.element("div").classes("tile still") as self._tile:
            with ui.element("div").classes("tile-title"):
                ui.label(title)
                self._icon = ui.icon(ICONS["busy"]).props("aria-hidden=true")
            self._value = ui.label("…").classes("tile-value")
            self._note = ui.label().classes("tile-note")
        self._level = ""

    def show(self, level: str, value: str, note: str) -> None:
        if level != self._level:
            self._tile.classes(add=level, remove=self._level)
            self._icon.set_name(ICONS[level])
            self._level = level
        self._value.set_text(value)
        self._note.set_text(note)
