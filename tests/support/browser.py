"""Chromium of the system, as the tests and `make screenshots` drive it."""

from __future__ import annotations

import os
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Playwright

from tests.support.fonts import chinese_font

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
# Debian's packages.
PACKAGES = ("chromium", "fonts-liberation")
MILLISECONDS = 15_000


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start the browser, with a font for Chinese."""
    environment: dict[str, Any] = {**os.environ, **chinese_font()}
    return playwright.chromium.launch(executable_path=executable, args=FLAGS, env=environment)


def log_in(context: BrowserContext, demo: dict[str, str]) -> None:
    """Log the demo's user in by hand."""
    page = context.new_page()
    page.goto(demo["console_url"], timeout=MILLISECONDS)
    page.fill("input[name=username]", demo["username"])
    page.fill("input[name=password]", demo["password"])
    page.click("button[type=submit]")
    page.wait_for_selector("#main, #content-main, .console-metrics", timeout=MILLISECONDS)
    page.close()
