"""Nobody passes without a session: the guard stands in front of routing, body and validation.

All paths are closed but those in OPEN, so a new route is closed until somebody opens it here.
A browser sends its cookie also when another site made it send the request. So a change that comes
with the cookie needs proof that it is ours: the header `X-Spindle-Request`, which no foreign page
can set without our consent (CORS), or a browser that names the same origin. Source: OWASP,
*Cross-Site Request Forgery Prevention*, custom request headers and fetch metadata.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.problems import answer
from hub.services import Access
from schemas.errors import ForbiddenError, LoginError, SpindleError

SESSION_COOKIE = "spindle_session"
CSRF_HEADER = "x-spindle-request"
OPEN = frozenset({("POST", "/v1/login"), ("GET", "/v1/health")})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
USER_KEY, TOKEN_KEY = "spindle.user", "spindle.token"


class Guard:
    """ASGI middleware: leaves the user and the token in the scope, or answers 401 or 403."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], _path(scope)) not in OPEN:
            request = Request(scope)
            try:
                token = _token(request)
                scope[USER_KEY] = await self._access.user(token)
                scope[TOKEN_KEY] = token
            except SpindleError as error:
                await answer(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _path(scope: Scope) -> str:
    """The path below the mount point."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root)


def _token(request: Request) -> str:
    """From the header, else from the cookie. Raises LoginError, ForbiddenError."""
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise LoginError("The Authorization header is not 'Bearer <token>'.")
        return token.strip()
    cookie = request.cookies.get(SESSION_COOKIE)
    if not cookie:
        raise LoginError("Nobody is logged in.", hint="POST /api/v1/login gives a token.")
    if request.method not in SAFE_METHODS and not _ours(request):
        raise ForbiddenError(
            "This change seems to come from another site.",
            hint=f"Send the header {CSRF_HEADER}: 1, or a Bearer token instead of the cookie.",
        )
    return cookie


def _ours(request: Request) -> bool:
    if request.headers.get(CSRF_HEADER):
        return True
    if request.headers.get("sec-fetch-site") == "same-origin":
        return True
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return request.headers.get("origin") == own


def secured(api: FastAPI) -> None:
    """Say in the OpenAPI document what the guard does: each operation but the open ones."""
    make = api.openapi

    def with_security() -> dict[str, object]:
        document = make()
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["token"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        schemes["cookie"] = {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE}
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if (method.upper(), path) in OPEN:
                    operation["security"] = []
                else:
                    operation["security"] = [{"token": []}, {"cookie": []}]
        document["servers"] = [{"url": "/api"}]
        return document

    api.openapi = with_security  # type: ignore[method-assign]
