"""A real browser: Chromium of the system, driven by Playwright, on the whole started service."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    StorageState,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.support import node_packages
from tests.support.browser import MILLISECONDS, PACKAGES, find_browser, launch, logged_in
from tests.support.screenshots import SCREENSHOTS
from tests.support.shared_stacks import shared
from tests.support.stack import Stack

__all__ = ["DESKTOP", "MILLISECONDS", "PHONE", "SCREENSHOTS"]

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """For this folder, no longer: while Playwright runs, this thread has an event loop that other tests trip over."""
    executable = find_browser()
    if executable is None:
        pytest.skip(f"no Chromium on this machine (Debian packages: {', '.join(PACKAGES)})")
    # Playwright's loop runs in this thread; Django would take the ORM to be called from a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    # Four workers share the cores: what is expected of a page may take far longer than the 5 s that Playwright waits.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        running = launch(playwright, executable)
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def demo_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service with two weeks of demo data (mark its tests `xdist_group("demo")`)."""
    with shared("demo", Stack(tmp_path_factory.mktemp("demo") / "var", MPS_DEMO_DATA="1")) as running:
        yield running


@pytest.fixture(scope="session")
def cookies(stack: Stack) -> StorageState:
    """The cookies of the demo's operator."""
    return logged_in(stack.demo)


@pytest.fixture(scope="session")
def cookies_with_data(demo_stack: Stack) -> StorageState:
    """Likewise, where there are demo data."""
    return logged_in(demo_stack.demo)


@pytest.fixture(scope="package")
def tab(browser: Browser, cookies: StorageState, stack: Stack) -> Iterator[Page]:
    """The operator's tab, for all tests: a new one is a process that loads and compiles all scripts again."""
    with _tab(browser, cookies, stack) as opened:
        yield opened


@pytest.fixture(scope="package")
def tab_with_data(browser: Browser, cookies_with_data: StorageState, demo_stack: Stack) -> Iterator[Page]:
    """Likewise, where there are demo data."""
    with _tab(browser, cookies_with_data, demo_stack) as opened:
        yield opened


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    """A page of the console, logged in; what it complains of fails the test."""
    with _page(tab) as begun:
        yield begun


@pytest.fixture
def page_with_data(tab_with_data: Page) -> Iterator[Page]:
    """Likewise, where there are demo data."""
    with _page(tab_with_data) as begun:
        yield begun


@contextmanager
def _tab(browser: Browser, cookies: StorageState, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(storage_state=cookies, base_url=stack.demo["console_url"])
    context.set_default_timeout(MILLISECONDS)
    yield context.new_page()
    context.close()


@contextmanager
def _page(tab: Page) -> Iterator[Page]:
    """Begin anew in the tab: of an earlier test neither page, size, routes nor what a page has kept are left."""
    tab.unroute_all()
    tab.set_extra_http_headers({})
    tab.set_viewport_size(DESKTOP)
    tab.emulate_media(color_scheme="light")
    # A document of the same origin, and so of the same process.
    tab.goto("/static/console/favicon.svg")
    devtools = tab.context.new_cdp_session(tab)
    devtools.send(
        "Storage.clearDataForOrigin",
        {"origin": tab.evaluate("location.origin"), "storageTypes": "local_storage,indexeddb"},
    )
    devtools.detach()
    tab.evaluate("sessionStorage.clear()")
    complaints: list[str] = []

    def listen(said: ConsoleMessage) -> None:
        # The gateway may end a socket while the device's library writes to it: no fault of the page.
        if said.type == "error" and "already in CLOSING or CLOSED state" not in said.text:
            complaints.append(said.text)

    def catch(error: Error) -> None:
        complaints.append(str(error))

    tab.on("console", listen)
    tab.on("pageerror", catch)
    yield tab
    tab.remove_listener("console", listen)
    tab.remove_listener("pageerror", catch)
    for further in tab.context.pages:
        if further != tab:
            further.close()
    assert not complaints


def choose_only(page: Page, name: str) -> None:
    """Choose the first app or workspace; a form has chosen the only one by itself."""
    if not page.input_value(f"[name={name}]"):
        page.select_option(f"[name={name}]", index=1)


@pytest.fixture(scope="package")
def axe() -> str:
    folder = node_packages.installed(Path(__file__).resolve().parent / "node")
    return (folder / "axe-core" / "axe.min.js").read_text()


# What a rule finds has the impact of the rule: those of a lesser one are not run.
_RUN = """([context, options]) => {
  for (const {id, impact} of axe._audit.rules) {
    if (!["serious", "critical"].includes(impact)) options.rules[id] = {enabled: false};
  }
  return axe.run(context, options);
}"""


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
    options: dict[str, Any] = {"resultTypes": ["violations"], "selectors": False, "preload": False, "rules": {}}
    options |= {"runOnly": list(rules)} if rules else {}
    context = {"include": ["html"]} | ({"exclude": [without]} if without else {})
    found = page.evaluate(_RUN, [context, options])
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} ({len(one['nodes'])})"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
