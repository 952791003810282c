"""The example's page in Chromium, under a strict Content-Security-Policy: its tabs are one device."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.browser import MILLISECONDS
from tests.support.stack import Stack

DEVICES = "SELECT count(*) FROM pushcore_device"
OPENED = "SELECT count(*) FROM analytics_messageevent WHERE kind = 'opened'"


class StrictPages(http.server.SimpleHTTPRequestHandler):
    """Serves files with a Content-Security-Policy that forbids inline code, eval and workers."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", "default-src 'self'; connect-src 'self' ws:; worker-src 'none'")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(packed: Path, config: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Serve the example's page; returns its address, which is a secure context."""
    shutil.copytree(packed / "sdk/js/examples", tmp_path / "site")
    shutil.copy(packed / "sdk/js/dist/mps-device.min.js", tmp_path / "site")
    (tmp_path / "site" / "mps-device.json").write_text(json.dumps(config))
    handler = functools.partial(StrictPages, directory=tmp_path / "site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/page.html"
        server.shutdown()
        thread.join()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser's profile; an error in a console fails the test."""
    opened = browser.new_context()
    opened.set_default_timeout(MILLISECONDS)
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    opened.on("weberror", lambda error: complaints.append(str(error.error)))
    yield opened
    opened.close()
    assert not [one for one in complaints if "favicon" not in one and "404" not in one]


def open_tab(context: BrowserContext, site: str) -> Page:
    """Open the page in a tab of its own, consent, and wait for the connection."""
    page = context.new_page()
    page.goto(site)
    state = page.locator("#state")
    # A click before the page's module listens has no effect.
    for _ in range(30):
        page.click("#start")
        page.wait_for_timeout(500)
        if state.inner_text() != "stopped":
            break
    expect(state).to_have_text("connected")
    return page


def push(service: Stack, token: str) -> str:
    """Push to the device; returns the msgKey."""
    msgkey = uuid.uuid4().hex
    backends.push_2019(service.demo, token, msgkey, DeliveryType=8, TaskName="tabs")
    return msgkey


def test_tabs_are_one_device_and_another_one_takes_over_from_a_tab_that_is_closed(
    service: Stack, site: str, context: BrowserContext
) -> None:
    database = Database(service)
    [(before,)] = database.query(DEVICES)
    first, second = open_tab(context, site), open_tab(context, site)
    token = first.locator("#token").inner_text()
    expect(second.locator("#token")).to_have_text(token)
    push(service, token)
    for page in (first, second):
        expect(page.locator("#messages li")).to_have_text(["Python test: Test 2"])
    # A tap in the tab that does not connect is reported by the one that does.
    second.click("#messages li")
    deadline = time.monotonic() + 30
    while database.query(OPENED) == [(0,)] and time.monotonic() < deadline:
        second.wait_for_timeout(50)
    assert database.query(OPENED) == [(1,)]
    first.close()
    push(service, token)
    expect(second.locator("#messages li")).to_have_count(2)
    expect(second.locator("#state")).to_have_text("connected")
    assert database.query(DEVICES) == [(before + 1,)]
    database.close()


def test_a_page_that_is_loaded_again_is_the_device_that_it_was(
    service: Stack, site: str, context: BrowserContext
) -> None:
    page = open_tab(context, site)
    token = page.locator("#token").inner_text()
    page.reload()
    page.click("#start")
    expect(page.locator("#token")).to_have_text(token)
    push(service, token)
    expect(page.locator("#messages li")).to_have_count(1)
