"""What an import would do, in words, and taking it back."""

from __future__ import annotations

import csv
import io

import pytest

from hub.bulk import ImportDone, ImportOptions, ImportPreview, ImportRow, RowState
from hub.records import Role, User
from hub.ui.components.import_rows import (
    bad_rows_csv,
    button_words,
    compact,
    done_words,
    obstacle,
    plain,
    template_csv,
    test_row,
)
from hub.ui.components.import_undo import prepared
from schemas.config.devices import TagConfig
from schemas.errors import AddressError, ConfigError, ConflictError
from schemas.quality import Quality
from tests.fakes.services import fake_services

test_row.__test__ = False  # type: ignore[attr-defined]  # a function of the product
WHO = User(2, "engineer", Role.ENGINEER)
TAG = TagConfig(name="Speed", address="DB1.DBD0", unit="m/min")
NEW = ImportRow(2, RowState.NEW, "Speed", TAG)
BAD = ImportRow(
    3,
    RowState.BAD,
    "=cmd()",
    problems=(AddressError("XY99 is not an S7 address.", hint="Write DB1.DBD0.", path="address"),),
)
CHANGED = ImportRow(4, RowState.CHANGED, "Speed", TAG, 7, ("unit: bpm -> m/min", "scale: 1 -> 2"))


def test_a_row_is_an_array_with_its_changes_or_its_problem() -> None:
    rows = compact([NEW, BAD, CHANGED])
    assert rows[0] == [0, 2, "new", "Speed", "DB1.DBD0", "float32", "m/min", "normal", "", ""]
    assert rows[1][2:4] == ["bad", "=cmd()"]
    assert rows[1][8:] == ["XY99 is not an S7 address.", "Write DB1.DBD0."]
    assert rows[2][8] == "unit: bpm → m/min; scale: 1 → 2"
    gone = compact([ImportRow(0, RowState.REMOVED, "Old", TAG, 9)])
    assert gone[0][1] is None


@pytest.mark.parametrize(
    ("message", "path", "said"),
    [
        ("name: Field required", "name", "The name is missing."),
        ("address: it is missing.", "address", "The address is missing."),
        ("data_type: 'flaot' is no type", "data_type", "Data type: 'flaot' is no type."),
        ("The name 'A' is also in line 5.", "name", "The name 'A' is also in line 5."),
    ],
)
def test_problems_call_columns_as_people_do(message: str, path: str, said: str) -> None:
    assert plain(ConfigError(message, path=path)) == said


def test_the_button_says_what_it_will_do() -> None:
    gone = ImportRow(0, RowState.REMOVED, "Old", TAG, 9)
    preview = ImportPreview(1, "CSV", (*[NEW] * 1930, *[CHANGED] * 12, gone, BAD))
    assert button_words(preview) == "Import 1\u2009930 new, 12 changed, 1 removed"
    assert obstacle(preview, ImportOptions()) == (
        "1 row is bad: correct the file, or skip bad rows."
    )
    assert obstacle(preview, ImportOptions(skip_bad=True)) == ""
    same = ImportPreview(1, "CSV", (ImportRow(2, RowState.SAME, "Speed", TAG, 7),))
    assert button_words(same) == "Import"
    assert obstacle(same, ImportOptions()).startswith("Nothing to import")


def test_the_result_counts_in_words() -> None:
    assert done_words(ImportDone(1, 0, 0, 0, 5)) == "1 tag created."
    assert done_words(ImportDone(1930, 12, 3, 1, 5)) == (
        "1\u2009930 tags created, 12 changed, 3 removed; 1 bad row left out."
    )
    assert done_words(ImportDone(0, 0, 0, 0, 5)) == "Nothing was changed."


def test_bad_rows_as_csv_name_line_column_and_reason_and_run_no_formula() -> None:
    content = bad_rows_csv([NEW, BAD])
    head, row = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert head[0] == "line"
    assert row == ["3", "'=cmd()", "address", "XY99 is not an S7 address.", "Write DB1.DBD0."]
    assert template_csv({"name": "A", "address": "x"}).startswith(
        b"\xef\xbb\xbfname,address\r\nA,x"
    )


def test_what_was_read_is_a_value_or_a_reason() -> None:
    good = {"tag": "Speed", "value": 12.34567891, "quality": int(Quality.GOOD), "words": "good"}
    assert test_row(4, good, "bar") == [4, "12.3457 bar", "ok", ""]
    bad = {
        "tag": "Speed",
        "value": None,
        "quality": int(Quality.BAD_CONFIG_ERROR),
        "problem": {"message": "Speed: no such block.", "hint": "Look in TIA."},
    }
    assert test_row(4, bad, "bar") == [4, "", "bad", "No such block. Look in TIA."]


async def _import(text: str, options: ImportOptions | None = None) -> tuple[object, ...]:
    """(services, device id, rows, undo) after an import of `text` into the filler."""
    services = fake_services()
    device = next(d for d in await services.fleet.devices() if d.config.name == "Filler")
    options = options or ImportOptions()
    preview = await services.tag_files.preview_import(device.id, "t.csv", text.encode(), options)
    undo = await prepared(services, device.id, preview.rows)
    await services.tag_files.apply_import(WHO, device.id, preview.rows, options)
    return services, device.id, preview.rows, undo


FILE = "name,address,data_type,unit\nSpeed,DB10.DBD0,float32,m/min\nFresh,DB7.DBD0,float32,bar\n"


async def test_undo_deletes_what_was_created_and_restores_what_was_changed() -> None:
    services = fake_services()
    device = next(d for d in await services.fleet.devices() if d.config.name == "Filler")
    before = {tag.id: tag.config for tag in await services.fleet.tags(device.id)}
    preview = await services.tag_files.preview_import(
        device.id, "t.csv", FILE.encode(), ImportOptions()
    )
    undo = await prepared(services, device.id, preview.rows)
    assert undo is not None
    await services.tag_files.apply_import(WHO, device.id, preview.rows, ImportOptions())
    assert {tag.id: tag.config for tag in await services.fleet.tags(device.id)} != before
    done = await undo.run(services, WHO)
    assert (done.created, done.changed, done.removed) == (0, 1, 1)
    assert {tag.id: tag.config for tag in await services.fleet.tags(device.id)} == before


async def test_undo_leaves_the_tags_that_somebody_else_made_meanwhile() -> None:
    services, device_id, _, undo = await _import(FILE)
    theirs = TagConfig(name="Theirs", address="DB8.DBD0")
    await services.fleet.create_tags(WHO, device_id, [theirs])
    await undo.run(services, WHO)
    names = {tag.config.name for tag in await services.fleet.tags(device_id)}
    assert "Theirs" in names
    assert "Fresh" not in names


async def test_undo_refuses_when_one_of_its_tags_was_changed_since() -> None:
    services, device_id, _, undo = await _import(FILE)
    tags = {tag.config.name: tag for tag in await services.fleet.tags(device_id)}
    other = tags["Fresh"].config.model_copy(update={"unit": "mbar"})
    await services.fleet.update_tag(WHO, tags["Fresh"].id, other)
    with pytest.raises(ConflictError, match="Fresh"):
        await undo.run(services, WHO)
    names = {tag.config.name for tag in await services.fleet.tags(device_id)}
    assert "Fresh" in names


async def test_removed_tags_cannot_come_back_so_there_is_no_undo() -> None:
    *_, undo = await _import(FILE, ImportOptions(remove=True))
    assert undo is None
