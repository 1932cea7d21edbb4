"""Pages in plain HTML, without a NiceGUI client behind them: sign-in, and 'not available'."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

from nicegui import __version__
from starlette.responses import HTMLResponse

from schemas.errors import SpindleError

STATIC = Path(__file__).parent / "static"
STATIC_PATH = "/ui-static"
SCRIPTS = (
    "pulse.js",
    "live.js",
    "device.js",
    "bulk.js",
    "trend_chart.js",
    "trend.js",
    "editor.js",
    "try.js",
    "functions.js",
    "function_log.js",
)
STYLES = ("ui.css", "device.css", "bulk.css", "editor.css", "functions.css")
_FONTS = f'<link rel="stylesheet" href="/_nicegui/{__version__}/static/fonts.css">'
FAVICON = (STATIC / "spindle.svg").read_text(encoding="utf-8")


@cache
def asset(name: str) -> str:
    """Address of a file in static/, with its hash so that browsers may keep it for ever."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{STATIC_PATH}/{name}?v={digest}"


def head_html(scripts: tuple[str, ...] = ()) -> str:
    """What every page loads; ui.js comes first and sets the theme before anything is painted."""
    return (
        f'<script src="{asset("ui.js")}"></script>'
        + "".join(f'<script defer src="{asset(name)}"></script>' for name in scripts)
        + "".join(f'<link rel="stylesheet" href="{asset(name)}">' for name in STYLES)
        + f'<link rel="icon" type="image/svg+xml" href="{asset("spindle.svg")}">'
    )


def document(title: str, body: str, status: int = 200) -> HTMLResponse:
    """A whole page; `body` is HTML and must be escaped already."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Spindle</title>{_FONTS}{head_html()}</head>"
        f'<body class="plain"><main class="plain-card">{FAVICON}{body}</main></body></html>'
    )
    headers = {
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(html, status, headers)


def message_html(message: str, hint: str = "", level: str = "bad") -> str:
    """A framed sentence with what to do below it."""
    below = f'<div class="hint">{escape(hint)}</div>' if hint else ""
    return f'<div class="callout {level}" role="alert"><div>{escape(message)}</div>{below}</div>'


def trouble_page(error: SpindleError) -> HTMLResponse:
    """Shown instead of a page while the session cannot be checked."""
    body = (
        "<h1>Not available now</h1>"
        + message_html(error.message, error.hint)
        + '<a class="plain-button" href="">Try again</a>'
    )
    return document("Not available", body, 503)
