"""Series and ledger as JSON and CSV. Pure functions on records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.records import LedgerRow, Series, Tag
from hub.ui.words import NS

_MS = 1_000_000
_LEDGER_NAMES = (
    "spoke",
    "epoch",
    "produced",
    "stored",
    "dead",
    "lost",
    "waiting",
    "missing",
    "values",
    "last_time",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def series_json(series: Series) -> dict[str, Any]:
    """What trend.js draws; times in ms UTC. Raw series carry `avg` only."""
    found: dict[str, Any] = {
        "id": series.tag_id,
        "t": [time // _MS for time in series.times_ns],
        "avg": series.average,
        "raw": series.raw,
        "texts": series.texts,
    }
    if not series.raw:
        found |= {"min": series.minimum, "max": series.maximum}
    return found


def trend_csv(series: Sequence[Series], tags: Mapping[int, Tag]) -> str:
    """One line per time and tag: time, tag, unit, minimum, average, maximum, text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["time", "gateway", "device", "tag", "unit", "minimum", "average", "maximum", "text"]
    )
    for item in series:
        tag = tags[item.tag_id]
        place = [_cell(text) for text in (tag.spoke, tag.device, tag.config.name, tag.config.unit)]
        for index, time_ns in enumerate(item.times_ns):
            numbers = (item.minimum[index], item.average[index], item.maximum[index])
            text = item.texts[index] if item.texts else None
            writer.writerow([_iso(time_ns), *place, *map(_number, numbers), _cell(text or "")])
    return out.getvalue()


def ledger_csv(rows: Iterable[LedgerRow]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_LEDGER_NAMES)
    for row in rows:
        counts = (row.produced, row.stored, row.dead, row.lost, row.waiting, row.missing)
        writer.writerow([_cell(row.spoke), row.epoch, *counts, row.values, _iso(row.last_time_ns)])
    return out.getvalue()


def _iso(time_ns: int) -> str:
    """ISO 8601 UTC with milliseconds; empty for 0."""
    if time_ns <= 0:
        return ""
    whole, rest = divmod(time_ns, NS)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest // _MS:03d}Z"


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _cell(text: str) -> str:
    """A text that a spreadsheet takes for a formula gets a quote in front (OWASP CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text
