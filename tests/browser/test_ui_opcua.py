"""OPC UA: endpoints and certificates in the form, trust on the device's page, the tree of nodes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UiServer, sign_in
from tests.browser.pick import pick

pytestmark = pytest.mark.browser


def _to_device(page: Page, server: UiServer, name: str, user: str = "admin") -> str:
    sign_in(page, server, "/devices", name=user)
    page.get_by_role("link", name=name).click()
    page.wait_for_url(re.compile(r"/devices/\d+$"))
    return page.url


def test_endpoints_are_found_chosen_and_the_certificate_trusted(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/new")
    find = page.get_by_role("button", name="Find endpoints")
    expect(find).to_be_hidden()
    pick(page, page, "driver", "OPC UA")
    page.locator("[data-field=name]").first.fill("CIP 2")
    find.click()
    endpoint = page.locator(".q-field--error", has=page.locator("[data-field=endpoint]"))
    expect(endpoint).to_be_visible()
    page.locator("[data-field=endpoint]").first.fill("opc.tcp://10.20.1.40:4840")
    find.click()
    rows = page.locator(".finder tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(3)).to_contain_text("Not supported")
    expect(page.locator(".found-certificate .badge.warn")).to_contain_text("Expires in 41 d")
    rows.nth(2).get_by_role("button", name="Choose").click()
    messages = page.locator("label.q-select", has=page.locator("[data-field=messages]"))
    expect(messages).to_contain_text("Signed")

    page.get_by_role("button", name="Trust this certificate").click()
    trusted = page.locator("[data-field=trusted] .texts-item")
    expect(trusted).to_have_count(1)
    shown = page.locator(".found-certificate .fingerprint").inner_text()
    expect(trusted.locator(".mono")).to_have_text(shown)
    expect(page.get_by_role("button", name="Trusted")).to_be_disabled()
    trusted.get_by_role("button", name="Remove").click()
    expect(trusted).to_have_count(0)
    page.get_by_role("button", name="Trust this certificate").click()

    page.get_by_text("The certificate of the gateway filling-1").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download filling-1-").click()
    assert download.value.suggested_filename.endswith(".der")
    assert Path(download.value.path()).read_bytes()[:1] == b"\x30"

    page.get_by_role("button", name="Save device").click()
    page.wait_for_url(re.compile(r"/devices/\d+\?tab=tags"))
    page.get_by_role("tab", name="Settings").click()
    expect(trusted.locator(".mono")).to_have_text(shown)


def test_a_server_that_is_not_there_is_said_and_the_gateways_certificate_is_shown(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/devices/new")
    pick(page, page, "driver", "OPC UA")
    page.locator("[data-field=endpoint]").first.fill("opc.tcp://10.20.1.99:4840")
    page.get_by_role("button", name="Find endpoints").click()
    expect(page.locator(".finder .callout.bad")).to_contain_text("no answer within 4 s")
    expect(page.get_by_text("The certificate of the gateway filling-1")).to_be_visible()


def test_an_unknown_server_is_trusted_and_its_nodes_become_tags(
    page: Page, ui_server: UiServer
) -> None:
    url = _to_device(page, ui_server, "Bottle washer", user="viewer")
    panel = page.locator(".trust")
    expect(panel).to_contain_text("meets the server for the first time")
    expect(panel).to_contain_text("An engineer can trust it.")
    expect(panel.get_by_role("button", name="Trust this certificate")).to_have_count(0)
    page.context.clear_cookies()
    sign_in(page, ui_server, "/devices", name="engineer")

    page.goto(f"{url}/diagnosis")
    expect(page.locator(".verdict.bad")).to_contain_text("is not trusted")
    expect(panel.locator(".fingerprint").first).to_have_text(
        re.compile(r"^([0-9A-F]{4} ){15}[0-9A-F]{4}$")
    )
    panel.get_by_role("button", name="Trust this certificate").click()
    expect(page.locator(".verdict.ok")).to_contain_text("The device answers")
    expect(panel).to_be_hidden()

    page.goto(f"{url}?tab=tags")
    page.get_by_role("button", name="Browse …").click()
    tree = page.locator(".node-tree")
    expect(tree).to_contain_text("Line 1")
    add = page.locator(".dialog").get_by_role("button", name="Add")
    expect(add).to_be_disabled()
    tree.locator(".q-tree__arrow").first.click()
    washer = tree.locator(".q-tree__node-header", has_text="Washer")
    washer.locator(".q-tree__arrow").click()
    expect(tree).to_contain_text("m/min · writable")
    page.get_by_placeholder("Search in what is open").fill("temper")
    expect(tree.get_by_text("Counter")).to_be_hidden()
    expect(tree.get_by_text("Temperature")).to_be_visible()
    page.get_by_placeholder("Search in what is open").fill("")
    speed = tree.locator(".q-tree__node-header", has_text="Speed")
    speed.locator(".q-checkbox").click()
    expect(page.get_by_text("1 tag will be added.")).to_be_visible()
    washer.locator(".q-checkbox").click()
    expect(page.get_by_text("Reading all values below Washer")).to_be_visible()
    expect(page.get_by_text("6 tags will be added.")).to_be_visible()
    expect(speed).to_contain_text("taken with Washer")
    tree.locator(".q-tree__node-header", has_text="Line 1").locator(".q-checkbox").click()
    expect(page.get_by_text("18 tags will be added.")).to_be_visible()
    expect(page.locator(".dialog tbody")).to_contain_text("Line 1/Washer/Speed")
    add.click()
    expect(page.get_by_text("18 tags added.")).to_be_visible()
    row = page.locator(".ag-row", has_text="Line 1/Dryer/Setpoint")
    expect(row).to_contain_text("ns=2;s=Line.Dryer.Setpoint")

    page.get_by_role("button", name="Browse …").click()
    tree.locator(".q-tree__node-header", has_text="Line 1").locator(".q-checkbox").click()
    expect(page.get_by_text("18 of the ticked ones are tags already.")).to_be_visible()
    expect(add).to_be_disabled()


def test_a_device_that_cannot_be_asked_says_why_in_the_tree(
    page: Page, ui_server: UiServer
) -> None:
    url = _to_device(page, ui_server, "CIP unit")
    page.goto(f"{url}?tab=tags")
    page.get_by_role("button", name="Browse …").click()
    expect(page.locator(".dialog .callout.bad")).to_contain_text("refused the user name")
