"""A real browser: Chromium of the system, driven by Playwright, on the whole started service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.support.debian import program
from tests.support.stack import ROOT, Stack

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOTS = ROOT / "var" / "screenshots"
MILLISECONDS = 15_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For a module, no longer: while Playwright runs, this thread has an event loop that other tests trip over."""
    executable = program("chromium", "chromium", "fonts-liberation")
    # Playwright's loop runs in this thread; Django would take the ORM to be called from a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def logged_in(browser: Browser, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookies of the demo's operator, after a login by hand."""
    kept = tmp_path_factory.mktemp("browser") / "state.json"
    context = browser.new_context()
    page = context.new_page()
    page.goto(stack.demo["console_url"], timeout=MILLISECONDS)
    page.fill("input[name=username]", stack.demo["username"])
    page.fill("input[name=password]", stack.demo["password"])
    page.click("button[type=submit]")
    page.wait_for_selector(".console-figures", timeout=MILLISECONDS)
    context.storage_state(path=kept)
    context.close()
    return kept


@pytest.fixture
def page(browser: Browser, logged_in: Path, stack: Stack) -> Iterator[Page]:
    """A page of the console, logged in; what it complains of fails the test."""
    complaints: list[str] = []
    context = browser.new_context(
        storage_state=logged_in, viewport={"width": 1280, "height": 900}, base_url=stack.demo["console_url"]
    )
    context.set_default_timeout(MILLISECONDS)
    opened = context.new_page()

    def listen(said: ConsoleMessage) -> None:
        # The gateway may end a socket while the device's library writes to it: no fault of the page.
        if said.type == "error" and "already in CLOSING or CLOSED state" not in said.text:
            complaints.append(said.text)

    opened.on("console", listen)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert not complaints
