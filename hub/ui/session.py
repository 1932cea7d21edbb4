"""Who is looking: the session cookie is checked before a page is built.

A NiceGUI client costs about 0.2 MB for a minute, so an anonymous request must never reach a page
builder (architecture, section 6). The gate is plain ASGI in front of NiceGUI.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.records import Role, User
from hub.services import Services
from hub.ui.plain import trouble_page
from schemas.errors import ForbiddenError, LoginError, SpindleError

COOKIE = "spindle_session"
THEME_COOKIE = "spindle_theme"
DATA_PATH = "/ui-data"
PAGES = ("gateways", "devices", "profiles", "functions", "trends", "system")
_KEY = "spindle.session"
_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. `user` is as it was when the page was built."""

    services: Services
    token: str
    user: User

    async def who(self, role: Role) -> User:
        """The user as of now. Raises LoginError (expired), ForbiddenError (role too small)."""
        user = await self.services.access.user(self.token)
        self.services.access.require(user, role)
        return user

    def can(self, role: Role) -> bool:
        """Whether to offer a button; `who` decides when it is pressed."""
        try:
            self.services.access.require(self.user, role)
        except ForbiddenError:
            return False
        return True


def session_of(request: Request) -> Session:
    """The session that the gate found; only behind the gate."""
    found = request.scope[_KEY]
    assert isinstance(found, Session)
    return found


def token_of(connection: HTTPConnection) -> str:
    """The cookie's value, empty without one."""
    jar = SimpleCookie()
    try:
        jar.load(connection.headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def local_path(wanted: str | None) -> str:
    """`wanted` when it is a path on this server, else the overview: no open redirect."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    if any(char in wanted for char in "\\\r\n\t") or wanted.startswith(("/login", "/logout")):
        return "/"
    parts = urlsplit(wanted)
    return "/" if parts.scheme or parts.netloc else wanted


def same_origin(headers: Headers) -> bool:
    """Whether a state-changing request comes from our own page.

    Browsers send Origin with every POST and WebSocket; a request without one is no browser's and
    carries no ambient cookie.
    """
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


def _needs_session(path: str) -> bool:
    first = path.strip("/").split("/", 1)[0]
    return first in ("", *PAGES) or path.startswith(DATA_PATH)


class Gate:
    """ASGI middleware: pages and page data need a session, everything else passes."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _needs_session(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        token = token_of(request)
        try:
            user = await self._services.access.user(token) if token else None
        except LoginError:
            user = None
        except SpindleError as error:
            await _unavailable(request, error)(scope, receive, send)
            return
        if user is None:
            await _refuse(request, expired=bool(token))(scope, receive, send)
            return
        scope[_KEY] = Session(self._services, token, user)
        await self._app(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def _refuse(request: Request, *, expired: bool) -> Response:
    if request.url.path.startswith(DATA_PATH):
        return JSONResponse({"message": "The session has ended.", "hint": "Sign in again."}, 401)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    query = "" if path == "/" else f"?next={quote(path, safe='')}"
    if expired:
        query += ("&" if query else "?") + "expired=1"
    return RedirectResponse(f"/login{query}", 303, headers={"Cache-Control": "no-store"})


def _unavailable(request: Request, error: SpindleError) -> Response:
    """Sign-in cannot be checked, mostly because the database is away."""
    if request.url.path.startswith(DATA_PATH):
        return JSONResponse(error.as_dict(), 503)
    return trouble_page(error)


def cookie_options(request: Request) -> dict[str, Any]:
    """HttpOnly, SameSite=Lax, and Secure wherever the page came over TLS."""
    return {
        "httponly": True,
        "samesite": "lax",
        "secure": request.url.scheme == "https",
        "path": "/",
    }
