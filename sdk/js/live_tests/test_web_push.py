"""Web Push in Chromium: the page subscribes, the service worker shows what is pushed and reports what became of it.

Chromium's own push service is not asked: the page gets a subscription of a simulated browser, and messages are handed
to the service worker by the DevTools protocol.
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Worker, expect

from channels_vendor.webpush.simulator import subscription
from live_tests.test_tabs import OPENED, StrictPages, open_tab, push
from tests.e2e.database import Database
from tests.support.browser import FLAGS, MILLISECONDS
from tests.support.stack import Stack

TOKEN = "SELECT third_channel, third_token FROM pushcore_device WHERE ad_token = %s"
KEY = json.loads(subscription("key"))["keys"]["p256dh"]
# In place of the browser's push service.
SUBSCRIBING = f"""
PushManager.prototype.getSubscription = async () => null;
PushManager.prototype.subscribe = async (options) => {{
  if (!options.userVisibleOnly || options.applicationServerKey !== '{KEY}') throw new Error('refused');
  return {subscription("chromium")};
}};
"""


class Site(StrictPages):
    """Serves the example with its service worker, and hands requests of devices on to the service."""

    service_url = ""
    posted: tuple[str, Any, int] | None = None

    def do_POST(self) -> None:
        """Hand a request on, and keep it with the status of its answer."""
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name: self.headers[name] for name in ("authorization", "content-type")}
        answer = requests.post(f"{type(self).service_url}{self.path}", data=body, headers=headers, timeout=30)
        type(self).posted = self.path, json.loads(body), answer.status_code
        self.send_response(answer.status_code)
        self.end_headers()
        self.wfile.write(answer.content)

    def end_headers(self) -> None:
        """Let the page have its worker."""
        http.server.SimpleHTTPRequestHandler.end_headers(self)


@pytest.fixture
def site(packed: Path, config: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Serve the example's page; returns its address."""
    shutil.copytree(packed / "sdk/js/examples", tmp_path / "site")
    for script in ("mps-device.min.js", "mps-sw.min.js"):
        shutil.copy(packed / "sdk/js/dist" / script, tmp_path / "site")
    Site.service_url, Site.posted = config["httpEndpoint"], None
    handler = functools.partial(Site, directory=tmp_path / "site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        told = config | {"httpEndpoint": address, "webPushKey": KEY}
        (tmp_path / "site" / "mps-device.json").write_text(json.dumps(told))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"{address}/page.html"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def desktop(browser: Browser) -> Iterator[Browser]:
    """The desktop's Chromium: that without windows has no notifications."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no desktop Chromium on this machine (Debian package: chromium)")
    running = browser.browser_type.launch(executable_path=program, args=FLAGS)
    yield running
    running.close()


@pytest.fixture
def context(desktop: Browser, site: str) -> Iterator[BrowserContext]:
    """A browser's profile that permits notifications."""
    opened = desktop.new_context()
    opened.set_default_timeout(MILLISECONDS)
    opened.grant_permissions(["notifications"], origin=site.removesuffix("/page.html"))
    opened.add_init_script(SUBSCRIBING)
    yield opened
    opened.close()


def deliver(context: BrowserContext, page: Page, message: dict[str, Any]) -> None:
    """Hand a message to the page's service worker as the browser's push service does."""
    session = context.new_cdp_session(page)
    registered: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: registered.extend(one["registrationId"] for one in told["registrations"]),
    )
    session.send("ServiceWorker.enable")
    wait_until(page, lambda: bool(registered))
    parts = urlsplit(page.url)
    session.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": f"{parts.scheme}://{parts.netloc}",
            "registrationId": registered[-1],
            "data": json.dumps(message),
        },
    )


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, for half a minute at most."""
    for _ in range(600):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen")


def shown(worker: Worker) -> list[dict[str, Any]]:
    """Return what is shown."""
    found: list[dict[str, Any]] = worker.evaluate(
        "async () => (await registration.getNotifications()).map("
        "({ title, body, icon, tag, data }) => ({ title, body, icon, tag, data }))"
    )
    return found


def subscribed(context: BrowserContext, site: str) -> tuple[Page, Worker]:
    """Open the page, connect, and subscribe; returns the page and its service worker."""
    page = open_tab(context, site)
    page.click("#subscribe")
    expect(page.locator("#subscribed")).to_have_text("subscribed")
    return page, context.service_workers[0]


def test_a_page_subscribes_and_its_worker_shows_and_reports_what_is_pushed(
    service: Stack, site: str, context: BrowserContext
) -> None:
    page, worker = subscribed(context, site)
    database = Database(service)
    token = page.locator("#token").inner_text()
    assert database.query(TOKEN, token) == [(20, subscription("chromium"))]
    push(service, token)
    k = page.locator("#messages li").get_attribute("data-k")
    tag, icon = uuid.uuid4().hex, f"{page.url}?icon"
    notification = {"title": "Order 42", "body": "is on its way", "icon": icon, "tag": tag}
    deliver(context, page, {"notification": notification, "data": {"k": k, "taskId": "1"}})
    wait_until(page, lambda: bool(shown(worker)))
    assert shown(worker) == [notification | {"data": {"k": k, "taskId": "1"}}]
    wait_until(page, lambda: Site.posted is not None)
    assert Site.posted is not None
    path, [event], status = Site.posted
    assert (path, event["k"], event["event"], status) == ("/device/v1/events", k, "arrived", 200)
    [(before,)] = database.query(OPENED)
    worker.evaluate(
        "async () => { const [notification] = await registration.getNotifications();"
        "dispatchEvent(new NotificationEvent('notificationclick', { notification })); }"
    )
    wait_until(page, lambda: database.query(OPENED) == [(before + 1,)])
    assert shown(worker) == []
    database.close()


def test_a_silent_message_and_a_foreign_one_show_nothing(site: str, context: BrowserContext) -> None:
    page, worker = subscribed(context, site)
    deliver(context, page, {"notification": {"title": "T", "body": "B"}, "data": {"k": "7", "silent": "1"}})
    wait_until(page, lambda: Site.posted is not None)
    deliver(context, page, {"anything": "else"})
    assert shown(worker) == []


def test_another_subscription_is_reported_by_the_worker(service: Stack, site: str, context: BrowserContext) -> None:
    page, worker = subscribed(context, site)
    worker.evaluate(
        "(subscription) => { const event = new ExtendableEvent('pushsubscriptionchange');"
        "event.newSubscription = subscription; dispatchEvent(event); }",
        json.loads(subscription("renewed")),
    )
    wait_until(page, lambda: Site.posted is not None)
    database = Database(service)
    token = page.locator("#token").inner_text()
    assert database.query(TOKEN, token) == [(20, subscription("renewed"))]
    database.close()


def test_a_user_who_refuses_notifications_is_not_subscribed(site: str, context: BrowserContext) -> None:
    context.add_init_script("Notification.requestPermission = async () => 'denied';")
    page = open_tab(context, site)
    page.click("#subscribe")
    expect(page.locator("#subscribed")).to_have_text("the user does not permit notifications")
    assert not context.service_workers
