"""Writes: asked in words, checked against limits, once, with a result that is never prettier than
it is."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import UiServer, sign_in

pytestmark = pytest.mark.browser


def _write(page: Page, tag: str) -> Locator:
    page.locator(".ag-row", has_text=tag).get_by_role("button", name="Write").click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text(tag)
    return dialog


def _put(page: Page, tag: str, value: str) -> Locator:
    dialog = _write(page, tag)
    dialog.locator("input").fill(value)
    dialog.get_by_role("button", name="Next").click()
    dialog.get_by_role("button", name="Write now").click()
    return dialog


def test_a_value_is_asked_for_confirmed_in_words_and_read_back(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/101", name="operator")
    dialog = _write(page, "Speed setpoint")
    expect(dialog).to_contain_text(re.compile(r"Now\s*\d{3}[.\d]* bpm"))
    expect(dialog).to_contain_text("Allowed: 0 to 600 bpm")
    dialog.locator("input").fill("700")
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.locator(".q-field--error")).to_contain_text("Allowed: 0 to 600 bpm.")
    dialog.locator("input").fill("420,5")
    dialog.get_by_role("button", name="Next").click()
    expect(dialog).to_contain_text("Write 420.5 bpm to Speed setpoint on Filler?")
    dialog.get_by_role("button", name="Write now").click()
    expect(dialog.locator(".callout.ok")).to_contain_text("Written, and read back equal")
    dialog.get_by_role("button", name="Close").click()
    row = page.locator(".ag-row", has_text="Speed setpoint")
    expect(row.locator("[col-id=v]")).to_have_text("420.50 bpm")


@pytest.mark.parametrize(
    ("value", "level", "text"),
    [
        ("599", "warn", "Unknown whether it was written"),
        ("598", "warn", "Written, but now it is 550 bpm"),
        ("597", "bad", "The device refused the value: write protected. Set the PLC to remote."),
    ],
)
def test_a_bad_end_is_said_as_it_is(
    page: Page, ui_server: UiServer, value: str, level: str, text: str
) -> None:
    sign_in(page, ui_server, "/devices/101")
    dialog = _put(page, "Speed setpoint", value)
    expect(dialog.locator(f".callout.{level}")).to_contain_text(text)
    expect(dialog.locator(".callout.ok")).to_have_count(0)


def test_the_keyboard_alone_writes_and_escape_writes_nothing(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/101")
    page.locator(".ag-row", has_text="Speed setpoint").locator("[col-id=rw]").focus()
    page.keyboard.press("Enter")
    field = page.locator(".dialog input")
    expect(field).to_be_focused()
    page.keyboard.type("333")
    page.keyboard.press("Enter")
    go = page.get_by_role("button", name="Write now")
    expect(go).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".dialog")).to_have_count(0)
    before = page.locator(".ag-row", has_text="Speed setpoint").locator("[col-id=v]")
    expect(before).not_to_have_text("333 bpm")

    page.locator(".ag-row", has_text="Speed setpoint").locator("[col-id=rw]").focus()
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    page.keyboard.type("333")
    page.keyboard.press("Enter")
    expect(go).to_be_enabled()
    expect(go).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".callout.ok")).to_contain_text("read back equal")
    page.keyboard.press("Escape")
    expect(before).to_have_text("333 bpm")


def test_a_second_enter_by_accident_does_not_write(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101")
    dialog = _write(page, "Speed setpoint")
    dialog.locator("input").fill("111")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    go = page.get_by_role("button", name="Write now")
    expect(go).to_be_enabled()
    expect(dialog.locator(".callout")).to_have_count(0)


def test_several_at_once_by_type(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101")
    page.get_by_role("button", name="Write …").click()
    expect(page.get_by_text("No tag is ticked.")).to_be_visible()
    for name in ("Speed setpoint", "Recipe", "Rinser on"):
        page.locator(".ag-row", has_text=name).locator(".ag-checkbox-input").check()
    page.get_by_role("button", name="Write …").click()
    dialog = page.locator(".dialog")
    dialog.locator(".write-row", has_text="Speed setpoint").locator("input").fill("597")
    dialog.locator(".write-row", has_text="Recipe").locator("input").fill("Lemon 0.5 l")
    switch = dialog.locator(".write-row", has_text="Rinser on").get_by_role("switch")
    if switch.get_attribute("aria-checked") != "true":
        switch.click()
    dialog.get_by_role("button", name="Next").click()
    expect(dialog).to_contain_text("Write 3 values to Filler?")
    expect(dialog.locator("li")).to_have_text(
        ["Speed setpoint: 597 bpm", "Recipe: 'Lemon 0.5 l'", "Rinser on: on (true)"]
    )
    dialog.get_by_role("button", name="Write now").click()
    results = dialog.locator(".write-result")
    expect(results).to_have_count(3)
    expect(results.first).to_contain_text("Not written")
    expect(dialog.locator(".callout.ok")).to_have_count(2)


def test_a_viewer_has_nothing_to_write_with(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101", name="viewer")
    expect(page.locator(".ag-row", has_text="Speed setpoint")).to_be_visible()
    expect(page.get_by_role("button", name="Write")).to_have_count(0)
    expect(page.locator("[col-id=rw]")).to_have_count(0)
