"""`/ws/live/{device_id}`: live values, as the hub encoded them once for everybody."""

from __future__ import annotations

import asyncio
import logging

from nicegui import app
from starlette.websockets import WebSocket, WebSocketDisconnect

from hub.records import Role
from hub.services import Services
from hub.ui.session import same_origin, token_of
from schemas.errors import ForbiddenError, LoginError, NotFoundError, SpindleError

log = logging.getLogger(__name__)

PATH = "/ws/live/{device_id:int}"
SIGNED_OUT = 4401
FOREIGN = 4403
GONE = 4404
TROUBLE = 4503
_SESSION_CHECK_S = 30.0
_REASON_BYTES = 120  # RFC 6455 section 5.5: a control frame carries at most 125 bytes


class _End(Exception):  # noqa: N818 - it ends the task group, it is no fault
    """The connection is to be closed with this code."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_REASON_BYTES].decode(errors="ignore")


def register(services: Services) -> None:
    async def live(socket: WebSocket) -> None:
        await serve(services, socket, int(socket.path_params["device_id"]))

    app.add_api_websocket_route(PATH, live)


async def serve(services: Services, socket: WebSocket, device_id: int) -> None:
    """Forward until the page goes, the session ends or the device is deleted."""
    if not same_origin(socket.headers):
        await socket.close(FOREIGN)
        return
    await socket.accept()
    end = _End(1000)
    try:
        token = token_of(socket)
        await _check(services, token)
        await services.fleet.device(device_id)
        async with asyncio.TaskGroup() as group:
            group.create_task(_until_gone(socket))
            group.create_task(_until_signed_out(services, token))
            group.create_task(_forward(services, socket, device_id))
    except* _End as ended:
        end = next(item for item in _leaves(ended) if isinstance(item, _End))
    except* SpindleError as failed:
        end = _as_end(next(item for item in _leaves(failed) if isinstance(item, SpindleError)))
    if end.code != 1000:
        await _close(socket, end)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for item in group.exceptions:
        found.extend(_leaves(item) if isinstance(item, BaseExceptionGroup) else [item])
    return found


def _as_end(error: SpindleError) -> _End:
    if isinstance(error, LoginError):
        return _End(SIGNED_OUT)
    if isinstance(error, ForbiddenError):
        return _End(FOREIGN, error.message)
    return _End(GONE if isinstance(error, NotFoundError) else TROUBLE, error.message)


async def _check(services: Services, token: str) -> None:
    if not token:
        raise LoginError
    services.access.require(await services.access.user(token), Role.VIEWER)


async def _until_signed_out(services: Services, token: str) -> None:
    while True:
        await asyncio.sleep(_SESSION_CHECK_S)
        await _check(services, token)


async def _until_gone(socket: WebSocket) -> None:
    """Browsers send nothing here; reading is how a closed page is noticed."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, RuntimeError, KeyError) as error:
        raise _End(1000) from error


async def _forward(services: Services, socket: WebSocket, device_id: int) -> None:
    async with services.live.watch(device_id) as watcher:
        while True:
            message = await watcher.next()
            try:
                await socket.send_text(message.decode())
            except (WebSocketDisconnect, RuntimeError) as error:
                raise _End(1000) from error


async def _close(socket: WebSocket, end: _End) -> None:
    try:
        await socket.close(end.code, end.reason)
    except RuntimeError:
        log.debug("the browser was faster", extra={"action": "live_closed"})
