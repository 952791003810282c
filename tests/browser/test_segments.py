"""The form of a segment, in a browser: its devices are counted while the condition is typed."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose_only, faults
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")


def test_devices_are_counted_while_a_condition_is_typed(stack: Stack, page: Page, axe: str) -> None:
    PahoDevice(stack.demo).connect().disconnect()
    page.goto("pushcore/segment/add/")
    choose_only(page, "workspace")
    counted = page.locator(".console-counted")
    page.fill("[name=condition]", '{"platform": ')
    expect(counted).to_have_text("This is no JSON: line 1, column 14.")
    assert faults(page, axe) == []
    page.locator("[name=condition]").press_sequentially('"android"}')
    expect(counted).to_contain_text("devices meet it now.")
    name = f"s{uuid4().hex[:8]}"
    page.fill("[name=name]", name)
    page.click("[name=_save]")
    row = page.locator("#result_list tbody tr", has_text=name)
    row.get_by_role("link", name=f"Push to a segment: {name}").click()
    expect(page.locator("[name=segment]")).to_have_value(name)
    assert faults(page, axe) == []
