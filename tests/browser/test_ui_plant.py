"""Overview, gateways, system, empty states, keyboard, tablet."""

from __future__ import annotations

import csv
import io
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UiServer, sign_in

pytestmark = pytest.mark.browser


def test_overview_shows_state_problems_and_a_live_chart(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server)
    tile = page.locator(".tile", has_text="Gateways online")
    expect(tile).to_contain_text("2 / 3")
    expect(page.locator(".tile.ok", has_text="Missing messages")).to_contain_text("0")
    problem = page.locator(".problem", has_text="Labeller")
    expect(problem).to_contain_text("connection refused")
    expect(problem).to_contain_text("Check host, port, cabling and firewall")
    page.wait_for_function("document.querySelector('.chart canvas') !== null")
    rate = page.locator(".tile", has_text="Values per second").locator(".tile-value")
    first = rate.inner_text()
    expect(rate).not_to_have_text(first)
    problem.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Labeller")).to_be_visible()


def test_gateway_page_tells_buffer_lag_and_ledger(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/gateways")
    expect(page.locator(".ag-row", has_text="warehouse")).to_contain_text("Offline")
    page.get_by_role("link", name="warehouse").click()
    facts = page.locator(".page")
    expect(facts).to_contain_text("2.52 GB of 4 GB")
    expect(facts).to_contain_text(re.compile(r"Full in\s*13 h 15 min"))
    expect(facts).to_contain_text("21\u2009700 messages")
    expect(page.locator(".bar.warn")).to_be_visible()
    expect(page.locator(".ag-row", has_text="Device Palletiser created")).to_be_visible()


def test_create_gateway_shows_its_credentials_once(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/gateways")
    page.get_by_role("button", name="Create gateway").click()
    name = page.locator("[data-field=name]").first
    name.fill("filling 2")
    page.keyboard.press("Enter")
    expect(page.locator(".dialog")).to_contain_text("Use letters, digits, - and _ only.")
    name.fill("filling-2")
    page.keyboard.press("Enter")
    dialog = page.locator(".dialog", has_text="Credentials of filling-2")
    expect(dialog).to_contain_text("BEGIN NATS USER JWT")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download filling-2.creds").click()
    assert download.value.suggested_filename == "filling-2.creds"
    assert "BEGIN USER NKEY SEED" in download.value.path().read_text()
    dialog.get_by_role("button", name="I have saved it").click()
    page.wait_for_url(re.compile(r"/gateways/\d+$"))
    expect(page.locator(".heading")).to_contain_text("Never connected")
    expect(page.locator(".callout.info")).to_contain_text("spindle-nats init-spoke")
    expect(page.locator("body")).not_to_contain_text("BEGIN NATS")

    page.get_by_role("button", name="Delete").click()
    go = page.get_by_role("button", name="Delete gateway")
    expect(go).to_be_disabled()
    page.locator(".dialog input").fill("filling-2")
    expect(go).to_be_enabled()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{ui_server.url}/gateways")
    expect(page.locator(".ag-row", has_text="filling-2")).to_have_count(0)


def test_system_exports_the_ledger_and_creates_users(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/system")
    expect(page.locator(".page")).to_contain_text("TimescaleDB 2.19 (community edition)")
    expect(page.locator(".ag-row", has_text="schema version 9").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["spoke"] for row in rows} == {"filling-1", "utilities", "warehouse"}
    assert all(row["missing"] == "0" for row in rows)

    page.get_by_role("button", name="Create user").click()
    dialog = page.locator(".dialog")
    dialog.get_by_label("User name").fill("viewer")
    dialog.get_by_label("Password").fill("a-long-password-1")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("exists already")
    dialog.get_by_label("User name").fill("m.keller")
    page.keyboard.press("Enter")
    expect(page.locator(".ag-row", has_text="m.keller")).to_contain_text("Viewer")


def test_every_page_of_an_empty_hub_says_what_to_do(page: Page, empty_server: UiServer) -> None:
    sign_in(page, empty_server)
    expect(page.locator(".steps")).to_contain_text("Create a gateway")
    for path, text in (
        ("/gateways", "No gateway yet"),
        ("/devices", "create a gateway first"),
        ("/devices/new", "create a gateway first"),
        ("/trends", "No tag chosen"),
        ("/system", "Nothing received yet"),
    ):
        page.goto(empty_server.url + path)
        expect(page.locator(".empty").first).to_contain_text(text)
    page.goto(f"{empty_server.url}/gateways?new=1")
    expect(page.locator(".dialog")).to_contain_text("Create gateway")
    page.goto(f"{empty_server.url}/devices/4711")
    expect(page.locator(".empty")).to_contain_text("This device does not exist.")
    expect(page.locator(".empty")).to_contain_text("somebody else may have deleted it")


def test_the_whole_header_is_reached_by_tab(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server)
    page.evaluate("document.activeElement.blur()")
    seen = []
    for _ in range(11):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "(document.activeElement.ariaLabel || document.activeElement.innerText).trim()"
            )
        )
    text = " | ".join(seen)
    for name in ("Skip to content", "Overview", "Devices", "System", "Theme", "User menu"):
        assert name in text
    page.keyboard.press("Enter")
    expect(page.get_by_text("Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Sign out")).to_be_hidden()


@pytest.mark.parametrize("width", [1024, 768])
def test_no_page_is_wider_than_a_tablet(page: Page, ui_server: UiServer, width: int) -> None:
    sign_in(page, ui_server)
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("/", "/gateways/1", "/devices", "/devices/101?tab=settings", "/trends", "/system"):
        page.goto(ui_server.url + path)
        expect(page.locator(".page .heading")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_nothing_is_loaded_from_elsewhere(page: Page, ui_server: UiServer) -> None:
    foreign: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((ui_server.url, "data:", "blob:"))
            else foreign.append(request.url)
        ),
    )
    sign_in(page, ui_server)
    for path in ("/devices/101", "/trends?tags=102", "/system"):
        page.goto(ui_server.url + path)
        expect(page.locator(".page .heading")).to_be_visible()
    assert foreign == []
