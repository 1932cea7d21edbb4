"""The live WebSocket: refused without session or from elsewhere, forwarded as it is, and closed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.websockets import WebSocket

from hub.services import Services
from hub.ui.live import FOREIGN, GONE, SIGNED_OUT, serve
from tests.fakes.services import PASSWORD, FakeLive, FakeWatcher, fake_services


class Browser:
    """The other end of an ASGI WebSocket."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_server.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/ws/live/101",
            "query_string": b"",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        }
        self.socket = WebSocket(scope, self._to_server.get, self._sent)

    async def _sent(self, message: Any) -> None:
        await self.sent.put(dict(message))

    def leave(self) -> None:
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})


async def _headers(services: Services) -> dict[str, str]:
    token = await services.access.login("viewer", PASSWORD)
    return {"host": "hub", "origin": "http://hub", "cookie": f"spindle_session={token}"}


async def test_messages_go_through_as_they_are_until_the_page_leaves() -> None:
    FakeWatcher.PERIOD_S = 0.01
    services = fake_services()
    browser = Browser(await _headers(services))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        serving = group.create_task(serve(services, browser.socket, 101))
        assert (await browser.sent.get())["type"] == "websocket.accept"
        message = json.loads((await browser.sent.get())["text"])
        assert {"id", "v", "q", "t"} == set(message["rows"][0])
        assert isinstance(services.live, FakeLive)
        assert services.live.watchers == 1
        browser.leave()
        await serving
    assert services.live.watchers == 0


async def test_without_session_or_from_another_site_nothing_is_watched() -> None:
    services = fake_services()
    good = await _headers(services)
    for headers, code in (
        ({**good, "cookie": ""}, SIGNED_OUT),
        ({**good, "cookie": "spindle_session=made-up"}, SIGNED_OUT),
        ({**good, "origin": "https://evil.example"}, FOREIGN),
    ):
        browser = Browser(headers)
        async with asyncio.timeout(5):
            await serve(services, browser.socket, 101)
        closes = [m for m in _all(browser) if m["type"] == "websocket.close"]
        assert [message["code"] for message in closes] == [code]
    assert isinstance(services.live, FakeLive)
    assert services.live.watchers == 0


async def test_a_device_that_is_deleted_closes_with_its_reason() -> None:
    FakeWatcher.PERIOD_S = 0.01
    services = fake_services()
    browser = Browser(await _headers(services))
    admin = await services.access.user(await services.access.login("admin", PASSWORD))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        serving = group.create_task(serve(services, browser.socket, 101))
        await browser.sent.get()
        await browser.sent.get()
        await services.fleet.delete_device(admin, 101)
        await serving
    last = _all(browser)[-1]
    assert (last["type"], last["code"]) == ("websocket.close", GONE)
    assert last["reason"] == "This device does not exist."


def _all(browser: Browser) -> list[dict[str, Any]]:
    found = []
    while not browser.sent.empty():
        found.append(browser.sent.get_nowait())
    return found
