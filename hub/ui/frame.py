"""The frame around every page: header, navigation, theme switch, user menu, main area."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

from nicegui import ui
from starlette.requests import Request

from hub.records import Role
from hub.ui.components.password import change_password
from hub.ui.plain import FAVICON
from hub.ui.refresh import refreshing
from hub.ui.session import THEME_COOKIE, Session

NAVIGATION = (
    ("Overview", "/", "dashboard"),
    ("Gateways", "/gateways", "router"),
    ("Devices", "/devices", "memory"),
    ("Profiles", "/profiles", "dashboard_customize"),
    ("Functions", "/functions", "functions"),
    ("Trends", "/trends", "show_chart"),
    ("System", "/system", "tune"),
)
_THEMES = {"light": False, "dark": True, "auto": None}
_SESSION_CHECK_S = 30.0


@contextmanager
def frame(session: Session, request: Request) -> Iterator[None]:
    """Open the page's main area."""
    theme = request.cookies.get(THEME_COOKIE, "auto")
    ui.dark_mode(_THEMES.get(theme))
    here = request.url.path
    ui.html('<a class="skip" href="#content">Skip to content</a>', sanitize=False)
    with ui.element("header").classes("top"):
        with ui.link(target="/").classes("brand"):
            ui.html(FAVICON, sanitize=False)
            ui.label("Spindle").classes("brand-name")
        with ui.element("nav").classes("nav").props('aria-label="Main"'):
            for title, target, icon in NAVIGATION:
                _nav_link(title, target, icon, here)
        ui.element("div").classes("grow")
        _theme_switch(theme)
        _user_menu(session)
    with ui.element("div").classes("page").props("id=content tabindex=-1"):
        yield

    async def check() -> None:
        await session.who(Role.VIEWER)

    refreshing(_SESSION_CHECK_S, check, immediate=False)


def heading(title: str, *crumbs: tuple[str, str], subtitle: str = "") -> ui.element:
    """The page's title with the way to it; returns the place for its buttons (use with `with`)."""
    with ui.element("div").classes("heading"):
        with ui.element("div").classes("heading-text"):
            if crumbs:
                with ui.element("nav").classes("crumbs").props('aria-label="Breadcrumb"'):
                    for text, target in crumbs:
                        ui.link(text, target)
                        ui.label("/").props("aria-hidden=true")
            ui.html(title, tag="h1", sanitize=escape)
            if subtitle:
                ui.label(subtitle).classes("muted")
        return ui.element("div").classes("actions")


def _nav_link(title: str, target: str, icon: str, here: str) -> None:
    current = here == target or (target != "/" and here.startswith(target))
    with ui.link(target=target).classes("nav-link" + (" current" if current else "")) as link:
        ui.icon(icon).props("aria-hidden=true")
        ui.label(title)
    link.props(f'aria-label="{title}" title="{title}"')
    if current:
        link.props('aria-current="page"')


def _theme_switch(theme: str) -> None:
    icons = {"light": "light_mode", "dark": "dark_mode", "auto": "contrast"}
    with (
        ui.button(icon=icons.get(theme, "contrast"), color=None)
        .props('flat round aria-label="Theme"')
        .classes("top-button") as button,
        ui.menu().props("auto-close"),
    ):
        for name, icon in icons.items():

            def choose(name: str = name, icon: str = icon) -> None:
                ui.run_javascript(f"spindle.theme.choose({name!r})")
                button.props(f"icon={icon}")

            with ui.menu_item(on_click=choose).classes(f"theme-{name}"):
                ui.icon(icon).classes("menu-icon")
                ui.label(name.capitalize())


def _user_menu(session: Session) -> None:
    button = ui.button(color=None).props('flat no-caps aria-label="User menu"')
    with button.classes("top-button"):
        with ui.element("div").classes("user"):
            ui.icon("account_circle")
            ui.label(session.user.name).classes("user-name")
        with ui.menu().props("auto-close"):
            ui.label(f"{session.user.name} ({session.user.role})").classes("menu-note")
            ui.separator()
            ui.menu_item("Change password", on_click=lambda: change_password(session))
            ui.menu_item("Sign out", on_click=lambda: ui.run_javascript("spindle.signOut()"))
