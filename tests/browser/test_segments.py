"""The form of a segment, in a browser: its devices are counted while the condition is typed."""

from __future__ import annotations

import json
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
    page.fill("[name=condition]", "")
    page.locator("[name=condition]").blur()
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("What is known of a device").select_option("platform")
    page.get_by_label("Value").select_option("android")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("What is known of a device").nth(1).select_option("last_seen_within_days")
    page.get_by_label("Whether it holds").nth(1).select_option("not")
    page.get_by_label("Value").nth(1).fill("7")
    written = {"and": [{"platform": "android"}, {"not": {"last_seen_within_days": 7}}]}
    assert json.loads(page.input_value("[name=condition]")) == written
    assert faults(page, axe) == []
    page.get_by_label("Whether it holds").nth(1).select_option("")
    expect(counted).to_contain_text("Devices that meet it now: ")
    name = f"s{uuid4().hex[:8]}"
    page.fill("[name=name]", name)
    page.click("[name=_save]")
    page.get_by_role("link", name=name, exact=False).first.click()
    expect(page.get_by_label("Value").nth(1)).to_have_value("7")
    page.go_back()
    row = page.locator("#result_list tbody tr", has_text=name)
    row.get_by_role("link", name=f"Push to a segment: {name}").click()
    expect(page.locator("[name=segment]")).to_have_value(name)
    assert faults(page, axe) == []
