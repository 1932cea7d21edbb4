"""Trends: choose, draw, zoom, follow, share, download."""

from __future__ import annotations

import csv
import io
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import UiServer, sign_in

pytestmark = pytest.mark.browser

_INK = """() => {
  const canvas = document.querySelector(".trend-chart canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] > 40) found++;
  return found;
}"""


def _view(page: Page) -> tuple[int, int]:
    chart = page.locator(".trend-chart")
    return int(chart.get_attribute("data-from") or 0), int(chart.get_attribute("data-to") or 0)


def _drawn(page: Page) -> None:
    page.wait_for_function("window.spindle.trend.ready === true")


def test_search_adds_a_tag_and_draws_it(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/trends")
    expect(page.locator(".empty")).to_contain_text("No tag chosen")
    _drawn(page)
    page.keyboard.press("/")
    page.keyboard.type("filler speed")
    expect(page.locator(".picker-item")).to_have_count(2)
    page.keyboard.press("Enter")
    chip = page.locator(".trend-chip")
    expect(chip).to_contain_text("Filler / Speed")
    expect(chip.locator("b")).to_have_text(re.compile(r"\d+\.\d+ bpm"))
    expect(page.locator(".empty")).to_be_hidden()
    assert page.evaluate(_INK) > 2000
    expect(page).to_have_url(re.compile(r"/trends\?tags=102&range=3600$"))
    page.get_by_role("button", name="Remove Speed").click()
    expect(page.locator(".empty")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/trends\?range=3600$"))


def test_zooming_fetches_finer_buckets_and_stays_in_the_address(
    page: Page, ui_server: UiServer
) -> None:
    sign_in(page, ui_server, "/trends?tags=102,105,111&range=28800")
    _drawn(page)
    start, end = _view(page)
    assert abs((end - start) - 28_800_000) < 2000
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    box = page.locator(".trend-chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    page.mouse.wheel(0, -400)
    page.wait_for_url(re.compile(r"from=\d{4}-.*&to=.*&live=0"))
    page.wait_for_function(f"document.querySelector('.trend-chart').dataset.from > {start}")
    inner_start, inner_end = _view(page)
    assert start < inner_start < inner_end <= end
    fetched = [url for url in asked if "/ui-data/trend.json" in url]
    assert fetched, "zooming did not ask the hub for finer data"
    live = page.get_by_role("button", name="Follow live")
    expect(live).to_have_attribute("aria-pressed", "false")

    page.reload()
    _drawn(page)
    again = _view(page)
    assert again == (inner_start, inner_end)
    expect(page.locator(".trend-chip")).to_have_count(3)
    page.get_by_role("button", name="Zoom out").click()
    page.wait_for_function(f"document.querySelector('.trend-chart').dataset.from < {inner_start}")


def test_live_follow_moves_by_itself(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/trends?tags=102&range=300")
    _drawn(page)
    start, _ = _view(page)
    page.wait_for_function(f"document.querySelector('.trend-chart').dataset.from > {start} + 1000")
    page.get_by_role("button", name="Follow live").click()
    expect(page).to_have_url(re.compile("live=0"))


def test_presets_and_a_custom_range(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/trends?tags=102")
    _drawn(page)
    page.get_by_role("button", name="24 h").click()
    expect(page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    page.wait_for_url(re.compile("range=86400"))
    page.get_by_role("button", name="Custom").click()
    dialog = page.locator(".dialog")
    dialog.get_by_label("From").fill("2026-01-02T03:00:00")
    dialog.get_by_label("To").fill("2026-01-02T02:00:00")
    dialog.get_by_role("button", name="Show").click()
    expect(dialog).to_contain_text("The end must be after the start.")
    dialog.get_by_label("To").fill("2026-01-02T05:00:00")
    dialog.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile("from=2026-01-02T"))
    start, end = _view(page)
    page.wait_for_function(
        "document.querySelector('.trend-chart').dataset.to"
        " - document.querySelector('.trend-chart').dataset.from === 7200000"
    )
    assert end > start


def test_csv_has_what_the_chart_shows(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/trends?tags=102,111&range=300")
    _drawn(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["tag"] for row in rows} == {"Speed", "State"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", row["time"]) for row in rows)
    assert all(float(row["average"]) > 300 for row in rows if row["tag"] == "Speed")
    assert all(row["text"] for row in rows if row["tag"] == "State")


def test_the_pointer_shows_values_with_units(page: Page, ui_server: UiServer) -> None:
    sign_in(page, ui_server, "/trends?tags=102,105,109&range=3600&live=0")
    _drawn(page)
    box = page.locator(".trend-chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 120)
    tip = page.locator(".trend-tip")
    expect(tip).to_contain_text(re.compile(r"Filler / Speed\d+\.\d+ bpm"))
    expect(tip).to_contain_text(re.compile(r"Bowl pressure\d\.\d+ bar"))
    expect(tip).to_contain_text(re.compile(r"Running(true|false)"))
