"""Steps of a person at the editor of functions."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import UiServer, sign_in


def is_ready(page: Page) -> None:
    expect(page.locator(".editor[data-ready=true]")).to_be_visible()


def open_editor(page: Page, server: UiServer, path: str, name: str = "admin") -> None:
    page.goto(f"{server.url}/login")
    page.evaluate("localStorage.clear()")
    sign_in(page, server, path, name)
    is_ready(page)


def check_badge(page: Page) -> Locator:
    return page.locator(".editor-panel .panel-head .badge").first


def line_after(page: Page, line: str, text: str) -> None:
    """A new line below the one that has this text."""
    page.locator(".cm-line", has_text=line).first.click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type(text)
    page.keyboard.press("Escape")  # no list of completions stays open


def choose_tag(page: Page, port: str, words: str) -> None:
    box = page.locator(f"[data-field={port}]")
    box.fill(words)
    expect(page.locator(".picker-list:visible .picker-item").first).to_contain_text(
        re.compile(words, re.IGNORECASE)
    )
    page.keyboard.press("Enter")
    expect(page.locator(".input-chips .trend-chip").last).to_be_visible()
