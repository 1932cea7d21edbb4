"""Functions in a browser: the list, one function, its versions and rollouts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import UiServer, sign_in
from tests.browser.pick import pick

pytestmark = pytest.mark.browser

BOWL, OFFLINE = 173, 198
"""Device ids of uses of the fakes' plant."""


def _row(page: Page, table: str, text: str) -> Locator:
    return page.locator(f"[aria-label='{table}'] .ag-center-cols-container .ag-row", has_text=text)


def _button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


# --- the list ------------------------------------------------------------------------------
def test_the_list_says_where_functions_work_and_what_is_wrong(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/functions")
    trend = _row(page, "Own functions", "level_trend")
    expect(trend.locator("[col-id=state]")).to_contain_text("1 of 3 stopped")
    expect(trend.locator("[col-id=versions]")).to_have_text("1.1.0, 1.0.0")
    expect(trend.locator("[col-id=gateways]")).to_have_text("filling-1, utilities")
    expect(trend.locator("[col-id=faults]")).to_have_text("8")
    expect(trend.locator("[col-id=error]")).to_contain_text("line 31: ZeroDivisionError")
    expect(trend.locator("[col-id=cpu]")).not_to_have_text("0")
    expect(_row(page, "Own functions", "cap_torque")).to_contain_text("1 of 2 offline")
    page.keyboard.press("/")
    page.keyboard.type("trapezoid")
    built_in = page.locator("[aria-label='Built-in functions'] .ag-center-cols-container .ag-row")
    expect(built_in).to_have_count(1)
    page.get_by_role("link", name="energy", exact=True).click()
    page.wait_for_url("**/functions/energy")
    expect(page.get_by_text("It is not in use")).to_be_visible()


def test_without_functions_the_page_says_what_to_do(page: Page, empty_server: UiServer) -> None:
    sign_in(page, empty_server, "/functions")
    expect(page.locator(".empty")).to_contain_text("No function of your own yet")
    page.locator(".empty").get_by_role("button", name="Upload").click()
    expect(page.locator(".dialog")).to_contain_text("Upload a function")
    page.keyboard.press("Escape")
    page.locator(".empty").get_by_role("button", name="New function").click()
    page.wait_for_url("**/functions/new")


def test_a_viewer_looks_and_changes_nothing(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/functions", name="viewer")
    expect(_button(page, "New function")).to_have_count(0)
    page.get_by_role("link", name="level_trend").click()
    expect(_row(page, "Uses", "Bowl trend")).to_be_visible()
    for name in ("Deploy", "Roll out …", "Delete"):
        expect(_button(page, name)).to_have_count(0)
    page.get_by_role("link", name="Bowl trend").click()
    expect(page.locator(".tile", has_text="CPU")).to_contain_text("%")
    for name in ("Change", "Roll back to 1.0.0", "Switch off", "Delete"):
        expect(_button(page, name)).to_have_count(0)
    page.goto(f"{ui_server.url}/functions/level_trend/deploy")
    expect(page.locator(".empty")).to_contain_text("does not allow this")


# --- one function ----------------------------------------------------------------------------
def test_two_versions_are_compared_with_the_keyboard(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/functions/level_trend")
    diff = page.locator(".diff")
    expect(diff.locator("td.gone.text", has_text="np.ones(5)")).to_be_visible()
    expect(diff.locator("td.new.text", has_text="np.clip")).to_be_visible()
    diff.focus()
    page.keyboard.press("n")
    expect(diff.locator("tr.here")).to_contain_text("version =")
    page.keyboard.press("n")
    expect(diff.locator("tr.here")).to_contain_text("np.ones(5)")
    page.keyboard.press("p")
    expect(diff.locator("tr.here")).to_contain_text("version =")
    _button(page, "One column").click()
    expect(diff.locator(".diff-one tr", has_text="np.ones(5)")).to_contain_text("-")


def test_a_function_in_use_is_not_deleted(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/functions/cap_torque")
    _button(page, "Delete").click()
    expect(page.locator(".dialog")).to_contain_text("cannot be deleted while 2 uses need it")
    page.locator(".dialog").get_by_role("link", name="Pallet torque on warehouse").click()
    page.wait_for_url(f"**/functions/uses/{OFFLINE}")
    expect(page.locator(".callout:visible")).to_contain_text("The gateway warehouse is offline.")


def test_a_version_with_a_fault_comes_back_by_itself(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/functions/level_trend")
    _button(page, "Roll out …").click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("The state of 3 uses starts anew: another major.")
    pick(page, dialog, "version", "1.3.0")
    for name in ("Meter load trend", "Hall 2 trend"):
        dialog.get_by_role("checkbox", name=re.compile(name)).click()
    expect(dialog).to_contain_text("Version 1.3.0 goes to 1 use now.")
    dialog.get_by_role("button", name="Roll out").click()
    rollouts = page.locator(".panel", has=page.get_by_role("heading", name="Rollouts"))
    expect(rollouts).to_contain_text("left without a fault")
    expect(_row(page, "Uses", "Bowl trend").locator("[col-id=version]")).to_have_text("1.3.0")
    expect(rollouts.locator(".badge")).to_have_text(re.compile("Rolled back"))
    expect(rollouts).to_contain_text("Bowl trend on filling-1: ZeroDivisionError")
    expect(_row(page, "Uses", "Bowl trend").locator("[col-id=version]")).to_have_text("1.1.0")


def test_a_rollout_starts_with_canaries_and_can_be_cancelled(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/functions/cap_torque")
    _button(page, "Roll out …").click()
    dialog = page.locator(".dialog")
    expect(dialog.get_by_role("checkbox", name=re.compile("Cap torque"))).to_be_disabled()
    pick(page, dialog, "version", "0.9.0")
    expect(dialog).to_contain_text("Version 0.9.0 goes to 1 use now.")
    expect(dialog.get_by_role("checkbox", name=re.compile("Pallet torque"))).to_be_disabled()
    dialog.get_by_role("button", name="Roll out").click()
    rollouts = page.locator(".panel", has=page.get_by_role("heading", name="Rollouts"))
    expect(rollouts).to_contain_text("The one use has it, and is watched.")
    _button(page, "Cancel rollout").click()
    expect(rollouts.locator(".badge")).to_have_text(re.compile("Cancelled"))
    expect(rollouts).to_contain_text("Cancelled by admin.")
    expect(_row(page, "Uses", "Cap torque").locator("[col-id=version]")).to_have_text("0.9.0")


def test_pages_fit_a_tablet(page: Page, ui_server: UiServer) -> None:
    page.set_viewport_size({"width": 800, "height": 1100})
    sign_in(page, ui_server, "/functions")
    for path in (
        "/functions",
        "/functions/level_trend",
        "/functions/cap_torque/deploy",
        f"/functions/uses/{BOWL}",
        f"/functions/uses/{BOWL}?tab=log",
        f"/functions/uses/{BOWL}/change",
    ):
        page.goto(ui_server.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, path
