"""One profile: its newest version to edit, an older one to look at, a draft to save."""

from __future__ import annotations

from dataclasses import replace

from nicegui import ui
from starlette.requests import Request

from hub.bulk import Profile
from hub.records import Role
from hub.ui.components.confirm import confirm
from hub.ui.components.device_rows import DRIVER_WORDS
from hub.ui.components.profile_facts import made_devices, profile_facts
from hub.ui.components.profile_form import ProfileForm
from hub.ui.frame import heading
from hub.ui.notices import busy, show_done
from hub.ui.page import page
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.errors import ConfigError

_CRUMB = ("Profiles", "/profiles")


def register() -> None:
    @page("/profiles/new", "New profile")
    async def profile_new(session: Session, request: Request) -> None:
        session.services.access.require(session.user, Role.ENGINEER)
        number = request.query_params.get("device", "")
        if not number.isdecimal():
            raise ConfigError("A profile is made from a device.", hint="Choose one on Profiles.")
        draft = await session.services.profiles.profile_of_device(int(number))
        heading("New profile", _CRUMB, subtitle=f"From {draft.name}. Nothing is saved yet.")
        _editor(session, draft)

    @page("/profiles/{profile_id:int}", "Profile")
    async def profile(session: Session, request: Request) -> None:
        service = session.services.profiles
        newest = await service.profile(int(request.path_params["profile_id"]))
        wanted = request.query_params.get("version", "")
        shown = newest
        if wanted.isdecimal() and int(wanted) != newest.version:
            shown = await service.profile(newest.id, int(wanted))
        ui.page_title(f"{newest.name} · Spindle")
        with heading(newest.name, _CRUMB, subtitle=_subtitle(newest)):
            _versions(newest, shown)
            if session.can(Role.ENGINEER):
                _buttons(session, newest)
        if shown.version != newest.version:
            _old(session, newest, shown)
        if session.can(Role.ENGINEER) and shown.version == newest.version:
            _editor(session, newest)
        else:
            profile_facts(shown)
        devices = await session.services.fleet.devices()
        made_devices([item for item in devices if item.profile_id == newest.id], newest.version)


def _subtitle(profile: Profile) -> str:
    driver = DRIVER_WORDS.get(profile.driver, profile.driver)
    return f"{driver}, {plural(len(profile.tags), 'tag')}, {plural(profile.devices, 'device')} made"


def _editor(session: Session, profile: Profile) -> None:
    async def save(changed: Profile) -> None:
        who = await session.who(Role.ENGINEER)
        made = await session.services.profiles.save_profile(who, changed)
        show_done(f"Version {made.version} of {made.name} saved.")
        ui.navigate.to(f"/profiles/{made.id}")

    ProfileForm(profile, save)


def _versions(newest: Profile, shown: Profile) -> None:
    names = {number: f"Version {number}" for number in range(newest.version, 0, -1)}
    names[newest.version] += " (newest)"
    choice = ui.select(names, value=shown.version).props('outlined dense aria-label="Version"')

    def go() -> None:
        query = "" if choice.value == newest.version else f"?version={choice.value}"
        ui.navigate.to(f"/profiles/{newest.id}{query}")

    choice.on_value_change(go)


def _buttons(session: Session, profile: Profile) -> None:
    async def delete() -> None:
        who = await session.who(Role.ENGINEER)
        await session.services.profiles.delete_profile(who, profile.id)
        ui.navigate.to("/profiles")

    def ask() -> None:
        stay = f"The {plural(profile.devices, 'device')} made from it stay as they are. "
        confirm(
            f"Delete profile {profile.name}?",
            (stay if profile.devices else "") + "All its versions are gone.",
            "Delete profile",
            delete,
        )

    ui.button("Delete", icon="delete", on_click=ask, color=None).props("outline").classes("danger")
    ui.button(
        "Make devices",
        icon="library_add",
        on_click=lambda: ui.navigate.to(f"/profiles/{profile.id}/devices"),
    )


def _old(session: Session, newest: Profile, shown: Profile) -> None:
    with ui.element("div").classes("callout warn row"):
        ui.label(f"This is version {shown.version}; versions never change.").classes("grow")
        if not session.can(Role.ENGINEER):
            return
        button = ui.button("Make it the newest", icon="restore", color=None).props("outline dense")

    async def work() -> None:
        who = await session.who(Role.ENGINEER)
        again = replace(shown, version=newest.version, name=newest.name)
        made = await session.services.profiles.save_profile(who, again)
        ui.navigate.to(f"/profiles/{made.id}")

    button.on_click(lambda: busy(button, work))
