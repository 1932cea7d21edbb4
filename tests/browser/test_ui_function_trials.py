"""A function on stored data before it touches anything: plot, faults, alarms, recorded data."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UiServer, sign_in
from tests.browser.editing import check_badge, choose_tag, is_ready, line_after, open_editor

pytestmark = pytest.mark.browser

_INK = """() => {
  const canvas = document.querySelector(".try-chart canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] > 40) found++;
  return found;
}"""


def test_a_source_that_is_not_saved_runs_on_stored_data(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/new")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    page.locator(".cm-line", has_text="return").click()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".input-tags .field-error:visible")).to_have_count(2)
    choose_tag(page, "inflow", "product flow")
    choose_tag(page, "outflow", "bowl level")
    page.locator("[data-field=factor]").fill("2")
    page.get_by_role("button", name="15 min").click()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".try-result .callout.ok")).to_contain_text("It ran without a fault.")
    figures = page.locator(".try-figures")
    expect(figures).to_contain_text(re.compile(r"Rows\s*900"))
    expect(figures).to_contain_text("CPU per million values")
    expect(page.locator(".try-chip")).to_have_text(
        [re.compile("inflow: Filler / Product flow"), re.compile("outflow"), re.compile("value")]
    )
    expect(page.locator(".try-chart[data-drawn]")).to_be_visible()
    ink = page.evaluate(_INK)
    assert ink > 2000
    page.locator(".try-chip", has_text="value").click()
    page.locator(".try-chip", has_text="outflow").click()
    expect(page.locator(".try-chip[aria-pressed=false]")).to_have_count(2)
    assert page.evaluate(_INK) < ink
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as recorded data").click()
    head = download.value.path().read_text().splitlines()[0]
    assert "inflow" in head
    assert "outflow" in head
    page.reload()
    is_ready(page)
    expect(page.locator(".input-chips .trend-chip")).to_have_count(2)
    expect(page.locator("[data-field=factor]")).to_have_value("2")


def test_a_fault_leads_to_its_line(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/new?template=class")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    line_after(page, "volume = batch", "ctx.log('before the fault')")
    line_after(page, "ctx.log", "first = volume[1_000_000]")
    choose_tag(page, "level", "bowl level")
    page.get_by_role("button", name="Run", exact=True).click()
    fault = page.locator(".try-fault")
    expect(fault).to_have_count(1)
    expect(fault).to_contain_text("IndexError")
    page.get_by_role("button", name="Line 23").click()
    expect(page.locator(".cm-activeLine")).to_contain_text("first = volume")
    expect(page.locator(".cm-content")).to_be_focused()


def test_alarms_and_log_lines_of_a_trial_are_listed(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/new?template=class")
    line_after(page, "volume = batch", "ctx.log(f'{len(batch)} rows')")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    choose_tag(page, "level", "bowl level")
    page.keyboard.press("Control+Enter")
    result = page.locator(".try-result")
    expect(result.locator(".try-section", has_text="Alarms, events and writes")).to_contain_text(
        "The tank is too full."
    )
    expect(result.locator(".try-section", has_text="Log")).to_contain_text("rows")


def test_parameters_that_are_wrong_are_said_at_their_field(page: Page, ui_server: UiServer) -> None:
    open_editor(page, ui_server, "/functions/new?template=class")
    expect(check_badge(page)).to_have_text(re.compile("No problems"))
    choose_tag(page, "level", "bowl level")
    page.locator("[data-field=area]").fill("many")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".parameters")).to_contain_text(re.compile("valid number"))
    expect(page.locator(".try-figures")).to_have_count(0)


def test_a_wheel_is_tried_and_not_edited(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/functions/cap_torque/edit")
    expect(page.locator(".callout.info").first).to_contain_text("This version is a wheel")
    expect(page.locator(".editor")).to_have_count(0)
    expect(page.locator(".spec")).to_contain_text("torques")
    page.locator("[data-field=torques]").fill("capper torque head")
    page.get_by_role("option", name=re.compile(r"All \d+ tags")).click()
    expect(page.locator(".input-chips .trend-chip")).to_have_count(8)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".try-figures")).to_be_visible()
