"""Import of tags: preview, problems, test read, undo, ten thousand rows; export for everybody."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import UiServer, sign_in

pytestmark = pytest.mark.browser

HEADER = "name,address,data_type,unit\n"


def _import(page: Page, server: UiServer, name: str = "Capper") -> None:
    """The import page of a device."""
    sign_in(page, server, "/devices")
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url("**/devices/*")
    page.goto(f"{page.url.partition('?')[0]}/import")
    expect(page.get_by_text("Drop a tag file here")).to_be_visible()


def _file(page: Page, text: str, name: str = "tags.csv") -> None:
    page.set_input_files(
        "input[type=file]", {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    )


def _state(page: Page, state: str) -> Locator:
    """The button that filters by a state."""
    return page.locator(f".group button.{state}")


def _go(page: Page) -> Locator:
    return page.locator("button", has_text="Import").last


def _row(page: Page, text: str) -> Locator:
    return page.locator(".ag-center-cols-container .ag-row", has_text=text)


def test_bad_rows_come_first_with_reason_and_hint_and_stop_the_import(
    page: Page, ui_server: UiServer
) -> None:
    _import(page, ui_server)
    _file(page, f"{HEADER}Torque,DB30.DBD0,float32,Nm\nWrong,XY99,float32,\nOdd,DB30.DBD4,flaot,\n")
    expect(_row(page, "Wrong")).to_contain_text("'XY99'")
    expect(_row(page, "Wrong").locator(".import-hint")).to_contain_text("DB1.DBD10")
    expect(_row(page, "Odd")).to_contain_text("Data type:")
    expect(_row(page, "Torque")).to_have_count(0)
    expect(_go(page)).to_be_disabled()
    expect(page.get_by_text("2 rows are bad: correct the file, or skip")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("button", name="Bad rows as CSV").click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert [row[0] for row in rows] == ["line", "3", "4"]
    assert rows[1][1] == "Wrong"

    page.get_by_text("Skip bad rows", exact=True).click()
    expect(_go(page)).to_have_text("save_altImport 1 new")
    _go(page).click()
    expect(page.get_by_text("1 tag created; 2 bad rows left out.")).to_be_visible()
    page.get_by_role("button", name="To the tags").click()
    expect(_row(page, "DB30.DBD0")).to_contain_text("Torque")


def test_changes_are_named_and_undo_brings_everything_back(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101?tab=tags")
    page.goto(f"{ui_server.url}/devices/101/import")
    _file(page, f"{HEADER}Speed,DB10.DBD0,float32,m/min\nFresh,DB70.DBD0,float32,bar\n")
    expect(_row(page, "Speed")).to_contain_text("unit: bpm → m/min")
    expect(_go(page)).to_contain_text("Import 1 new, 1 changed")
    _state(page, "new").click()
    expect(_row(page, "Speed")).to_have_count(0)
    expect(_row(page, "Fresh")).to_be_visible()
    _go(page).click()
    expect(page.get_by_text("1 tag created, 1 changed.")).to_be_visible()
    expect(page.get_by_text("is on its way to filling-1")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 1 created tags deleted, 1 as before.")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page.get_by_role("button", name="To the tags").click()
    expect(_row(page, "Speed").first).to_contain_text("bpm")
    expect(_row(page, "Fresh")).to_have_count(0)


def test_removing_asks_and_escape_keeps_the_tags(page: Page, ui_server: UiServer) -> None:
    _import(page, ui_server)
    _file(page, f"{HEADER}Other,DB31.DBD0,float32,\n")
    expect(_state(page, "removed")).to_be_disabled()
    page.get_by_text("Remove tags that the file does not have").click()
    expect(_state(page, "removed")).to_be_enabled()
    expect(_go(page)).to_contain_text("removed")
    _go(page).click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("cannot be undone")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_text("Remove tags that the file does not have").click()
    expect(_go(page)).to_contain_text("Import 1 new")
    expect(_go(page)).not_to_contain_text("removed")


def test_rows_are_read_on_the_gateway_before_they_are_saved(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/101/import")
    _file(page, f"{HEADER}One,DB71.DBD0,float32,bar\nTwo,DB71.DBD4,float32,bar\n")
    page.get_by_role("button", name="Test read").click()
    expect(page.get_by_text("2 tags read; all good. Nothing was stored.")).to_be_visible()
    value = _row(page, "One").locator(".import-value")
    expect(value).to_contain_text("bar")
    _row(page, "Two").locator(".ag-checkbox-input").check()
    page.get_by_role("button", name="Test read").click()
    expect(page.get_by_text("1 tag read; all good.")).to_be_visible()
    expect(_row(page, "One").locator(".import-value")).to_have_count(0)


def test_a_gateway_that_is_away_says_so_at_the_test_read(page: Page, ui_server: UiServer) -> None:
    _import(page, ui_server, "Palletiser")
    page.get_by_role("button", name="Paste from Excel").click()
    page.locator(".dialog textarea").fill("name\taddress\tdata_type\nNew one\tDB90.DBD0\tfloat32")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Pasted rows")).to_be_visible()
    expect(_row(page, "New one")).to_be_visible()
    page.get_by_role("button", name="Test read").click()
    expect(page.locator(".notice")).to_contain_text("does not answer")
    expect(page.get_by_role("button", name="Test read")).to_be_enabled()


def test_paste_anywhere_on_the_page_is_a_file(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101/import")
    page.evaluate(
        """text => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            document.body.dispatchEvent(
                new ClipboardEvent("paste", { clipboardData, bubbles: true })
            );
        }""",
        "name\taddress\nPasted\tDB72.DBD0\n",
    )
    expect(_row(page, "Pasted")).to_contain_text("DB72.DBD0")


def test_a_file_that_is_none_leaves_the_page_as_it_was(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101/import")
    _file(page, "what,is\nthis,file\n", "notes.csv")
    expect(page.locator(".notice")).to_contain_text("no columns name and address")
    expect(page.get_by_text("Drop a tag file here")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Template to fill in").click()
    template = download.value.path().read_text("utf-8-sig")
    assert template.startswith("name,address,")
    page.get_by_role("button", name="Close").click()
    _file(page, template, "template.csv")
    expect(page.locator(".drop-title")).to_have_text("template.csv")
    expect(_state(page, "bad")).to_be_disabled()


def test_ten_thousand_rows_stay_usable(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101/import")
    lines = [f"T {n:05},DB{100 + n // 1000}.DBD{n % 1000 * 4},float32,bar" for n in range(10_000)]
    _file(page, HEADER + "\n".join(lines))
    expect(page.get_by_text("10\u2009000 rows")).to_be_visible()
    expect(_row(page, "T 00000")).to_be_visible()
    assert page.locator(".ag-center-cols-container .ag-row").count() < 100
    page.get_by_placeholder("Filter rows").fill("T 09999")
    expect(_row(page, "T 09999")).to_be_visible()
    expect(_row(page, "T 00000")).to_have_count(0)
    page.get_by_placeholder("Filter rows").fill("")
    page.get_by_role("button", name="Test read").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Test read")).to_be_enabled()
    _go(page).click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text("10\u2009000 tags created.")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("10\u2009000 created tags deleted")).to_be_visible(timeout=20_000)


def test_a_viewer_exports_but_does_not_import(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101?tab=tags", name="viewer")
    expect(_row(page, "Speed").first).to_be_visible()
    expect(page.get_by_role("button", name="Import")).to_have_count(0)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.locator(".q-menu .q-item", has_text="CSV").click()
    assert download.value.suggested_filename == "Filler tags.csv"
    assert "Speed" in download.value.path().read_text("utf-8-sig")
    page.goto(f"{ui_server.url}/devices/101/import")
    expect(page.locator(".empty")).to_contain_text("does not allow this")
