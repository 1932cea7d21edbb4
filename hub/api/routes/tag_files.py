"""Tags of a device to a file and back: CSV, Excel, Kepware, TIA Portal."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.deps import Bundle, Engineer, Viewer
from hub.api.models_bulk import ImportAnswer, PreviewAnswer
from hub.api.uploads import BODY, upload
from hub.bulk import ImportOptions
from hub.tagfiles.kinds import MAX_BYTES

router = APIRouter(tags=["tags"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_LARGE: dict[int | str, dict[str, Any]] = {413: {"description": "More than 20 MB"}}


def _options(
    *,
    remove: Annotated[bool, Query(description="Delete tags that the file does not have.")] = False,
    group: Annotated[str, Query(max_length=100, description="For rows without one.")] = "",
    db_number: Annotated[
        int | None, Query(ge=1, le=65535, description="Of a DB source that does not name it.")
    ] = None,
    skip_bad: Annotated[bool, Query(description="Take the good rows only.")] = False,
) -> ImportOptions:
    return ImportOptions(remove, group, db_number, skip_bad)


Options = Annotated[ImportOptions, Depends(_options)]
FileName = Annotated[str, Query(alias="name", max_length=255, description="As in `tags.csv`.")]


@router.get(
    "/devices/{device_id}/tags.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_csv(device_id: int, _: Viewer, services: Bundle) -> Response:
    """All tags as UTF-8 with BOM. Importing the file changes nothing."""
    content = await services.tag_files.export_tags(device_id, "csv")
    return _file(content, "text/csv; charset=utf-8", f"tags-{device_id}.csv")


@router.get(
    "/devices/{device_id}/tags.xlsx",
    response_class=Response,
    responses={200: {"content": {XLSX: _BINARY}}},
)
async def export_xlsx(device_id: int, _: Viewer, services: Bundle) -> Response:
    """All tags as an Excel workbook. Importing the file changes nothing."""
    content = await services.tag_files.export_tags(device_id, "xlsx")
    return _file(content, XLSX, f"tags-{device_id}.xlsx")


@router.post(
    "/devices/{device_id}/tags/preview",
    openapi_extra=BODY,
    response_model=PreviewAnswer,
    responses=_LARGE,
)
async def preview_import(
    device_id: int,
    request: Request,
    _: Engineer,
    services: Bundle,
    options: Options,
    name: FileName = "",
    *,
    same: Annotated[bool, Query(description="List unchanged rows, too.")] = False,
) -> Response:
    """What a tag file would do, row by row. Nothing is written."""
    name, content = await upload(request, name, MAX_BYTES)
    preview = await services.tag_files.preview_import(device_id, name, content, options)

    def body() -> str:
        return PreviewAnswer.of_preview(preview, with_same=same).model_dump_json()

    return Response(await asyncio.to_thread(body), media_type="application/json")


@router.post("/devices/{device_id}/tags/import", openapi_extra=BODY, responses=_LARGE)
async def apply_import(
    device_id: int,
    request: Request,
    who: Engineer,
    services: Bundle,
    options: Options,
    name: FileName = "",
) -> ImportAnswer:
    """Import a tag file: one revision, all or nothing. Bad rows are refused, with their places
    `rows.<i>.<column>`, unless `skip_bad`."""
    name, content = await upload(request, name, MAX_BYTES)
    preview = await services.tag_files.preview_import(device_id, name, content, options)
    done = await services.tag_files.apply_import(who, device_id, preview.rows, options)
    return ImportAnswer(**asdict(done), notes=preview.notes)


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
