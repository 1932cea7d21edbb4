"""Sign in and sign out: plain HTML forms, so that nobody can fill the memory with pages."""

from __future__ import annotations

from html import escape

from nicegui import app
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.services import Access, Services
from hub.ui.plain import document, message_html
from hub.ui.session import COOKIE, cookie_options, local_path, same_origin, token_of
from schemas.errors import LoginError, SpindleError

_FOREIGN = "This form was sent from another site."
_LARGE = "This is not the sign-in form."
_MAX_FORM_BYTES = 16 * 1024


def register(services: Services) -> None:
    """Routes /login (GET, POST) and /logout (POST)."""
    access = services.access

    async def show(request: Request) -> Response:
        return await _show(access, request)

    async def enter(request: Request) -> Response:
        return await _enter(access, request)

    async def leave(request: Request) -> Response:
        return await _leave(access, request)

    app.add_route("/login", show, methods=["GET"], include_in_schema=False)
    app.add_route("/login", enter, methods=["POST"], include_in_schema=False)
    app.add_route("/logout", leave, methods=["POST"], include_in_schema=False)


async def _show(access: Access, request: Request) -> Response:
    """The form; somebody with a valid session goes on at once."""
    wanted = local_path(request.query_params.get("next"))
    if token := token_of(request):
        try:
            await access.user(token)
            return RedirectResponse(wanted, 303)
        except SpindleError:
            pass  # the form says what is wrong when it is sent
    note = ""
    if request.query_params.get("changed"):
        note = message_html(
            "Password changed. All your sessions have ended.", "Sign in with the new one.", "info"
        )
    elif request.query_params.get("expired"):
        note = message_html("Your session has ended.", "Sign in again to go on.", "info")
    return _form(wanted, note=note)


async def _enter(access: Access, request: Request) -> Response:
    if not _small_form(request):  # nobody is known yet, so nothing large is read
        return _form("/", note=message_html(_LARGE, "Sign in on this page."), status=413)
    form = await request.form()
    name, password = str(form.get("name", "")).strip(), str(form.get("password", ""))
    wanted = local_path(str(form.get("next", "/")))
    if not same_origin(request.headers):
        return _form(wanted, name, message_html(_FOREIGN, "Sign in on this page."), 403)
    try:
        if not name or not password:
            raise LoginError("Name and password are needed.", hint="Fill in both fields.")
        token = await access.login(name, password)
    except SpindleError as error:
        status = 401 if isinstance(error, LoginError) else 503
        return _form(wanted, name, message_html(error.message, error.hint), status)
    answer = RedirectResponse(wanted, 303)
    answer.set_cookie(COOKIE, token, **cookie_options(request))
    return answer


def _small_form(request: Request) -> bool:
    """True for a form as our page sends it, with its length said in advance."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    if kind != "application/x-www-form-urlencoded" or not length.isdecimal():
        return False
    return int(length) <= _MAX_FORM_BYTES


async def _leave(access: Access, request: Request) -> Response:
    if not same_origin(request.headers):
        return HTMLResponse(_FOREIGN, 403)
    if token := token_of(request):
        try:
            await access.logout(token)
        except LoginError:
            pass  # it had ended already
        except SpindleError as error:
            return _form("/", note=message_html(error.message, error.hint), status=503)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _form(wanted: str, name: str = "", note: str = "", status: int = 200) -> HTMLResponse:
    focus_name, focus_password = ("", " autofocus") if name else (" autofocus", "")
    body = f"""<h1>Sign in to Spindle</h1>{note}
<form method="post" action="/login">
  <input type="hidden" name="next" value="{escape(wanted)}">
  <label>User name
    <input name="name" autocomplete="username" autocapitalize="none" spellcheck="false"
      value="{escape(name)}" required{focus_name}></label>
  <label>Password
    <input name="password" type="password" autocomplete="current-password"
      required{focus_password}></label>
  <button type="submit">Sign in</button>
</form>
<p class="plain-foot">Forgot the password? An administrator can set a new one.</p>"""
    return document("Sign in", body, status)
