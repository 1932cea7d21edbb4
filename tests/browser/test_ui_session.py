"""Sign in, sign out, sessions that end, theme, connection lost."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, UiServer, sign_in

pytestmark = pytest.mark.browser


def test_an_anonymous_request_is_sent_to_sign_in_without_building_a_page(
    ui_server: UiServer,
) -> None:
    for path in ("/", "/devices", "/devices/101", "/trends?tags=1", "/system"):
        answer = httpx.get(ui_server.url + path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
        assert len(answer.content) < 100
    assert httpx.get(f"{ui_server.url}/ui-data/ledger.csv").status_code == 401


def test_wrong_password_is_explained_and_the_right_one_leads_to_the_page_wanted(
    page: Page, ui_server: UiServer
) -> None:
    page.goto(f"{ui_server.url}/devices?state=problems")
    expect(page).to_have_url(f"{ui_server.url}/login?next=%2Fdevices%3Fstate%3Dproblems")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", "wrong")
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The user name or the password is wrong.")
    expect(alert).to_contain_text("after five wrong tries")
    expect(page.locator("[name=name]")).to_have_value("admin")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{ui_server.url}/devices?state=problems")
    cookie = next(c for c in page.context.cookies() if c["name"] == "spindle_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"


def test_signing_in_never_leads_to_another_site(ui_server: UiServer) -> None:
    for wanted in ("https://evil.example/", "//evil.example", "/\\evil.example", "/login"):
        form = {"name": "admin", "password": PASSWORD, "next": wanted}
        answer = httpx.post(f"{ui_server.url}/login", data=form)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/"


def test_a_form_of_another_site_neither_signs_in_nor_out(ui_server: UiServer) -> None:
    foreign = {"Origin": "https://evil.example"}
    form = {"name": "admin", "password": PASSWORD}
    answer = httpx.post(f"{ui_server.url}/login", data=form, headers=foreign)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert httpx.post(f"{ui_server.url}/logout", headers=foreign).status_code == 403


def test_signing_out_ends_the_session(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server)
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "spindle_session")
    page.get_by_role("button", name="User menu").click()
    page.get_by_text("Sign out").click()
    expect(page).to_have_url(f"{ui_server.url}/login")
    answer = httpx.get(f"{ui_server.url}/system", headers={"Cookie": f"spindle_session={token}"})
    assert answer.status_code == 303


def test_an_ended_session_leads_to_sign_in_and_back(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices/new")
    page.locator("[data-field=name]").first.fill("Late")
    page.locator("[data-field=host]").first.fill("10.0.0.1")
    ui_server.tell("expire")
    page.get_by_role("button", name="Save device").click()
    expect(page).to_have_url(f"{ui_server.url}/login?next=%2Fdevices%2Fnew&expired=1")
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended.")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{ui_server.url}/devices/new")


def test_the_theme_is_switched_and_remembered(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server)
    page.get_by_role("button", name="Theme").click()
    page.locator(".theme-dark").click()
    expect(page.locator("body.body--dark")).to_be_visible()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    expect(page.locator("body.body--dark")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="Theme").click()
    page.locator(".theme-light").click()
    expect(page.locator("body.body--light")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_changing_the_password_checks_the_present_one(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, name="viewer")
    page.get_by_role("button", name="User menu").click()
    page.get_by_text("Change password").click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("At least 10 characters, and not the user name.")
    dialog.get_by_label("Present password").fill("wrong")
    dialog.get_by_label("New password", exact=True).fill("another-password-9")
    dialog.get_by_label("New password again").fill("another")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("The two are not the same.")
    dialog.get_by_label("New password again").fill("another-password-9")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("This is not your present password.")
    dialog.get_by_label("Present password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{ui_server.url}/login?changed=1")
    expect(page.get_by_text("All your sessions have ended.")).to_be_visible()


def test_pages_say_so_when_their_numbers_are_old(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server)
    expect(page.locator(".tiles")).to_contain_text("Running")
    ui_server.tell("broken on")
    try:
        banner = page.locator(".stale:visible")
        expect(banner).to_contain_text("The database does not answer.")
        page.goto(f"{ui_server.url}/system")
        expect(page.locator(".empty")).to_contain_text("The database does not answer.")
        expect(page.locator(".empty")).to_contain_text("Nothing is lost")
    finally:
        ui_server.tell("broken off")
    page.goto(ui_server.url)
    expect(page.locator(".tiles")).to_contain_text("Running")
    expect(page.locator(".stale:visible")).to_have_count(0)


def test_a_lost_connection_shows_a_banner(page: Page) -> None:
    server = UiServer()
    try:
        sign_in(page, server)
        expect(page.locator("#popup")).to_have_attribute("aria-hidden", "true")
        expect(page.locator("#popup")).to_be_hidden()
    finally:
        server.close()
    expect(page.locator("#popup")).to_be_visible()
    expect(page.locator("#popup")).to_contain_text("Connection lost")
