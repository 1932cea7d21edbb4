"""The decorator of every page: session, frame, and errors in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui
from starlette.requests import Request

from hub.ui.components.empty import empty_state
from hub.ui.frame import frame
from hub.ui.session import Session, session_of
from schemas.errors import NotFoundError, SpindleError

Build = Callable[[Session, Request], Awaitable[None]]
_BUILD_TIMEOUT_S = 15.0


def page(path: str, title: str) -> Callable[[Build], Build]:
    """Register `build(session, request)` at `path`; path parameters are in request.path_params.

    A SpindleError while the page is built is shown in the frame with its hint.
    """

    def register(build: Build) -> Build:
        @ui.page(path, title=f"{title} · Spindle", dark=None, response_timeout=_BUILD_TIMEOUT_S)
        async def built(request: Request) -> None:
            session = session_of(request)
            with frame(session, request):
                try:
                    await build(session, request)
                except SpindleError as error:
                    _explain(error)

        return build

    return register


def _explain(error: SpindleError) -> None:
    icon = "search_off" if isinstance(error, NotFoundError) else "error_outline"
    with empty_state(icon, error.message, error.hint):
        ui.button("Reload", icon="refresh", on_click=ui.navigate.reload)
        ui.link("To the overview", "/")
