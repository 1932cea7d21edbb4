"""Errors and good news as notifications: message, then what to do; never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui

from schemas.errors import LoginError, SpindleError

log = logging.getLogger(__name__)


def show_error(error: SpindleError) -> None:
    """Stays until it is closed: an error must not vanish while somebody looks at the machine."""
    text = error.message if not error.hint else f"{error.message}\n{error.hint}"
    ui.notify(
        text,
        type="negative",
        multi_line=True,
        timeout=0,
        close_button="Close",
        position="top",
        classes="notice",
    )


def show_done(text: str) -> None:
    ui.notify(text, type="positive", position="top", timeout=3000, classes="notice")


def to_login() -> None:
    """Leave for the sign-in page and come back to this one afterwards."""
    ui.run_javascript("spindle.toLogin()")


@contextmanager
def explained() -> Iterator[None]:
    """Every SpindleError inside becomes a notification; an ended session leads to /login."""
    try:
        yield
    except LoginError:
        to_login()
    except SpindleError as error:
        log.debug("shown to the user", extra={"action": "ui_error", "kind": type(error).__name__})
        show_error(error)


def action(work: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    """A click handler whose SpindleErrors are shown, with the button disabled meanwhile."""

    async def run() -> None:
        with explained():
            await work()

    return run


async def busy(button: ui.button, work: Callable[[], Awaitable[Any]]) -> None:
    """Run `work` with the button turning, so that a double click does it once."""
    if button.props.get("loading"):
        return
    button.props("loading disable")
    try:
        with explained():
            await work()
    finally:
        if not button.is_deleted:
            button.props(remove="loading disable")
