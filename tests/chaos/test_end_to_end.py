"""What a user gets: sign in on the running system, live values not older than a second, a trend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.chaos.plant import DEVICES, Plant, running_plant, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]

MAX_AGE_S = 1.5  # a second, and half of one for a busy machine and the refresh of the page


async def test_from_plc_to_screen(folder: Path) -> None:
    async with running_plant(folder) as plant, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1400, "height": 900})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await sign_in(page, plant)
        await expect(page.get_by_text("3 / 3")).to_be_visible(timeout=30_000)
        for name in DEVICES:
            await live_values(page, plant, name)
        await trend(page, plant)
        assert errors == []
        await browser.close()


async def sign_in(page: Page, plant: Plant) -> None:
    await page.goto(plant.stack.url)
    await expect(page).to_have_url(re.compile("/login"))
    await page.locator("input[type=text], input:not([type])").first.fill("admin")
    await page.locator("input[type=password]").first.fill(plant.stack.first_password or "")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def live_values(page: Page, plant: Plant, name: str) -> None:
    """The scan counter moves on the screen, and is not older than a second."""
    device = await plant.device(name)
    await page.goto(f"{plant.stack.url}/devices/{device['id']}")
    row = page.locator(".ag-row", has_text=re.compile(r"Scans\.")).first
    value, age = row.locator("[col-id=v]"), row.locator("[col-id=age]")
    await expect(value).to_have_text(re.compile(r"\d"), timeout=15_000)
    first = await value.inner_text()

    async def moved() -> bool:
        return await value.inner_text() != first

    async def fresh() -> bool:
        text = await age.inner_text()
        match = re.match(r"([\d.]+) (ms|s)$", text)
        return match is not None and (match[2] == "ms" or float(match[1]) <= MAX_AGE_S)

    await until(moved, 15, f"the counter of {name} moves on the screen")
    await until(fresh, 15, f"the value of {name} is fresh on the screen")


async def trend(page: Page, plant: Plant) -> None:
    """A chart is drawn for a tag that the address names."""
    rows = await plant.sql("SELECT tag_id FROM tag WHERE name = 'Filler.Speed'")
    await page.goto(f"{plant.stack.url}/trends?tags={rows[0]['tag_id']}&range=300")
    await expect(page.locator("canvas").first).to_be_visible(timeout=15_000)
    await expect(page.get_by_text("Filler.Speed").first).to_be_visible()
