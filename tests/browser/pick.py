"""Choose in a select: the click must hit its box, not the help below it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def pick(page: Page, within: Page | Locator, field: str, option: str) -> None:
    """`field` is the model's name of the field, `option` the words of the choice."""
    select = within.locator("label.q-select", has=page.locator(f"[data-field={field}]")).first
    select.locator(".q-field__control").click()
    page.get_by_role("option", name=option, exact=True).click()
