"""Values: the newest ones, and trends."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from hub.api.deps import Bundle, Viewer
from hub.api.edge import edge, iso, to_ns
from hub.api.models import LatestAnswer, SeriesAnswer
from hub.records import Series
from hub.services import Services
from schemas.errors import ConfigError
from schemas.quality import words

router = APIRouter(tags=["values"])

Ids = Annotated[list[int], Query(min_length=1, max_length=1000)]
FewIds = Annotated[list[int], Query(min_length=1, max_length=20)]
Buckets = Annotated[int, Query(ge=1, le=5000)]


@router.get("/latest")
async def latest(tag_id: Ids, _: Viewer, services: Bundle) -> list[LatestAnswer]:
    """The newest stored value of each tag that has one."""
    found = await services.data.latest(tag_id)
    return [
        LatestAnswer.model_validate(edge(item) | {"words": words(item.quality)})
        for item in found.values()
    ]


@router.get("/trend")
async def trend(
    tag_id: FewIds,
    start: AwareDatetime,
    end: AwareDatetime,
    _: Viewer,
    services: Bundle,
    buckets: Buckets = 600,
) -> list[SeriesAnswer]:
    """Per tag: start of each bucket with minimum, average and maximum of its good values."""
    found = await _series(services, tag_id, start, end, buckets)
    return [SeriesAnswer.of(series) for series in found]


@router.get(
    "/trend.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def trend_csv(
    tag_id: FewIds,
    start: AwareDatetime,
    end: AwareDatetime,
    _: Viewer,
    services: Bundle,
    buckets: Buckets = 5000,
) -> Response:
    """The same as a table: tag_id, time, minimum, average, maximum, text."""
    found = await _series(services, tag_id, start, end, buckets)
    headers = {"Content-Disposition": 'attachment; filename="trend.csv"'}
    return Response(_table(found), media_type="text/csv", headers=headers)


async def _series(
    services: Services, tag_ids: Sequence[int], start: datetime, end: datetime, buckets: int
) -> list[Series]:
    start_ns, end_ns = to_ns(start, "start"), to_ns(end, "end")
    if end_ns <= start_ns:
        raise ConfigError("The end must be after the start.", path="end")
    return await services.data.trend(tag_ids, start_ns, end_ns, buckets)


def _table(found: Sequence[Series]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("tag_id", "time", "minimum", "average", "maximum", "text"))
    for series in found:
        writer.writerows(_rows(series))
    return file.getvalue()


def _rows(series: Series) -> Iterator[tuple[object, ...]]:
    texts = series.texts or [None] * len(series.times_ns)
    columns = zip(
        series.times_ns, series.minimum, series.average, series.maximum, texts, strict=True
    )
    for time_ns, low, middle, high, text in columns:
        yield series.tag_id, iso(time_ns), low, middle, high, _cell(text)


def _cell(text: str | None) -> str | None:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP)."""
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text
