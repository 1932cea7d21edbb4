"""CSV and JSON of series and ledger; what the address of a trend means."""

from __future__ import annotations

import csv
import io

from starlette.datastructures import QueryParams

from hub.records import LedgerRow, Series, Tag
from hub.ui.components.tag_picker import matching
from hub.ui.endpoints import tag_ids
from hub.ui.exports import ledger_csv, series_json, trend_csv
from hub.ui.pages.trends import start_of
from schemas.config.devices import TagConfig

NS = 1_000_000_000


def _tag(tag_id: int, name: str, device: str = "Filler") -> Tag:
    return Tag(tag_id, 1, device, "line-1", TagConfig(name=name, address="wave", unit="bar"))


def test_a_bad_bucket_is_empty_in_csv_and_null_in_json() -> None:
    series = Series(7, [NS, 2 * NS], [1.0, None], [1.5, None], [2.0, None], raw=False)
    rows = list(csv.DictReader(io.StringIO(trend_csv([series], {7: _tag(7, "Pressure")}))))
    assert rows[0]["time"] == "1970-01-01T00:00:01.000Z"
    assert (rows[0]["minimum"], rows[0]["average"], rows[0]["maximum"]) == ("1.0", "1.5", "2.0")
    assert rows[1]["average"] == ""
    found = series_json(series)
    assert found["t"] == [1000, 2000]
    assert found["avg"] == [1.5, None]
    assert "min" not in series_json(Series(7, [], [], [], [], raw=True))


def test_names_that_look_like_formulas_are_quoted() -> None:
    series = Series(7, [NS], [None], [None], [None], raw=True, texts=['=HYPERLINK("x")'])
    text = trend_csv([series], {7: _tag(7, "@SUM(1)", "-Filler")})
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["tag"], row["device"], row["text"]) == ("'@SUM(1)", "'-Filler", '\'=HYPERLINK("x")')


def test_ledger_has_every_count() -> None:
    row = LedgerRow("line-1", "e1", 10, 7, 1, 1, 1, 0, 700, 1_700_000_000 * NS)
    found = next(csv.DictReader(io.StringIO(ledger_csv([row]))))
    numbers = [int(found[name]) for name in ("produced", "stored", "dead", "lost", "waiting")]
    assert numbers == [10, 7, 1, 1, 1]
    assert found["missing"] == "0"
    assert found["last_time"].startswith("2023-11-14T22:13:20")


def test_tag_ids_of_an_address_are_each_taken_once() -> None:
    assert tag_ids("3, 1,3,x,-2,,7") == [3, 1, 7]
    assert len(tag_ids(",".join(str(n) for n in range(1000)))) == 50


def test_the_address_gives_range_fixed_window_and_live() -> None:
    assert start_of(QueryParams("range=300"))["range_s"] == 300
    assert start_of(QueryParams(""))["live"] is True
    assert start_of(QueryParams("range=-5&live=0")) == {
        "range_s": 3600,
        "from": None,
        "to": None,
        "live": False,
    }
    fixed = start_of(QueryParams("from=1970-01-01T00:00:01.000Z&to=1970-01-01T00:00:02Z"))
    assert (fixed["from"], fixed["to"], fixed["live"]) == (1000, 2000, False)
    assert start_of(QueryParams("from=yesterday&to=2020-01-01"))["from"] is None


def test_search_needs_every_word_and_puts_names_first() -> None:
    tags = [_tag(1, "Temperature", "Speedster"), _tag(2, "Speed"), _tag(3, "Level")]
    assert [tag.id for tag in matching(tags, "speed")] == [2, 1]
    assert [tag.id for tag in matching(tags, "filler level")] == [3]
    assert matching(tags, "nothing") == []
