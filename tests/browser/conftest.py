"""A real browser and the UI on the fakes as a real server process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, CHROMIUM

ROOT = Path(__file__).parents[2]
PASSWORD = "plant-floor-7"
expect.set_options(timeout=10_000)


class UiServer:
    """The UI on the fakes in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "tests/fakes/ui_server.py", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "the UI server did not start"

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def watchers(self) -> int:
        assert self._process.stdout is not None
        self.tell("watchers")
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def ui_browser() -> Iterator[BrowserContext]:
    """One browser profile, so that scripts are fetched once; cookies go after each test.

    Not for the session: Playwright's sync API keeps an event loop running in this thread, and the
    async tests of other files could not start theirs.
    """
    if not CHROMIUM.exists():
        pytest.skip(f"needs Debian's chromium, which is not installed at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser.new_context()
        browser.close()


@pytest.fixture(scope="module")
def ui_server() -> Iterator[UiServer]:
    """The bottling line; shared by the tests of a file."""
    server = UiServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def empty_server() -> Iterator[UiServer]:
    """A hub as it is after its first start."""
    server = UiServer("--empty")
    yield server
    server.close()


@pytest.fixture
def page(ui_browser: BrowserContext) -> Iterator[Page]:
    """A fresh page without cookies; a script error on it fails the test."""
    ui_browser.clear_cookies()
    found = ui_browser.new_page()
    found.set_viewport_size({"width": 1366, "height": 860})
    errors: list[str] = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    yield found
    found.close()
    assert errors == []


def sign_in(page: Page, server: UiServer, path: str = "/", name: str = "admin") -> None:
    """Sign in and arrive at `path`."""
    page.goto(server.url + path)
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(server.url + path)
    expect(page.locator(".page")).to_be_visible()
