"""The API's own description: the OpenAPI document, and the same for people.

The page is made here and not by Swagger UI, because that loads its program from a foreign site and
a plant network has none.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from hub.api.deps import Viewer

router = APIRouter(include_in_schema=False)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1d2733; background: #fff }
h2 { margin-top: 2.5rem; text-transform: capitalize }
h3 { font: 600 14px ui-monospace, monospace; margin: 1.5rem 0 .2rem }
b { display: inline-block; min-width: 4rem }
p { margin: .2rem 0 } table { border-collapse: collapse; margin: .4rem 0 }
td { padding: .1rem 1rem .1rem 0; vertical-align: top } code, pre { font-size: 13px }
pre { overflow: auto; background: #f3f5f7; padding: .6rem } summary { cursor: pointer }
@media (prefers-color-scheme: dark) { body { color: #dde3ea; background: #14191f }
  pre { background: #1e252d } a { color: #7fb4ff } }
"""


@router.get("/openapi.json")
async def openapi(request: Request, _: Viewer) -> JSONResponse:
    return JSONResponse(request.app.openapi())


@router.get("/docs")
async def docs(request: Request, _: Viewer) -> HTMLResponse:
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return HTMLResponse(page(request.app.openapi()), headers=headers)


def page(document: dict[str, Any]) -> str:
    """The OpenAPI document as HTML without scripts."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            group = (operation.get("tags") or ["other"])[0]
            groups.setdefault(group, []).append(_operation(method, path, operation))
    schemas = "".join(
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<pre>{escape(json.dumps(schema, indent=2))}</pre></details>"
        for name, schema in document["components"]["schemas"].items()
    )
    body = "".join(f"<h2>{escape(name)}</h2>{''.join(items)}" for name, items in groups.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Spindle API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>Spindle API {escape(document['info']['version'])}</h1>"
        "<p>Every call needs <code>Authorization: Bearer &lt;token&gt;</code>; "
        "<code>POST /api/v1/login</code> gives the token. "
        'The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{body}<h2>Schemas</h2>{schemas}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(item['name'])}</code></td><td>{escape(item['in'])}"
        f"{', required' if item.get('required') else ''}</td><td>{_kind(item['schema'])}</td></tr>"
        for item in operation.get("parameters", ())
    )
    sent = _content(operation.get("requestBody", {}))
    answers = "".join(
        f"<p>{escape(code)}: {_content(answer) or 'no content'}</p>"
        for code, answer in operation["responses"].items()
        if code.startswith("2")
    )
    return (
        f"<h3><b>{escape(method.upper())}</b> /api{escape(path)}</h3>"
        f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>"
        f"<table>{rows}</table>{f'<p>Body: {sent}</p>' if sent else ''}{answers}"
    )


def _content(part: dict[str, Any]) -> str:
    return ", ".join(
        f"{escape(media)} {_kind(item.get('schema', {}))}"
        for media, item in part.get("content", {}).items()
    )


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a word, linked where it has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}"><code>{name}</code></a>'
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "anyOf" in schema:
        return " or ".join(_kind(item) for item in schema["anyOf"])
    return escape(str(schema.get("format") or schema.get("type") or ""))
