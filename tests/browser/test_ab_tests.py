"""An A/B test in a browser: pushed from the form, compared and decided on the page of the push."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose_only, faults
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

REVIEW, SEND = "[name=step][value=review]", "[name=step][value=send]"

pytestmark = pytest.mark.xdist_group("stack")


def test_a_variant_is_tested_and_sent_to_the_rest(stack: Stack, page: Page, axe: str) -> None:
    PahoDevice(stack.demo).connect().disconnect()
    name = f"s{uuid4().hex[:8]}"
    page.goto("pushcore/segment/add/")
    choose_only(page, "workspace")
    page.fill("[name=name]", name)
    page.fill("[name=condition]", '{"platform": "android"}')
    page.click("[name=_save]")
    page.locator("#result_list tbody tr", has_text=name).get_by_role("link", name=f"Push to a segment: {name}").click()
    page.fill("[name=title]", "Offer")
    page.fill("[name=body]", "Until Sunday")
    page.select_option("[name=ab_test]", "manual")
    page.fill("[name=variant_title]", "Half price")
    page.fill("[name=variant_share]", "30")
    assert faults(page, axe) == []
    page.click(REVIEW)
    expect(page.get_by_text("Somebody decides on the page of the push")).to_be_visible()
    page.fill("[name=devices]", page.locator("label[for=devices] strong").inner_text())
    page.click(SEND)
    expect(page.get_by_text("Somebody has to decide until")).to_be_visible()
    assert faults(page, axe) == []
    page.get_by_role("link", name="Send B to the rest").click()
    assert faults(page, axe) == []
    page.get_by_role("button", name="Send variant B").click()
    expect(page.get_by_text("The rest gets variant B.")).to_be_visible()
