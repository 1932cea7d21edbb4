"""Certificates for people to compare: fingerprint in groups, subject, expiry; and the gateway's."""

from __future__ import annotations

from datetime import UTC, datetime

from nicegui import ui

from hub.ui.components.badge import Badge
from hub.ui.words import NS, duration, grouped, now_ns
from schemas.messages.browsing import Certificate

WARN_DAYS = 90
_DAY_NS = 86400 * NS


def expiry(certificate: Certificate, at_ns: int | None = None) -> tuple[str, str]:
    """(level of a badge, words): a warning less than WARN_DAYS before the end."""
    at = at_ns or now_ns()
    left = certificate.not_after_ns - at
    day = _day(certificate.not_after_ns)
    if at < certificate.not_before_ns:
        return "bad", f"Valid only from {_day(certificate.not_before_ns)}: compare the clocks"
    if left <= 0:
        return "bad", f"Expired on {day}"
    if left < WARN_DAYS * _DAY_NS:
        return "warn", f"Expires in {duration(left / NS)}, on {day}"
    return "ok", f"Valid until {day}"


def _day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / NS, UTC).strftime("%Y-%m-%d")


def certificate_facts(certificate: Certificate) -> None:
    """What to compare, and when it ends."""
    with ui.element("div").classes("certificate"):
        ui.label("SHA-256 fingerprint").classes("muted")
        ui.label(grouped(certificate.fingerprint)).classes("mono fingerprint")
        with ui.element("div").classes("row"):
            Badge(*expiry(certificate))
            ui.label(certificate.subject)
            if certificate.application_uri:
                ui.label(certificate.application_uri).classes("muted")


def own_certificate(certificate: Certificate, gateway: str) -> None:
    """The gateway's certificate with what to do with it, folded."""
    fold = ui.expansion(f"The certificate of the gateway {gateway}", icon="badge")
    with fold.props("dense").classes("fold"), ui.element("div").classes("stack tight"):
        ui.label(
            "The server must trust this one. After the first try it is mostly among the rejected "
            "certificates in the server's configuration tool: accept it there. Or download it and "
            "put it into the server's folder of trusted certificates."
        ).classes("muted")
        certificate_facts(certificate)
        if certificate.der:
            name = f"{gateway}-{certificate.fingerprint[:8]}.der"
            ui.button(
                f"Download {name}",
                icon="download",
                on_click=lambda: ui.download.content(certificate.der, name),
                color=None,
            ).props("outline dense padding='4px 10px'").classes("self-start")
