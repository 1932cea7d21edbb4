"""Devices and tags: the form with errors at their fields, the test, live values, paste."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UiServer, sign_in

pytestmark = pytest.mark.browser


def test_create_a_device_with_an_error_at_its_field_and_then_right(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/new")
    page.locator("[data-field=name]").first.fill("Filler")
    page.locator("[data-field=port]").first.fill("70000")
    page.get_by_role("button", name="Save device").click()
    port = page.locator(".q-field--error", has=page.locator("[data-field=port]"))
    expect(port).to_contain_text("less than or equal to 65535")
    expect(page.locator("[data-field=port]").first).to_have_value("70000")
    page.locator("[data-field=port]").first.fill("1502")
    page.keyboard.press("Enter")
    host = page.locator(".q-field--error", has=page.locator("[data-field=host]"))
    expect(host).to_contain_text("the host is missing")

    page.locator("[data-field=host]").first.fill("10.20.2.77")
    page.keyboard.press("Enter")
    name = page.locator(".q-field--error", has=page.locator("[data-field=name]"))
    expect(name).to_contain_text("already has a device with the name 'Filler'")

    page.locator("[data-field=name]").first.fill("Depalletiser")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/devices/\d+\?tab=tags"))
    expect(page.get_by_role("heading", name="Depalletiser")).to_be_visible()
    expect(page.locator(".empty")).to_contain_text("No tag yet")


def test_another_driver_draws_its_own_fields(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/new")
    page.locator(".q-select", has=page.locator("[data-field=driver]")).or_(
        page.locator(".q-select[data-field=driver]")
    ).first.click()
    page.get_by_role("option", name="OPC UA").click()
    expect(page.locator("[data-field=endpoint]").first).to_be_visible()
    expect(page.locator("[data-field=unit_id]")).to_have_count(0)
    expect(page.locator("input[data-field=password]")).to_have_attribute("type", "password")


def test_test_connection_shows_values_or_the_error_with_its_hint(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/101?tab=settings")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Connected in 12 ms, 12 tags read in 8 ms; all good.")).to_be_visible()
    plan = page.locator(".scan-plan")
    expect(plan).to_contain_text("12 tags in 1 request every 1 s: 1.0 requests/s.")
    expect(plan).to_contain_text("Fits")
    row = page.locator(".plain-table:visible tbody tr").first
    expect(row).to_contain_text("Speed")
    expect(row).to_contain_text(re.compile(r"\d{3}"))
    expect(row).to_contain_text("good")
    page.locator("[data-field=host]").first.fill("10.20.1.99")
    expect(page.locator(".callout.ok")).to_have_count(0)
    page.get_by_role("button", name="Test connection").click()
    trouble = page.locator(".callout.bad:visible")
    expect(trouble).to_contain_text("No connection to 10.20.1.99")
    expect(trouble).to_contain_text("Check host, port, cabling and firewall")


def test_live_values_change_and_are_young(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101")
    expect(page.locator(".live-status")).to_contain_text("Live")
    speed = page.locator(".ag-row", has_text="Speed").first
    value = speed.locator("[col-id=v]")
    first = value.inner_text()
    assert first.endswith("bpm")
    expect(value).not_to_have_text(first)
    expect(speed.locator("[col-id=q]")).to_contain_text("good")
    expect(speed.locator("[col-id=q] .badge.ok .material-icons")).to_be_visible()
    expect(speed.locator("[col-id=age]")).to_have_text(re.compile(r"^[01]\.\d s$"))
    assert ui_server.watchers() == 1
    page.goto(f"{ui_server.url}/devices")
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    page.wait_for_function("true")
    assert _soon(lambda: ui_server.watchers() == 0, page)


def _soon(true: object, page: Page) -> bool:
    for _ in range(50):
        if callable(true) and true():
            return True
        page.wait_for_timeout(100)
    return False


def test_a_device_without_connection_shows_error_hint_and_bad_quality(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices")
    page.get_by_role("link", name="Labeller").click()
    expect(page.locator(".callout.bad:visible")).to_contain_text("connection refused")
    expect(page.locator(".callout.bad:visible")).to_contain_text("Check host, port")
    cell = page.locator(".ag-row [col-id=q]").first
    expect(cell.locator(".badge.bad")).to_contain_text("not connected")
    expect(page.locator(".ag-row.bad-row").first).to_be_visible()


def test_a_device_that_is_switched_off_shows_nothing_as_good(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices?state=off")
    page.get_by_role("link", name="Old compressor").click()
    expect(page.locator(".live-status")).to_contain_text("Switched off")
    cell = page.locator(".ag-row [col-id=q]").first
    expect(cell.locator(".badge.off")).to_contain_text("out of service")
    expect(page.locator(".ag-row .badge.ok")).to_have_count(0)


def test_paste_shows_every_problem_before_anything_is_saved(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/101?tab=tags")
    page.get_by_role("button", name="Add many").click()
    area = page.locator(".dialog textarea")
    area.fill("Speed, DB1.DBD0, real\nVibration, DB1.DBD4, flaot\nOil temp, XY99, real, °C")
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("3 lines, 3 with problems")
    expect(dialog).to_contain_text("The device already has a tag 'Speed'.")
    expect(dialog.locator("tr", has_text="XY99")).to_contain_text("S7")
    save = page.get_by_role("button", name="Save tags")
    expect(save).to_be_disabled()
    area.fill("Vibration\tDB1.DBD4\treal\tmm/s\nOil temperature\tDB1.DBD8\treal\t°C")
    expect(dialog).to_contain_text("2 lines, all good.")
    save.click()
    expect(page.get_by_text("2 tags added.")).to_be_visible()
    expect(page.locator(".ag-row", has_text="Vibration")).to_contain_text("DB1.DBD4")


def test_a_tag_is_added_changed_and_deleted(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101?tab=tags")
    page.get_by_role("button", name="Add tag").click()
    dialog = page.locator(".dialog")
    dialog.locator("[data-field=name]").first.fill("Noise")
    dialog.locator("[data-field=address]").first.fill("no such place")
    page.keyboard.press("Enter")
    expect(
        dialog.locator(".q-field--error", has=page.locator("[data-field=address]"))
    ).to_be_visible()
    dialog.locator("[data-field=address]").first.fill("DB1.DBD100")
    page.keyboard.press("Enter")
    row = page.locator(".ag-row", has_text="Noise")
    expect(row).to_contain_text("DB1.DBD100")

    row.locator("[col-id=name]").dblclick()
    dialog.locator("[data-field=unit]").first.fill("dB")
    dialog.get_by_role("button", name="Save tag").click()
    expect(row).to_contain_text("dB")

    row.locator(".ag-checkbox-input").check()
    page.get_by_role("button", name="Delete").last.click()
    page.locator(".dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 tag deleted.")).to_be_visible()
    expect(row).to_have_count(0)


def test_clone_is_off_and_delete_asks_for_the_name(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101")
    page.get_by_role("button", name="Clone").first.click()
    page.locator(".dialog input").fill("Filler 2")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/devices/\d+\?tab=settings"))
    expect(page.locator(".heading")).to_contain_text("Switched off")
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("button", name="Switch off").click()
    ask = page.locator(".dialog", has_text="Switch off Filler 2?")
    expect(ask).to_contain_text("stops until somebody switches it on again")
    ask.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    page.get_by_role("button", name="Delete").first.click()
    go = page.locator(".dialog").get_by_role("button", name="Delete device")
    expect(go).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.locator(".dialog")).to_have_count(0)
    page.get_by_role("button", name="Delete").first.click()
    page.locator(".dialog input").fill("Filler 2")
    go.click()
    page.wait_for_url(f"{ui_server.url}/devices")
    expect(page.locator(".ag-row", has_text="Filler 2")).to_have_count(0)


def test_filter_by_keyboard_and_by_state(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices")
    expect(page.locator(".ag-row", has_text="Capper")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("main met")
    expect(page.locator(".ag-row", has_text="Capper")).to_have_count(0)
    expect(page.locator(".ag-row", has_text="Main meter")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".ag-row", has_text="Capper")).to_be_visible()
    page.goto(f"{ui_server.url}/devices?state=problems")
    expect(page.locator(".ag-row", has_text="Labeller")).to_be_visible()
    expect(page.locator(".ag-row", has_text="Capper")).to_have_count(0)


def test_a_viewer_sees_but_cannot_change(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101?tab=tags", name="engineer")
    expect(page.get_by_role("button", name="Add tag")).to_be_visible()
    page.context.clear_cookies()
    sign_in(page, ui_server, "/devices/101?tab=tags", name="viewer")
    expect(page.locator(".ag-row", has_text="Speed").first).to_be_visible()
    expect(page.get_by_role("button", name="Add tag")).to_have_count(0)
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_text("Only an engineer can change settings.")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("10.20.1")
    for name in ("Save device", "Test connection", "Switch off", "Clone", "Delete"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.locator("[data-field]")).to_have_count(0)
    page.goto(f"{ui_server.url}/devices/new")
    expect(page.locator(".empty")).to_contain_text("does not allow this")
