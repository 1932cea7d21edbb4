"""*Find endpoints* in the form of an OPC UA device: ask the server from the gateway, then choose.

Nothing is saved here: a choice fills the form, and *Trust* adds a fingerprint to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from pydantic import ValidationError

from hub.records import Role, Spoke
from hub.ui.components.badge import Badge
from hub.ui.components.certificates import certificate_facts, own_certificate
from hub.ui.components.fields import Leaf, Texts
from hub.ui.components.form import Form
from hub.ui.components.form_nodes import UnionNode
from hub.ui.components.labels import in_words
from hub.ui.components.plain_table import table_head
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from schemas.config.base import explain
from schemas.config.devices import DeviceConfig
from schemas.config.opcua import OpcUaConfig
from schemas.errors import SpindleError
from schemas.messages.browsing import Certificate, DiscoverReply, Endpoint

DRIVER = "opcua"


class EndpointFinder:
    """Sits below the connection's fields; shown for OPC UA only."""

    def __init__(
        self,
        session: Session,
        form: Form[DeviceConfig],
        spoke: Callable[[], Spoke],
    ) -> None:
        self._session = session
        self._form = form
        self._spoke = spoke
        self._trust: list[tuple[ui.button, str]] = []
        connection = form.node("connection")
        assert isinstance(connection, UnionNode)
        self._connection = connection
        with connection.after, ui.element("div").classes("stack tight finder") as self._place:
            with ui.element("div").classes("row"):
                button = ui.button("Find endpoints", icon="travel_explore", color=None)
                button.props("outline").on_click(lambda: busy(button, self._find))
                ui.label(
                    "Asks the server what it offers and which certificate it has; no login."
                ).classes("muted")
            self._found = ui.element("div").classes("stack tight").props("aria-live=polite")
            self._found.mark("endpoints")
        connection.select.on_value_change(self._driver_changed)
        self._driver_changed()

    def _driver_changed(self) -> None:
        self._place.set_visibility(self._connection.chosen == DRIVER)
        self.clear()

    def clear(self) -> None:
        """Take the answer away: it is of another server or gateway."""
        self._found.clear()
        self._trust = []

    async def _find(self) -> None:
        await self._session.who(Role.ENGINEER)
        self.clear()
        given = self._form.node("connection").value()
        try:
            settings = OpcUaConfig(endpoint=str(given.get("endpoint", "")))
        except ValidationError as error:
            self._form.show(explain(error, "connection"))
            return
        spoke = self._spoke()
        try:
            reply = await self._session.services.remote.discover(spoke.id, settings)
        except SpindleError as error:
            reply = DiscoverReply(error=error.as_dict())
        with self._found:
            self._show(reply, spoke.name)

    def _show(self, reply: DiscoverReply, gateway: str) -> None:
        if reply.error is not None:
            show_refusal(reply.error)
        trusted = self._form.node("connection", "trusted")
        assert isinstance(trusted, Texts)
        trusted.on_change(self._mark)
        for number, certificate in enumerate(_certificates(reply.endpoints)):
            self._certificate(certificate, "" if number == 0 else f" {number + 1}")
        if reply.endpoints:
            self._endpoints(reply.endpoints)
        if reply.own is not None:
            own_certificate(reply.own, gateway)

    def _certificate(self, certificate: Certificate, number: str) -> None:
        with ui.element("div").classes("found-certificate"):
            ui.label(f"Certificate of the server{number}").classes("section-title")
            certificate_facts(certificate)
            ui.label(
                "Compare the fingerprint with the one that the server itself shows, then trust it."
            ).classes("muted")
            button = ui.button("Trust this certificate", icon="verified_user")
            button.on_click(lambda: self._add(certificate.fingerprint))
            self._trust.append((button, certificate.fingerprint))
        self._mark()

    def _endpoints(self, endpoints: tuple[Endpoint, ...]) -> None:
        with ui.element("div").classes("scroll"), ui.element("table").classes("plain-table"):
            table_head(("Security policy", "Messages", "Logins", "Address", ""))
            with ui.element("tbody"):
                for endpoint in endpoints:
                    self._endpoint(endpoint)

    def _endpoint(self, endpoint: Endpoint) -> None:
        with ui.element("tr"):
            with ui.element("td"):
                ui.label(in_words("security", endpoint.security))
            with ui.element("td"):
                ui.label(in_words("messages", endpoint.messages))
            with ui.element("td"):
                ui.label(", ".join(endpoint.logins))
            with ui.element("td").classes("muted"):
                ui.label(endpoint.url)
            with ui.element("td"):
                if not endpoint.supported:
                    Badge("off", "Not supported")
                    return
                button = ui.button("Choose", on_click=lambda: self._choose(endpoint), color=None)
                button.props("outline dense padding='2px 10px'")

    def _choose(self, endpoint: Endpoint) -> None:
        """The address that was typed stays: what a server calls itself is often not reachable."""
        self._set("security", endpoint.security)
        if endpoint.security != "None":
            self._set("messages", endpoint.messages)
        login = self._form.node("connection", "login").value()
        if endpoint.logins and login not in endpoint.logins:
            self._set("login", endpoint.logins[0])
        show_done("Taken over. Save the device to use it.")

    def _set(self, name: str, value: Any) -> None:
        node = self._form.node("connection", name)
        assert isinstance(node, Leaf)
        node.set(value)

    def _add(self, fingerprint: str) -> None:
        node = self._form.node("connection", "trusted")
        assert isinstance(node, Texts)
        node.add(fingerprint)
        show_done("Trusted in this form. Save the device to use it.")

    def _mark(self) -> None:
        """A certificate that is trusted has no button to trust it."""
        trusted = self._form.node("connection", "trusted").value()
        for button, fingerprint in self._trust:
            button.set_enabled(fingerprint not in trusted)
            button.set_text("Trusted" if fingerprint in trusted else "Trust this certificate")


def show_refusal(error: dict[str, Any]) -> None:
    """An error of the spoke with its hint."""
    with ui.element("div").classes("callout bad").props("role=alert"):
        ui.label(str(error.get("message", "The server could not be asked.")))
        if error.get("hint"):
            ui.label(str(error["hint"])).classes("hint")


def _certificates(endpoints: tuple[Endpoint, ...]) -> list[Certificate]:
    """Each certificate once."""
    found = {e.certificate.fingerprint: e.certificate for e in endpoints if e.certificate}
    return list(found.values())
