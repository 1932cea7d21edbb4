"""*Test read*: the rows of a preview are read once on the gateway before they are saved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nicegui import ui

from hub.bulk import ImportRow, RowState
from hub.records import Device, Role
from hub.ui.components.import_preview import ImportTable
from hub.ui.components.import_rows import test_row
from hub.ui.components.progress_line import ProgressLine
from hub.ui.notices import explained
from hub.ui.session import Session
from hub.ui.words import count
from schemas import quality
from schemas.errors import ConfigError
from schemas.messages.commands import TestReply

CHUNK = 500
"""Tags per question to the gateway, so that its answer comes within seconds."""


class ImportTest:
    """A place for progress and outcome; `run` fills it and the table."""

    def __init__(self, session: Session, device: Device, table: ImportTable) -> None:
        self._session = session
        self._device = device
        self._table = table
        self._scope: asyncio.Timeout | None = None
        self._line = ProgressLine(self.cancel)
        self._place = ui.element("div").props("aria-live=polite").mark("test-read")

    def cancel(self) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    def clear(self) -> None:
        self.cancel()
        self._place.clear()

    async def run(self) -> None:
        """Read the ticked rows, else those in view of the filter; errors are shown here."""
        if self._scope is not None:
            return
        await self._session.who(Role.ENGINEER)
        _, rows = await self._table.chosen()
        rows = [row for row in rows if row.config and row.state is not RowState.REMOVED]
        if not rows:
            raise ConfigError("None of these rows can be read.", hint="Choose rows that are good.")
        self._place.clear()
        self._table.forget_results()
        self._line.start("Reading on the gateway:", len(rows))
        done, bad = [0], [0]
        try:
            async with asyncio.timeout(None) as self._scope:
                with explained():
                    await self._read(rows, done, bad)
        except TimeoutError:
            pass  # cancelled by the button
        finally:
            self._scope = None
            self._line.end()
        if not self._place.is_deleted and done[0]:
            self._say(done[0], len(rows), bad[0])

    async def _read(self, rows: Sequence[ImportRow], done: list[int], bad: list[int]) -> None:
        device, keys = self._device, self._table.keys()
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            tags = [row.config for row in part if row.config]
            reply = await self._session.services.fleet.test_device(
                device.spoke_id, device.config, tags
            )
            if reply.error is not None:
                self._show_error(reply.error)
                return
            self._table.results(_found(part, reply, keys))
            bad[0] += sum(not quality.is_good(int(item["quality"])) for item in reply.values)
            done[0] += len(part)
            self._line.tell(done[0], len(rows))

    def _say(self, done: int, total: int, bad: int) -> None:
        whole = "1 tag" if total == 1 else f"{count(total)} tags"
        text = f"{count(done)} of {whole} read, then stopped" if done < total else f"{whole} read"
        text += f"; {count(bad)} without a good value." if bad else "; all good."
        text += " Nothing was stored."
        with self._place, ui.element("div").classes("callout warn" if bad else "callout ok"):
            ui.label(text)

    def _show_error(self, error: dict[str, object]) -> None:
        with self._place, ui.element("div").classes("callout bad").props("role=alert"):
            ui.label(str(error.get("message", "The test failed.")))
            if error.get("hint"):
                ui.label(str(error["hint"])).classes("hint")


def _found(rows: Sequence[ImportRow], reply: TestReply, keys: dict[str, int]) -> list[list[object]]:
    """The gateway answers in the order of the question; names settle it where arrays grew."""
    units = {row.name: row.config.unit for row in rows if row.config}
    return [
        test_row(keys[item["tag"]], item, units.get(item["tag"], ""))
        for item in reply.values
        if item["tag"] in keys
    ]
