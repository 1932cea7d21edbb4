"""Pages that keep themselves up to date, and say so when they cannot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from hub.ui.notices import to_login
from schemas.errors import LoginError, SpindleError


def refreshing(
    period_s: float, work: Callable[[], Awaitable[Any]], *, immediate: bool = True
) -> ui.timer:
    """Run `work` every `period_s` while the page is open.

    A failure shows one banner until the next success, so that old numbers never look current.
    """
    banner = ui.element("div").classes("stale").props("role=status")
    banner.set_visibility(False)
    with banner:
        ui.icon("sync_problem")
        text = ui.label()

    async def tick() -> None:
        try:
            await work()
            banner.set_visibility(False)
        except LoginError:
            to_login()
        except SpindleError as error:
            text.set_text(f"These values are not current: {error.message} {error.hint}".strip())
            banner.set_visibility(True)

    return ui.timer(period_s, tick, immediate=immediate)
