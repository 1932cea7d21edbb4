"""Functions where devices are shown, and steps of a device."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UiServer, sign_in
from tests.browser.pick import pick

pytestmark = pytest.mark.browser


def test_a_function_is_a_device_that_is_set_elsewhere(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices")
    row = page.locator(".ag-row", has=page.get_by_role("link", name="Bowl trend"))
    expect(row.locator("[col-id=driver]")).to_have_text("Function")
    expect(row.locator("[col-id=state]")).to_contain_text("Running")
    use = row.get_by_role("link", name=re.compile("level_trend 1.1.0"))
    expect(use).to_have_attribute("href", re.compile(r"/functions/uses/\d+"))
    stopped = page.locator(".ag-row", has=page.get_by_role("link", name="Hall 2 trend"))
    expect(stopped.locator("[col-id=state]")).to_contain_text("Stopped")
    row.get_by_role("link", name="Bowl trend").click()
    expect(page.locator("h1")).to_have_text("Bowl trend")
    expect(page.locator(".ag-row").first.locator("[col-id=q]")).to_contain_text("good")
    for gone in ("Why bad?", "Clone"):
        expect(page.get_by_role("button", name=gone)).to_have_count(0)
    expect(page.get_by_role("tab")).to_have_text([re.compile("Live"), re.compile("Tags")])
    page.get_by_role("tab", name="Tags").click()
    expect(page.locator(".ag-row:visible").first).to_be_visible()
    for gone in ("Import", "Add tag", "Add many", "Clone"):
        expect(page.get_by_role("button", name=gone, exact=True)).to_have_count(0)
    page.get_by_role("button", name="Function", exact=True).click()
    page.wait_for_url(re.compile(r"/functions/uses/\d+$"))


def test_the_overview_counts_functions_apart_and_says_what_is_stopped(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server)
    tile = page.locator(".tile", has_text="Devices running")
    expect(tile).to_contain_text(re.compile(r"\d of \d functions running"))
    problem = page.locator(".problem", has_text="Hall 2 trend")
    expect(problem).to_contain_text("Stopped")
    expect(problem.get_by_role("link")).to_have_attribute(
        "href", re.compile(r"/functions/uses/\d+")
    )


def test_a_step_is_added_checked_ordered_and_kept(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/101?tab=settings")
    steps = page.locator(".steps-section")
    expect(steps.locator(".step-row")).to_have_count(0)
    save = page.get_by_role("button", name="Save device")
    steps.get_by_role("button", name="Add step").click()
    first = steps.locator(".step-row").nth(0)
    save.click()
    expect(first.locator(".q-field--error")).to_contain_text("Name at least one tag.")
    first.locator("[data-field=tags]").fill("Nothing*")
    expect(first).to_contain_text("No number of this device is called so.")
    first.locator("[data-field=tags]").fill("Bowl*; Speed")
    expect(first).to_contain_text("3 tags: Speed, Bowl pressure, Bowl level")
    first.locator("[data-field=raw_low]").fill("0")
    save.click()
    expect(first.locator(".q-field--error")).to_have_text(re.compile(r"A linear range needs"))
    first.locator("[data-field=raw_low]").fill("")
    first.locator("[data-field=scale]").fill("0,5")

    steps.get_by_role("button", name="Add step").click()
    second = steps.locator(".step-row").nth(1)
    pick(page, second, "function", "Linearise")
    second.locator("[data-field=tags]").fill("Speed")
    second.locator("textarea").fill("0; 0\n600; 100")
    second.get_by_role("button", name="Earlier").click()
    expect(steps.locator(".step-row").nth(0)).to_contain_text("1 tag: Speed")
    with page.expect_navigation():
        save.click()
    expect(steps.locator(".step-row")).to_have_count(2)
    expect(steps.locator("textarea")).to_have_value("0; 0\n600; 100")
    again = steps.locator(".step-row").nth(1)
    expect(again.locator("[data-field=scale]")).to_have_value("0.5")
    again.get_by_role("button", name="Remove step").click()
    expect(steps.locator(".step-row")).to_have_count(1)
    steps.get_by_role("button", name="Remove step").click()
    with page.expect_navigation():
        save.click()
    expect(steps.locator(".step-row")).to_have_count(0)
