"""A real browser: Chromium of the system, driven by Playwright, on the whole started service."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

from tests.support import node_packages
from tests.support.browser import MILLISECONDS, PACKAGES, launch, log_in
from tests.support.debian import program
from tests.support.screenshots import SCREENSHOTS
from tests.support.stack import Stack

__all__ = ["DESKTOP", "MILLISECONDS", "PHONE", "SCREENSHOTS"]

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For a module, no longer: while Playwright runs, this thread has an event loop that other tests trip over."""
    executable = program("chromium", *PACKAGES)
    # Playwright's loop runs in this thread; Django would take the ORM to be called from a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        running = launch(playwright, executable)
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def demo_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service with two weeks of demo data (mark its tests `xdist_group("demo")`)."""
    with Stack(tmp_path_factory.mktemp("demo") / "var", MPS_DEMO_DATA="1") as running:
        yield running


@pytest.fixture(scope="module")
def logged_in(browser: Browser, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookies of the demo's operator, after a login by hand."""
    return _cookies(browser, stack, tmp_path_factory)


@pytest.fixture(scope="module")
def logged_in_with_data(browser: Browser, demo_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Likewise, where there are demo data."""
    return _cookies(browser, demo_stack, tmp_path_factory)


@pytest.fixture
def page(browser: Browser, logged_in: Path, stack: Stack) -> Iterator[Page]:
    """A page of the console, logged in; what it complains of fails the test."""
    with _page(browser, logged_in, stack) as opened:
        yield opened


@pytest.fixture
def page_with_data(browser: Browser, logged_in_with_data: Path, demo_stack: Stack) -> Iterator[Page]:
    """Likewise, where there are demo data."""
    with _page(browser, logged_in_with_data, demo_stack) as opened:
        yield opened


def _cookies(browser: Browser, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = tmp_path_factory.mktemp("browser") / "state.json"
    context = browser.new_context()
    log_in(context, stack.demo)
    context.storage_state(path=kept)
    context.close()
    return kept


@contextmanager
def _page(browser: Browser, cookies: Path, stack: Stack) -> Iterator[Page]:
    complaints: list[str] = []
    context = browser.new_context(
        storage_state=cookies, viewport={"width": 1280, "height": 900}, base_url=stack.demo["console_url"]
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


def choose_only(page: Page, name: str) -> None:
    """Choose the first app or workspace; a form has chosen the only one by itself."""
    if not page.input_value(f"[name={name}]"):
        page.select_option(f"[name={name}]", index=1)


@pytest.fixture(scope="module")
def axe() -> str:
    folder = node_packages.installed(Path(__file__).resolve().parent / "node")
    return (folder / "axe-core" / "axe.min.js").read_text()


def faults(page: Page, axe: str, rules: Sequence[str] = (), *, without: str = "") -> list[str]:
    """Return what axe-core calls serious or critical, with an example of each.

    Args:
        page: The page.
        axe: The source of axe-core.
        rules: Ask for these only.
        without: A CSS selector of what is not looked at.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    # It would fetch the style sheets once more, for a rule that is switched off.
    options = {"resultTypes": ["violations"], "selectors": False, "preload": False}
    options |= {"runOnly": list(rules)} if rules else {}
    context = {"include": ["html"]} | ({"exclude": [without]} if without else {})
    found = page.evaluate("([context, options]) => axe.run(context, options)", [context, options])
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} ({len(one['nodes'])})"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
