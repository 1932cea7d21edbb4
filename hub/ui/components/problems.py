"""Everything that is wrong now, each with what to do and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui

from hub.records import Device, Spoke, System
from hub.ui.components.badge import Badge
from hub.ui.words import STATE_WORDS, age, device_state, plural

_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Problem:
    level: str
    state: str
    title: str
    target: str
    message: str
    hint: str
    since_ns: int = 0


def problems_of(
    system: System, spokes: Sequence[Spoke], devices: Sequence[Device]
) -> list[Problem]:
    """The hub's own servers first, then gateways, then devices."""
    found = []
    if not system.database_ok:
        hint = "Nothing is lost: the data waits in the streams. Check the database server."
        found.append(
            Problem(
                "bad", "Down", "Database", "/system", system.database_error or "No answer", hint
            )
        )
    elif not system.ingest_ok:
        hint = "Nothing is lost: the data waits in the streams. See that spindle-hub ingest runs."
        found.append(Problem("bad", "Waits", "Ingest", "/system", system.ingest_error, hint))
    if not system.nats_ok:
        hint = "Gateways keep buffering on disk. Check that the hub's nats-server runs."
        found.append(Problem("bad", "Down", "NATS", "/system", "No connection to NATS.", hint))
    for spoke in spokes:
        if not spoke.online:
            found.append(_offline(spoke))
        found.extend(_refused_revision(spoke))
    online = {spoke.id for spoke in spokes if spoke.online}
    for device in devices:
        found.extend(_device_problem(device, device.spoke_id in online))
    return found


def _offline(spoke: Spoke) -> Problem:
    target = f"/gateways/{spoke.id}"
    if spoke.last_seen_ns <= 0:
        hint = "Put its credentials file on the gateway and start spindle-spoke there."
        return Problem(
            "warn", "Not connected yet", spoke.name, target, "Waits for its start.", hint
        )
    message = f"The gateway does not answer; {plural(spoke.devices, 'device')} behind it."
    hint = "It keeps reading and buffers on disk. Check power and link."
    return Problem("bad", "Offline", spoke.name, target, message, hint, spoke.last_seen_ns)


def _refused_revision(spoke: Spoke) -> list[Problem]:
    if spoke.health is None or not spoke.health.revision_errors:
        return []
    first = spoke.health.revision_errors[0]
    text = f"Revision {spoke.revision} was refused: {first.get('message', '')}"
    hint = f"Revision {spoke.applied_revision} runs on. {first.get('hint', '')}"
    return [Problem("bad", "Refused", spoke.name, f"/gateways/{spoke.id}", text, hint)]


def _device_problem(device: Device, online: bool) -> list[Problem]:
    state = device_state(device.health, device.config.enabled, online)
    health = device.health
    target = f"/devices/{device.id}"
    title = f"{device.config.name} ({device.spoke})"
    if health is None or state in ("off", "unknown"):
        return []
    if state != "running" and health.error:
        error = health.error
        message, hint = str(error.get("message", "")), str(error.get("hint", ""))
        return [Problem("bad", STATE_WORDS[state], title, target, message, hint, health.since_ns)]
    if health.tag_problems:
        first = next(iter(health.tag_problems.values()))
        text = f"{plural(len(health.tag_problems), 'tag')} without a value: "
        text += str(first.get("message", ""))
        return [Problem("warn", "Tags", title, target, text, str(first.get("hint", "")))]
    return []


class ProblemList:
    """Redrawn only when something changed, so that a reader keeps the place."""

    def __init__(self) -> None:
        with ui.element("section").classes("panel"):
            with ui.element("div").classes("panel-head"):
                ui.html("Problems", tag="h2", sanitize=False)
                self._number = ui.label().classes("muted")
            self._list = ui.element("div")
        self._shown: list[Problem] | None = None
        self._ages: list[tuple[ui.label, int]] = []

    def show(self, problems: list[Problem]) -> None:
        if problems != self._shown:
            self._shown = problems
            self._draw(problems)
        for label, since_ns in self._ages:
            label.set_text(f"since {age(since_ns).removesuffix(' ago')}")

    def _draw(self, problems: list[Problem]) -> None:
        self._list.clear()
        self._ages = []
        self._number.set_text(str(len(problems)) if problems else "")
        with self._list:
            if not problems:
                with ui.element("div").classes("calm"):
                    ui.icon("check_circle")
                    ui.label("Nothing needs attention.")
            for problem in problems[:_SHOWN]:
                self._one(problem)
            if len(problems) > _SHOWN:
                ui.link(f"{len(problems) - _SHOWN} more on Devices", "/devices").classes("problem")

    def _one(self, problem: Problem) -> None:
        with ui.element("article").classes("problem"):
            with ui.element("div").classes("problem-head"):
                Badge(problem.level, problem.state)
                ui.link(problem.title, problem.target)
                if problem.since_ns:
                    label = ui.label().classes("muted")
                    self._ages.append((label, problem.since_ns))
            ui.label(problem.message)
            if problem.hint:
                ui.label(problem.hint).classes("hint")
