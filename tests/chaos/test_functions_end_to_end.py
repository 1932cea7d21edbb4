"""A function on the running system, in a real browser: written, tried, deployed, broken, taken
back by itself."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.browser.editing import check_badge, choose_tag, is_ready, line_after
from tests.chaos.plant import Plant, running_plant, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]

LONG_MS = 40_000


async def test_from_an_empty_editor_to_a_version_that_was_taken_back(folder: Path) -> None:
    async with running_plant(folder) as plant:
        await until(lambda: _has_values(plant), 60, "there are values to try it on")
        await asyncio.to_thread(_walk, plant)
        rows = await plant.sql(
            "SELECT count(*) AS n, count(DISTINCT time) AS times, max(value) AS most FROM samples "
            "WHERE device = 'Flow difference' AND quality = 192"
        )
        assert rows[0]["n"] == rows[0]["times"] > 20
        assert rows[0]["most"] > 0
        events = await plant.sql("SELECT kind, message FROM event ORDER BY event_id")
        messages = [row["message"] for row in events]
        assert any("0.1.1, line 7: ZeroDivisionError" in text for text in messages)
        assert any("Rolled back from 0.1.1" in text and "by spindle" in text for text in messages)


async def _has_values(plant: Plant) -> bool:
    rows = await plant.sql("SELECT count(*) AS n FROM samples WHERE tag = 'Filler.BowlLevel'")
    return bool(rows[0]["n"] > 20)


def _walk(plant: Plant) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        page.set_default_timeout(LONG_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        _sign_in(page, plant)
        _write_and_try(page, plant)
        _deploy(page, plant)
        _break(page, plant)
        assert errors == []
        browser.close()


def _sign_in(page: Page, plant: Plant) -> None:
    page.goto(plant.stack.url)
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", plant.stack.first_password or "")
    page.keyboard.press("Enter")
    page.wait_for_url(plant.stack.url + "/")


def _write_and_try(page: Page, plant: Plant) -> None:
    page.goto(f"{plant.stack.url}/functions/new")
    is_ready(page)
    expect(check_badge(page)).to_have_text(re.compile("No problems"), timeout=LONG_MS)
    _choose_inputs(page)
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("It ran without a fault.")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("canvas").first).to_be_visible()
    _save(page)


def _choose_inputs(page: Page) -> None:
    choose_tag(page, "inflow", "Filler.Speed")
    choose_tag(page, "outflow", "Filler.BowlLevel")


def _save(page: Page) -> None:
    page.keyboard.press("Control+s")
    page.locator(".q-dialog button", has_text="Save version").click()
    expect(page.locator(".q-dialog")).to_have_count(0, timeout=LONG_MS)


def _deploy(page: Page, plant: Plant) -> None:
    page.goto(f"{plant.stack.url}/functions/flow_difference/deploy")
    _choose_inputs(page)
    page.get_by_role("button", name="Deploy").last.click()
    page.wait_for_url("**/functions/uses/*")
    expect(page.get_by_text("Running").first).to_be_visible(timeout=LONG_MS)
    expect(page.locator(".ag-row", has_text="good").first).to_be_visible(timeout=LONG_MS)


def _break(page: Page, plant: Plant) -> None:
    use = page.url
    page.goto(f"{plant.stack.url}/functions/flow_difference/edit")
    is_ready(page)
    line_after(page, "Difference of two flows", "inflow = inflow / int(outflow < -1)")
    expect(check_badge(page)).to_have_text(re.compile("No problems"), timeout=LONG_MS)
    _save(page)
    page.goto(f"{use}/change")
    page.locator("[aria-label='Version'], [data-field=version]").first.click()
    page.locator(".q-item", has_text="0.1.1").click()
    expect(page.get_by_text("0.1.0 becomes 0.1.1")).to_be_visible()
    page.get_by_role("button", name="Save").last.click()
    page.wait_for_url(use)
    expect(page.get_by_text("0.1.0 on line-1")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("tab", name="Faults and events").click()
    expect(page.get_by_text("Rolled back from 0.1.1").first).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_text("line 7: ZeroDivisionError").first).to_be_visible()
    expect(page.get_by_text("Running").first).to_be_visible(timeout=LONG_MS)
