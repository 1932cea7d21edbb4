"""Log in, log out, who am I."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hub.api.deps import Bundle, Token, Viewer
from hub.api.guard import SESSION_COOKIE
from hub.api.models import Login, PasswordChange, Session, UserAnswer

router = APIRouter(tags=["session"])

COOKIE_AGE_S = 12 * 3600


@router.post("/login", responses={429: {"description": "Too many tries from this address"}})
async def login(body: Login, request: Request, response: Response, services: Bundle) -> Session:
    """A token for name and password. After five wrong tries the account pauses for a minute."""
    request.app.state.login_limit.admit(request.client.host if request.client else "")
    token = await services.access.login(body.name, body.password)
    if body.cookie:
        response.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=COOKIE_AGE_S,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    response.headers["Cache-Control"] = "no-store"
    return Session(token=token)


@router.post("/logout", status_code=204)
async def logout(token: Token, response: Response, services: Bundle) -> None:
    """The session of this request ends, in every browser and script that uses it."""
    await services.access.logout(token)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")


@router.get("/me")
async def me(user: Viewer) -> UserAnswer:
    return UserAnswer.of(user)


@router.post("/me/password", status_code=204)
async def change_password(body: PasswordChange, user: Viewer, services: Bundle) -> None:
    """Ends all sessions of this user; log in again with the new password."""
    await services.access.change_password(user, body.old, body.new)
