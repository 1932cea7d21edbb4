"""Forms: fields that apply, empty optional numbers, and the folded groups of a tag."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UiServer, sign_in
from tests.browser.pick import pick

pytestmark = pytest.mark.browser


def test_fields_show_where_they_apply_and_keep_their_values(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/new")
    host, serial = page.locator("[data-field=host]"), page.locator("[data-field=serial_port]")
    expect(host).to_be_visible()
    expect(serial).to_be_hidden()
    host.fill("10.20.2.78")
    page.locator("[data-field=port]").fill("70000")
    pick(page, page, "transport", "Serial line, RTU")
    expect(host).to_be_hidden()
    expect(serial).to_be_visible()
    page.locator("[data-field=name]").first.fill("Old burner")
    page.get_by_role("button", name="Save device").click()
    place = page.locator(".q-field--error", has=serial)
    expect(place).to_contain_text("a serial line needs its serial port")
    pick(page, page, "transport", "Modbus TCP")
    expect(host).to_have_value("10.20.2.78")
    pick(page, page, "transport", "Serial line, RTU")
    serial.fill("/dev/ttyUSB0")
    page.get_by_role("button", name="Save device").click()
    page.wait_for_url(re.compile(r"/devices/\d+\?tab=tags"))
    expect(page.locator(".heading")).to_contain_text("Modbus, /dev/ttyUSB0, unit 1")


def test_an_empty_slot_is_the_usual_one_and_a_wrong_one_opens_no_door(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/101?tab=settings")
    slot = page.locator("[data-field=slot]")
    expect(slot).to_have_value("")
    slot.fill("99")
    page.get_by_role("button", name="Save device").click()
    expect(page.locator(".q-field--error", has=slot)).to_contain_text("31")
    slot.fill("2")
    with page.expect_navigation():
        page.get_by_role("button", name="Save device").click()
    expect(slot).to_have_value("2")
    slot.fill("")
    with page.expect_navigation():
        page.get_by_role("button", name="Save device").click()
    expect(slot).to_have_value("")


def test_an_error_in_folded_settings_opens_them(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/new")
    fold = page.locator("[data-field=max_block]")
    expect(fold).to_be_hidden()
    page.locator("[data-field=name]").first.fill("Folded")
    page.locator("[data-field=host]").fill("10.20.2.79")
    page.get_by_text("More settings").click()
    fold.fill("500")
    page.get_by_text("More settings").click()
    expect(fold).to_be_hidden()
    page.get_by_role("button", name="Save device").click()
    expect(page.locator(".q-field--error", has=fold)).to_contain_text("125")


def test_a_tag_has_its_scaling_or_a_linear_range_and_never_both(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/101?tab=tags")
    page.get_by_role("button", name="Add tag").click()
    dialog = page.locator(".dialog")
    dialog.locator("[data-field=name]").fill("Fill level")
    dialog.locator("[data-field=address]").fill("DB10.DBW120")
    pick(page, dialog, "data_type", "int16 (INT)")
    expect(dialog.locator("[data-field=scaling]")).to_be_hidden()
    dialog.get_by_text("Scaling and range").click()
    pick(page, dialog, "scaling", "Scale and offset")
    dialog.locator("[data-field=scale]").fill("0,1")
    expect(dialog.locator("[data-field=raw_low]")).to_be_hidden()
    pick(page, dialog, "scaling", "Linear range")
    expect(dialog.locator("[data-field=scale]")).to_be_hidden()
    for name, value in (("raw_low", "0"), ("raw_high", "27648"), ("low", "0"), ("high", "100")):
        dialog.locator(f"[data-field={name}]").fill(value)
    dialog.get_by_text("Writing", exact=True).click()
    expect(dialog.locator("[data-field=write_high]")).to_be_hidden()
    pick(page, dialog, "access", "Read and write")
    dialog.locator("[data-field=write_high]").fill("90")
    dialog.get_by_role("button", name="Save tag").click()
    row = page.locator(".ag-row", has_text="Fill level")
    expect(row).to_contain_text("x 0.0036169 + 0")
    expect(row.locator("[col-id=access]")).to_have_text("write")

    row.locator("[col-id=name]").dblclick()
    expect(dialog.locator("[data-field=raw_high]")).to_have_value("27648")
    pick(page, dialog, "scaling", "As the PLC has it")
    pick(page, dialog, "data_type", "bool (one bit)")
    expect(dialog.get_by_text("Scaling and range")).to_be_hidden()
    expect(dialog.locator("[data-field=write_high]")).to_be_hidden()
