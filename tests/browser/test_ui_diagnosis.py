"""Why is it bad: state in words, whether scans fit, bad tags, requests and answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UiServer, sign_in

pytestmark = pytest.mark.browser


def _open(page: Page, server: UiServer, device: str, name: str = "admin") -> None:
    """Through the state chip on Devices."""
    sign_in(page, server, "/devices", name=name)
    row = page.locator(".ag-row", has_text=device).first
    row.locator("[col-id=state] a").click()
    page.wait_for_url(re.compile(r"/devices/\d+/diagnosis"))
    expect(page.get_by_role("heading", name="Why is it bad?")).to_be_visible()


def test_a_lost_device_says_why_what_to_do_and_when_it_is_tried_again(
    page: Page, ui_server: UiServer
) -> None:
    _open(page, ui_server, "Labeller")
    verdict = page.locator(".verdict.bad")
    expect(verdict).to_contain_text("No connection to the device")
    expect(verdict).to_contain_text("10.20.2.31:502: connection refused")
    expect(verdict).to_contain_text("Check host, port, cabling and firewall")
    expect(verdict).to_contain_text(re.compile(r"In this state for 1\d min"))
    expect(verdict).to_contain_text(re.compile(r"Last good answer 1\d min"))
    counting = verdict.locator(".verdict-next")
    expect(counting).to_have_text(re.compile(r"Next try in \d+ s"))
    first = counting.inner_text()
    expect(counting).not_to_have_text(first)
    expect(page.get_by_text("Its 3 tags are bad, for the reason above.")).to_be_visible()
    expect(counting).not_to_have_text(re.compile(r"in (30|29|28) s"))
    verdict.get_by_role("button", name="Try now").click()
    expect(counting).to_have_text(re.compile(r"Next try in (30|29|28) s"))


def test_from_a_bad_value_to_its_reason(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/devices")
    page.get_by_role("link", name="Shrink tunnel").click()
    cell = page.locator(".ag-row", has_text="Zone 7").locator("[col-id=q]")
    expect(cell.locator(".badge.bad")).to_contain_text("communication failure")
    cell.hover()
    tip = page.locator(".ag-tooltip")
    expect(tip).to_contain_text("The device has no holding registers 90 to 91")
    expect(tip).to_contain_text("Check the address against the PLC program")
    cell.get_by_role("link").click()
    page.wait_for_url(re.compile(r"/devices/\d+/diagnosis\?tag=\d+"))
    table = page.locator(".panel", has_text="Tags without a good value")
    expect(table.locator("input")).to_have_value("Zone 7 temperature")
    row = table.locator(".ag-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("HR:90")
    expect(row).to_contain_text("exception 2, illegal data address")


def test_scans_that_do_not_fit_are_red_with_the_period_that_would(
    page: Page, ui_server: UiServer
) -> None:
    _open(page, ui_server, "Shrink tunnel")
    expect(page.locator(".verdict.warn")).to_contain_text("takes longer than its period")
    plan = page.locator(".scan-plan")
    expect(plan.locator(".badge.bad")).to_have_text(re.compile("Does not fit"))
    expect(plan.locator(".scan-bar.bad")).to_be_visible()
    expect(plan).to_contain_text("9 tags in 3 requests every 50 ms: 60.0 requests/s.")
    expect(plan).to_contain_text("One takes 31 ms, so a scan takes 93 ms.")
    expect(plan).to_contain_text("scans skipped (25.0%)")
    expect(plan).to_contain_text("Set the period to 200 ms or more")
    plan.get_by_text("The requests of one scan").click()
    expect(plan.locator("tbody tr")).to_have_count(3)


def test_a_shared_connection_is_named(page: Page, ui_server: UiServer) -> None:
    _open(page, ui_server, "Meter hall 2")
    expect(page.get_by_text("shares the connection modbus tcp 10.20.2.50:502")).to_be_visible()
    expect(page.get_by_text("Every tag has a good value.")).to_be_visible()


def test_the_trace_is_switched_on_read_opened_saved_and_switched_off(
    page: Page, ui_server: UiServer
) -> None:
    _open(page, ui_server, "Capper")
    expect(page.get_by_text("Record to see every request")).to_be_visible()
    page.get_by_role("button", name="Record for 10 minutes").click()
    lines = page.locator(".trace tr.exchange")
    expect(lines.nth(7)).to_be_visible()
    expect(lines.first).to_contain_text("read DB20.DBD4")
    expect(page.locator(".trace tr.good").first).to_contain_text("12 values")
    bad = page.locator(".trace tr.bad").last
    expect(bad).to_contain_text("illegal data address")
    expect(page.locator(".trace .bytes:visible")).to_have_count(0)
    bad.press("Enter")
    opened = page.locator(".trace .bytes:visible")
    expect(opened).to_contain_text("01 03")
    seen = lines.count()
    expect(lines.nth(seen + 3)).to_be_visible()
    expect(opened).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "trace-Capper.txt"
    text = Path(download.value.path()).read_text()
    assert "read DB20.DBD4" in text
    assert "<-- bad" in text
    page.get_by_role("button", name="Stop recording").click()
    expect(page.get_by_role("button", name="Record for 10 minutes")).to_be_visible()


def test_an_offline_gateway_says_since_when_and_what_to_do(page: Page, ui_server: UiServer) -> None:
    _open(page, ui_server, "Palletiser")
    empty = page.locator(".empty")
    expect(empty).to_contain_text("The gateway warehouse does not answer")
    expect(empty).to_contain_text(re.compile(r"No sign of it for 1 h 3\d min, since 20"))
    expect(empty).to_contain_text("First check its power")
    expect(page.locator(".verdict")).to_be_hidden()
    expect(page.locator(".scan-plan")).to_have_count(0)


def test_a_device_that_is_off_is_not_asked(page: Page, ui_server: UiServer) -> None:
    _open(page, ui_server, "Old compressor")
    expect(page.locator(".empty")).to_contain_text("The device is switched off")


def test_a_viewer_reads_and_does_not_record(page: Page, ui_server: UiServer) -> None:
    _open(page, ui_server, "Main meter", name="viewer")
    expect(page.locator(".verdict.ok")).to_contain_text("The device answers")
    expect(page.locator(".scan-plan .badge.ok")).to_contain_text("Fits")
    expect(page.get_by_role("button", name="Record for 10 minutes")).to_have_count(0)
    page.goto(f"{ui_server.url}/devices/136/diagnosis")
    expect(page.locator(".verdict.bad")).to_contain_text("Next try")
    expect(page.get_by_role("button", name="Try now")).to_have_count(0)
