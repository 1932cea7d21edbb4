"""Profiles: from a device to a profile, versions, and thirty devices from a table."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import UiServer, sign_in

pytestmark = pytest.mark.browser


def _cell(page: Page, table: str, row: int, column: str) -> Locator:
    grid = page.locator(f"[aria-label='{table}']")
    return grid.locator(f".ag-center-cols-container .ag-row[row-index='{row}'] [col-id={column}]")


def _type(page: Page, cell: Locator, text: str) -> None:
    """Enter opens a cell, Enter closes it."""
    cell.click()
    page.keyboard.press("Enter")
    expect(cell.locator("input")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(cell).to_have_text(text)


def _paste(page: Page, cell: Locator, text: str) -> None:
    cell.click()
    cell.evaluate(
        """(place, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            place.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        text,
    )


def test_a_device_becomes_a_profile_with_its_problem_at_the_cell(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/profiles")
    page.get_by_role("button", name="From a device").click()
    go = page.get_by_role("button", name="Continue")
    expect(go).to_be_disabled()
    page.locator(".dialog input").fill("Filler on")
    page.get_by_role("option", name=re.compile("Filler on filling-1")).click()
    go.click()
    page.wait_for_url("**/profiles/new?device=101")
    expect(page.locator("[data-field=host]").first).to_have_value("{host}")
    expect(_cell(page, "Parameters", 1, "name")).to_have_text("host")

    page.locator("[data-field=profile]").fill("Filling machine")
    address = _cell(page, "Tags", 1, "address")
    _type(page, address, "XY77")
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator(".callout.bad:visible")).to_contain_text("'XY77' is not an S7 address")
    expect(address).to_have_class(re.compile("wrong"))
    _type(page, address, "DB10.DBD{offset}")
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator(".callout.bad:visible")).to_contain_text("no parameter 'offset'")
    _type(page, address, "DB10.DBD4")
    page.get_by_role("button", name="Save profile").click()
    page.wait_for_url(re.compile(r"/profiles/\d+$"))
    expect(page.get_by_role("heading", name="Filling machine")).to_be_visible()


def test_a_new_version_keeps_the_old_one_and_it_can_come_back(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/profiles/1")
    page.get_by_role("button", name="Add parameter").click()
    _type(page, _cell(page, "Parameters", 3, "name"), "base")
    _type(page, _cell(page, "Tags", 0, "address"), "HR:{base}")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("Version 2 (newest)")).to_be_visible()
    page.goto(f"{ui_server.url}/profiles/1?version=1")
    expect(page.get_by_text("This is version 1; versions never change.")).to_be_visible()
    expect(page.locator(".plain-table", has_text="HR:100")).to_be_visible()
    expect(page.get_by_role("button", name="Save as a new version")).to_have_count(0)
    page.get_by_role("button", name="Make it the newest").click()
    page.wait_for_url("**/profiles/1")
    expect(page.get_by_text("Version 3 (newest)")).to_be_visible()
    expect(_cell(page, "Tags", 0, "address")).to_have_text("HR:100")


def test_json_and_form_are_the_same_profile(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/profiles/1")
    page.get_by_role("button", name="Edit as JSON").click()
    editor = page.locator(".cm-content")
    expect(editor).to_contain_text('"unit_id": "{unit_id}"')
    page.get_by_role("button", name="Edit as form").click()
    expect(page.locator("[data-field=unit_id]").first).to_have_value("{unit_id}")
    page.get_by_role("button", name="Edit as JSON").click()
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("{ nonsense")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.locator(".callout.bad:visible")).to_contain_text("Line 1 is not JSON")


def test_thirty_of_these(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/profiles/1/devices")
    expect(page.get_by_role("button", name="Create 0 devices")).to_be_disabled()
    page.get_by_role("button", name="Add many").click()
    dialog = page.locator(".dialog")
    dialog.locator("[data-field=fill-name]").fill("Meter {n:02}")
    dialog.locator("[data-field=fill-host]").fill("10.7.0.{n+10}")
    expect(dialog).to_contain_text("Meter 01, Meter 02 … Meter 30")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Create 30 devices")).to_be_enabled()
    expect(_cell(page, "Devices to make", 2, "host")).to_have_text("10.7.0.13")

    _paste(
        page, _cell(page, "Devices to make", 0, "name"), "Meter A\t\t7\nMeter B\t10.8.0.2\t999\n"
    )
    expect(_cell(page, "Devices to make", 0, "unit_id")).to_have_text("7")
    page.get_by_role("button", name="Create 30 devices").click()
    problems = page.locator(".callout.bad:visible")
    expect(problems).to_contain_text("Nothing was created.")
    expect(problems).to_contain_text("Row 1, Host: A value is missing.")
    expect(problems).to_contain_text("Row 2, Unit id (1)")
    expect(_cell(page, "Devices to make", 0, "host")).to_have_class(re.compile("wrong"))
    expect(_cell(page, "Devices to make", 1, "unit_id")).to_have_class(re.compile("wrong"))

    _type(page, _cell(page, "Devices to make", 0, "host"), "10.8.0.1")
    _type(page, _cell(page, "Devices to make", 1, "unit_id"), "8")
    page.get_by_role("button", name="Create 30 devices").click()
    expect(page.get_by_text("30 devices created on filling-1.")).to_be_visible()
    expect(page.locator(".made a")).to_have_count(30)
    page.locator(".made a", has_text="Meter B").click()
    page.wait_for_url("**/devices/*")
    expect(page.get_by_role("heading", name="Meter B")).to_be_visible()
    expect(page.get_by_text("10.8.0.2:502")).to_be_visible()
    page.goto(f"{ui_server.url}/profiles/1")
    expect(page.locator(".made a", has_text="Meter 30")).to_be_visible()


def test_deleting_asks_and_the_list_is_empty_then(page: Page, empty_server: UiServer) -> None:
    sign_in(page, empty_server, "/profiles")
    expect(page.locator(".empty")).to_contain_text("No profile yet")
    page.get_by_role("button", name="From a device").click()
    expect(page.locator(".dialog")).to_contain_text("There is no device yet")


def test_delete_a_profile(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/profiles/new?device=101")
    page.locator("[data-field=profile]").fill("Short-lived")
    page.get_by_role("button", name="Save profile").click()
    page.wait_for_url(re.compile(r"/profiles/\d+$"))
    page.get_by_role("button", name="Delete", exact=True).click()
    page.locator(".dialog").get_by_role("button", name="Delete profile").click()
    page.wait_for_url("**/profiles")
    expect(page.locator(".ag-row", has_text="Energy meter")).to_be_visible()
    expect(page.locator(".ag-row", has_text="Short-lived")).to_have_count(0)


def test_a_viewer_reads_profiles_and_changes_nothing(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/profiles", name="viewer")
    expect(page.get_by_role("button", name="From a device")).to_have_count(0)
    page.get_by_role("link", name="Energy meter PM5110").click()
    page.wait_for_url("**/profiles/1")
    expect(page.locator(".plain-table", has_text="Active power")).to_be_visible()
    for name in ("Save as a new version", "Delete", "Make devices"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.goto(f"{ui_server.url}/profiles/1/devices")
    expect(page.locator(".empty")).to_contain_text("does not allow this")
