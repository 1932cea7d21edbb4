"""A use of a function in a browser: deployed, changed, rolled back, its log and its shadow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import UiServer, sign_in
from tests.browser.pick import pick

pytestmark = pytest.mark.browser

BOWL, METER, STOPPED = 173, 189, 192
"""Device ids of uses of the fakes' plant."""


def _button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def _choose(page: Page, port: str, words: str) -> None:
    """Type into an input's search, and take the one that is found."""
    page.locator(f"input[data-field={port}]").fill(words)
    expect(page.locator(".picker-item:visible")).to_have_count(1)
    page.locator(".picker-item:visible").click()


# --- deploy and change -----------------------------------------------------------------------
def test_deploying_shows_problems_at_their_fields_and_then_works(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/functions/level_trend/deploy?version=1.2.0")
    page.locator("[data-field=name]").fill("Tank trend")
    page.locator("[data-field=level]").fill("recipe")
    expect(page.locator(".picker-list:visible")).to_contain_text("No tag that fits")
    page.locator("[data-field=level]").fill("")
    _button(page, "Deploy").click()
    field = page.locator(".input-tags", has=page.locator("[data-field=level]"))
    expect(field.locator(".field-error")).to_contain_text("needs a tag")
    _choose(page, "level", "filler bowl level")
    expect(field.locator(".trend-chip")).to_have_text(re.compile("Filler / Bowl level"))
    expect(field.locator(".field-error")).to_be_hidden()

    page.locator("[data-field=window_s]").fill("-3")
    _button(page, "Deploy").click()
    wrong = page.locator("label.q-field--error", has=page.locator("[data-field=window_s]"))
    expect(wrong).to_contain_text("greater than 0")
    page.locator("[data-field=window_s]").fill("30")
    page.locator("[data-output=slope]").fill("Tank slope")
    page.get_by_text("Limits", exact=True).click()
    page.locator("[data-field=memory_mb]").fill("7")
    _button(page, "Deploy").click()
    wrong = page.locator("label.q-field--error", has=page.locator("[data-field=memory_mb]"))
    expect(wrong).to_contain_text("greater than or equal to 32")
    page.locator("[data-field=memory_mb]").fill("64")
    _button(page, "Deploy").click()
    page.wait_for_url(re.compile(r"/functions/uses/\d+$"))
    expect(page.get_by_role("heading", name="Tank trend")).to_be_visible()
    live = page.locator("[aria-label='Live values'] .ag-center-cols-container .ag-row")
    expect(live.filter(has_text="Tank slope")).to_contain_text("good")
    page.get_by_role("tab", name="Set-up").click()
    expect(page.locator(".facts", has_text="Window (s)")).to_contain_text("30")
    expect(page.locator(".setup-port", has_text="level")).to_contain_text("Filler / Bowl level")


def test_many_tags_come_by_a_name_pattern(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/functions/moving_average/deploy")
    expect(page.locator("[data-field=version]")).to_have_count(0)
    expect(page.get_by_text("Limits", exact=True)).to_have_count(0)
    page.locator("[data-field=name]").fill("Zones")
    page.locator("[data-field=values]").fill("zone 1 temp*")
    expect(page.locator(".picker-item:visible")).to_have_count(1)
    expect(page.locator(".picker-item:visible")).to_contain_text("[°C]")
    expect(page.locator(".picker-item:visible")).to_contain_text("Shrink tunnel, float")
    page.locator("[data-field=values]").fill("zone * temperature")
    expect(page.locator(".picker-item:visible")).to_have_count(8)
    page.get_by_role("option", name="All 7 tags").click()
    expect(page.locator(".input-chips .trend-chip")).to_have_count(7)
    expect(page.locator("[data-output]")).to_have_count(7)
    expect(page.locator("tr", has=page.locator("[data-output]")).first).to_contain_text("°C")
    _button(page, "Deploy").click()
    wrong = page.locator("label.q-field--error", has=page.locator("[data-field=rows]"))
    expect(wrong).to_contain_text("either a number of rows or a window")
    page.locator("[data-field=rows]").fill("20")
    _button(page, "Deploy").click()
    page.wait_for_url(re.compile(r"/functions/uses/\d+$"))
    expect(page.get_by_text("without a process of its own")).to_be_visible()
    expect(page.get_by_role("tab", name="Shadow")).to_have_count(0)


def test_a_change_is_shown_before_it_is_saved(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, f"/functions/uses/{METER}/change")
    changes = page.locator(".panel", has=page.get_by_role("heading", name="What changes"))
    expect(changes).to_contain_text("Nothing yet.")
    expect(_button(page, "Save")).to_be_disabled()
    page.locator("[data-field=window_s]").fill("90")
    expect(changes).to_contain_text("Parameter window_s: 60 becomes 90")
    expect(changes).to_contain_text("Version 1.1.0 stays, so it goes on with its state.")
    pick(page, page, "version", "2.0.0 (newest)")
    expect(changes).to_contain_text("so its state starts anew")
    expect(page.locator("[data-field=window_s]")).to_have_value("90")
    pick(page, page, "version", "1.2.0")
    expect(changes).to_contain_text("so it goes on with its state")
    _button(page, "Save").click()
    page.wait_for_url(f"**/functions/uses/{METER}")
    expect(page.get_by_text("Version 1.2.0 is new here")).to_be_visible()
    _button(page, "Roll back to 1.1.0").click()
    page.locator(".dialog").get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("level_trend 1.1.0 on utilities")).to_be_visible()
    expect(_button(page, "Roll back to 1.1.0")).to_be_hidden()


# --- one use ---------------------------------------------------------------------------------
def test_a_fault_says_function_version_line_and_traceback(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, f"/functions/uses/{STOPPED}")
    box = page.locator(".callout.bad:visible")
    expect(box).to_contain_text("Stopped")
    expect(box).to_contain_text("level_trend 1.0.0, line 31")
    expect(box.get_by_text("Traceback (most recent")).to_be_hidden()
    box.get_by_text("Traceback", exact=True).click()
    expect(box.get_by_text("Traceback (most recent")).to_be_visible()
    expect(page.locator(".tile", has_text="Faults")).to_have_class(re.compile("bad"))
    _button(page, "Start again").click()
    expect(page.locator(".tile", has_text="State")).to_contain_text("Running")
    expect(_button(page, "Start again")).to_be_hidden()
    expect(box).to_have_count(0)


def test_the_log_grows_pauses_and_filters_by_key(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, f"/functions/uses/{BOWL}?tab=log")
    log = page.get_by_role("log")
    lines = log.locator(".log-line")
    expect(lines.first).to_be_visible()
    before = lines.count()
    expect(lines.nth(before + 1)).to_be_attached()
    log.focus()
    page.keyboard.press(" ")
    pause = page.locator("[data-log=pause]")
    expect(pause).to_have_attribute("aria-pressed", "true")
    held = lines.count()
    expect(pause).to_contain_text(re.compile(r"Paused, [2-9] new"))
    assert lines.count() == held
    page.keyboard.press(" ")
    expect(lines.nth(held + 1)).to_be_attached()
    page.keyboard.press("4")
    expect(page.locator("button[data-least=error]")).to_have_attribute("aria-pressed", "true")
    expect(log.locator(".log-info").first).to_be_hidden()
    expect(log.locator(".log-error").last).to_be_visible()
    assert log.evaluate("(box) => box.scrollHeight - box.scrollTop - box.clientHeight") < 24


def test_a_shadow_is_compared_ended_and_started(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, f"/functions/uses/{BOWL}?tab=shadow")
    shadow = page.locator(".panel", has=page.get_by_role("heading", name="Shadow"))
    expect(shadow).to_contain_text(re.compile(r"9\d\.\d\d %"))
    expect(shadow.locator(".trend-chip", has_text="1.2.0 shadow")).to_be_visible()
    expect(shadow.locator(".use-chart")).to_have_attribute("data-drawn", re.compile(r"\d+"))
    _button(page, "End shadow").click()
    expect(_button(page, "Start shadow")).to_be_visible()
    _button(page, "Start shadow").click()
    expect(shadow).to_contain_text("2.0.0 beside 1.1.0")
    page.get_by_role("button", name="Change to 2.0.0").click()
    page.wait_for_url(f"**/functions/uses/{BOWL}/change?version=2.0.0")
    expect(page.get_by_text("Version: 1.1.0 becomes 2.0.0")).to_be_visible()


def test_values_and_trend_of_a_use(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, f"/functions/uses/{BOWL}")
    expect(page.get_by_text("its memory is limited, it has no network")).to_be_visible()
    chart = page.locator(".use-chart:visible")
    expect(chart).to_have_attribute("data-drawn", re.compile(r"\d+"))
    expect(page.locator(".trend-chip", has_text="Filler / Bowl level")).to_contain_text("in")
    expect(page.locator(".trend-chip", has_text="slope")).to_contain_text("%/min")
    page.get_by_role("tab", name="Faults and events").click()
    expect(page.locator(".events tr", has_text="Alarm")).to_contain_text("The level is too high.")
    page.get_by_role("link", name="level_trend", exact=True).click()
    page.wait_for_url("**/functions/level_trend")


def test_switching_off_and_deleting_ask_first(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/functions/running_hours")
    page.get_by_role("link", name="Filler hours").click()
    _button(page, "Switch off").click()
    page.locator(".dialog").get_by_role("button", name="Switch off").click()
    expect(page.locator(".tile", has_text="State")).to_contain_text("Switched off")
    _button(page, "Switch on").click()
    expect(page.locator(".tile", has_text="State")).to_contain_text("Running")
    _button(page, "Delete").click()
    dialog = page.locator(".dialog")
    expect(dialog.get_by_role("button", name="Delete use")).to_be_disabled()
    dialog.locator("input").fill("Filler hours")
    page.keyboard.press("Enter")
    page.wait_for_url("**/functions/running_hours")
    expect(page.get_by_text("It is not in use")).to_be_visible()
