"""A file in a request: the raw body, or the field `file` of a form."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from schemas.errors import ConfigError

_BINARY = {"type": "string", "format": "binary"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file itself (then `name` says what it is called), or a form with it.",
        "content": {
            "application/octet-stream": {"schema": _BINARY},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _BINARY},
                }
            },
        },
    }
}
LARGE: dict[int | str, dict[str, Any]] = {413: {"description": "More than 32 MiB"}}


async def upload(request: Request, name: str, max_bytes: int | None = None) -> tuple[str, bytes]:
    """(name, content); BodyLimit stands in front. Raises ConfigError for a form without it, and
    413 past `max_bytes`."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=1, max_fields=20) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise ConfigError("The form has no field file.", hint="Send it as file=@name.")
            name, content = name or file.filename or "", await file.read()
    else:
        content = await request.body()
    if max_bytes is not None and len(content) > max_bytes:
        raise HTTPException(413)
    return name, content
