"""Versions on their way to uses, and those that arrived or were taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from hub.function_records import Deployment
from hub.records import Role
from hub.ui.components.badge import Badge
from hub.ui.notices import busy
from hub.ui.session import Session
from hub.ui.words import NS, clock, duration, now_ns, plural

RUNNING = ("canary", "watch")
_SHOWN = 5
_WORDS = {
    "canary": ("busy", "Canaries"),
    "watch": ("busy", "All, watching"),
    "done": ("ok", "Done"),
    "rolled-back": ("bad", "Rolled back"),
    "cancelled": ("off", "Cancelled"),
}


class Deployments:
    """`changed` is called after a cancel."""

    def __init__(self, session: Session, changed: Callable[[], Awaitable[None]]) -> None:
        self._session = session
        self._changed = changed
        self._shown: list[Deployment] | None = None
        self._left: list[tuple[Deployment, ui.label, ui.element]] = []
        with ui.element("section").classes("panel").mark("deployments") as self._panel:
            with ui.element("div").classes("panel-head"):
                ui.html("Rollouts", tag="h2", sanitize=False)
            self._list = ui.element("div").props("aria-live=polite")
        self._panel.set_visibility(False)

    def show(self, found: Sequence[Deployment]) -> None:
        """Newest first. Only what ticks is updated while nothing else changes."""
        wanted = list(found[:_SHOWN])
        if self._shown is None or [_key(i) for i in wanted] != [_key(i) for i in self._shown]:
            self._draw(wanted)
        self._shown = wanted
        by_id = {item.id: item for item in wanted}
        for item, label, bar in self._left:
            _tick(by_id[item.id], label, bar)

    def _draw(self, found: Sequence[Deployment]) -> None:
        self._panel.set_visibility(bool(found))
        self._list.clear()
        self._left = []
        with self._list:
            for item in found:
                self._one(item)

    def _one(self, item: Deployment) -> None:
        level, word = _WORDS.get(item.state, ("info", item.state))
        with ui.element("article").classes("problem"):
            with ui.element("div").classes("problem-head"):
                Badge(level, word)
                ui.label(f"Version {item.version}")
                ui.label(f"{item.author}, {clock(item.created_ns)}").classes("muted")
                ui.element("div").classes("grow")
                if item.state in RUNNING and self._session.can(Role.ENGINEER):
                    self._cancel_button(item)
            ui.label(_progress(item))
            if item.reason:
                ui.label(item.reason).classes("hint")
            if item.state in RUNNING:
                with ui.element("div").classes("bar").props("role=progressbar") as bar:
                    ui.element("div")
                self._left.append((item, ui.label().classes("muted num"), bar))

    def _cancel_button(self, item: Deployment) -> None:
        button = ui.button("Cancel rollout", icon="close", color=None).props("outline dense")

        async def work() -> None:
            who = await self._session.who(Role.ENGINEER)
            await self._session.services.functions.cancel(who, item.id)
            await self._changed()

        button.props('title="Those that have it keep it; no more uses get it."')
        button.on_click(lambda: busy(button, work))


def _key(item: Deployment) -> tuple[object, ...]:
    return item.id, item.state, item.reason, item.canaries, item.uses


def _progress(item: Deployment) -> str:
    canaries, all_uses = len(item.canaries), len(item.uses)
    if item.state == "canary":
        rest = plural(all_uses - canaries, "use")
        return f"{canaries} of {plural(all_uses, 'use')} have it; then {rest} more."
    if item.state == "watch":
        return f"{_all(all_uses)} it, and {'is' if all_uses == 1 else 'are'} watched."
    if item.state == "done":
        return f"{_all(all_uses)} it."
    if item.state == "rolled-back":
        return f"It was taken back from {plural(all_uses, 'use')}."
    return "No more uses get it; those that have it keep it."


def _all(number: int) -> str:
    return "The one use has" if number == 1 else f"All {number} uses have"


def _tick(item: Deployment, label: ui.label, bar: ui.element) -> None:
    """Time left, and the share of the watch that is over; it stands still while a use is away."""
    left_s = max(0.0, (item.until_ns - now_ns()) / NS)
    whole_s = max(1e-9, (item.until_ns - item.created_ns) / NS)
    share = min(1.0, max(0.0, 1 - left_s / whole_s))
    label.set_text(f"{duration(left_s)} left without a fault" if left_s else "Looking …")
    bar.props(f"aria-valuenow={share * 100:.0f} aria-valuemin=0 aria-valuemax=100")
    next(iter(bar.default_slot.children)).style(f"width: {share:.1%}")
