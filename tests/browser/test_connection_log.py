"""The log of a device's connections in a browser: a device's refused request appears while one looks, until it ends."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.backends import run_in_service
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

TEN_MINUTES_LATER = """
from gateway.cluster import connection_log
from pushcore.storage.valkey import client
client().zadd(connection_log.WATCHED, {{"{ad_token}": 1}})
"""


def test_a_refused_request_appears_in_the_log_until_it_ends(page: Page, stack: Stack) -> None:
    device = PahoDevice(stack.demo).connect()
    page.goto(f"pushcore/device/?q={device.ad_token}")
    page.locator("#result_list tbody th a").first.click()
    page.get_by_role("link", name="Connection log").click()
    expect(page.get_by_text("Nothing is kept of the device")).to_be_visible()
    page.click("text=Start the log")
    state = page.locator("[data-connection-log-state]")
    expect(state).to_have_text("Logging, for ten minutes from its start")
    refused = page.locator("[data-connection-log] tr", has_text="Request answered").filter(has=page.locator("strong"))
    # Gateways learn with their heartbeat that somebody looks.
    for _ in range(20):
        device.request("mps/bind", {"userId": ""})
        with page.expect_response(lambda answer: "part=1" in answer.url):
            pass
        if refused.count():
            break
    expect(refused.first).to_be_visible()
    device.disconnect()
    expect(page.locator("[data-connection-log] tr", has_text="Connection ended").first).to_be_visible()
    run_in_service(stack, TEN_MINUTES_LATER.format(ad_token=device.ad_token))
    expect(state).to_have_text("The log has ended")
