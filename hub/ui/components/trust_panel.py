"""A server's certificate is not trusted: show the one it presents, and trust it on purpose."""

from __future__ import annotations

from nicegui import ui

from hub.records import Device, Role, Spoke
from hub.ui.components.certificates import certificate_facts, own_certificate
from hub.ui.components.endpoint_finder import show_refusal
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from schemas.config.opcua import OpcUaConfig
from schemas.errors import SpindleError
from schemas.messages.browsing import Certificate, DiscoverReply

KIND = "CertificateError"


class TrustPanel:
    """Shown while the device's error is a CertificateError; asks the server once per error."""

    def __init__(self, session: Session, device_id: int) -> None:
        self._session = session
        self._device_id = device_id
        self._asked = False
        self._place = ui.element("section").classes("panel trust").mark("trust-panel")
        self._place.set_visibility(False)

    async def show(self, device: Device, spoke: Spoke) -> None:
        error = (device.health.error if device.health else None) or {}
        wanted = error.get("kind") == KIND and spoke.online and device.config.enabled
        wanted = wanted and isinstance(device.config.connection, OpcUaConfig)
        self._place.set_visibility(wanted)
        if not wanted:
            self._asked = False
        elif not self._asked:
            self._asked = True
            await self._ask(device, spoke)

    async def _ask(self, device: Device, spoke: Spoke) -> None:
        remote = self._session.services.remote
        try:
            reply = await remote.discover(spoke.id, device.config.connection, device.id)
        except SpindleError as error:
            reply = DiscoverReply(error=error.as_dict())
        self._place.clear()
        with self._place:
            with ui.element("div").classes("panel-head"):
                ui.html("Do you know this server?", tag="h2", sanitize=False)
            with ui.element("div").classes("panel-body stack tight"):
                self._draw(device, spoke, reply)

    def _draw(self, device: Device, spoke: Spoke, reply: DiscoverReply) -> None:
        certificate = next((e.certificate for e in reply.endpoints if e.certificate), None)
        if reply.error is not None:
            show_refusal(reply.error)
            again = ui.button("Ask again", icon="refresh", color=None).props("outline")
            again.classes("self-start")
            again.on_click(lambda: busy(again, lambda: self._ask(device, spoke)))
        if certificate is not None:
            trusted = getattr(device.config.connection, "trusted", ())
            ui.label(
                "The server has another certificate than those that you trust: it was renewed, or "
                "somebody stands in between."
                if trusted
                else "This gateway meets the server for the first time."
            )
            certificate_facts(certificate)
            ui.label(
                "Compare the fingerprint with the one in the server's own configuration. Only if "
                "both are equal, trust it; Spindle then connects."
            ).classes("muted")
            if self._session.can(Role.ENGINEER):
                button = ui.button("Trust this certificate", icon="verified_user")
                button.classes("self-start")
                button.on_click(lambda: busy(button, lambda: self._trust(certificate)))
            else:
                ui.label("An engineer can trust it.").classes("muted")
        if reply.own is not None:
            own_certificate(reply.own, spoke.name)

    async def _trust(self, certificate: Certificate) -> None:
        who = await self._session.who(Role.ENGINEER)
        fleet = self._session.services.fleet
        now = await fleet.device(self._device_id)
        connection = now.config.connection
        assert isinstance(connection, OpcUaConfig)
        trusted = tuple(dict.fromkeys((*connection.trusted, certificate.fingerprint)))
        changed = connection.model_copy(update={"trusted": trusted})
        config = now.config.model_copy(update={"connection": changed})
        await fleet.update_device(who, now.id, config, now.version)
        show_done("Trusted. The gateway connects now.")
        ui.navigate.reload()
