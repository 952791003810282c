"""Templates and the calendar of schedules by hand: typed with a preview beside, changed, restored, looked up by day."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, choose_only, faults

ICON = "https://shop.example/icon.png"


@pytest.mark.xdist_group("stack")
def test_a_template_is_typed_beside_its_preview_changed_and_restored(page: Page, axe: str) -> None:
    name = f"t{uuid4().hex[:8]}"
    page.goto("pushcore/template/add/")
    choose_only(page, "workspace")
    for field, text in (("name", name), ("description", "A prize"), ("title", "Hello #name#"), ("body", "Body")):
        page.fill(f"[name={field}]", text)
    expect(page.locator("#id_title_counter")).to_have_text("12 / 200")
    expect(page.locator("[data-placeholders] code")).to_have_text(["#name#"])
    expect(page.locator("[data-preview]")).to_contain_text("Hello #name#")
    expect(page.locator("[name=icon_defaultUrl]")).to_be_hidden()
    page.check("[name=style][value='2']")
    expect(page.locator("[name=icon_defaultUrl]")).to_be_visible()
    expect(page.locator("[data-advice]").first).to_contain_text("Rich text shows an icon")
    page.check("[name=style][value='1']")
    page.click("[name=_save]")
    page.locator("#result_list").get_by_role("link", name=name, exact=False).first.click()
    expect(page.locator("[data-preview]")).to_contain_text("Hello #name#")
    page.get_by_role("link", name="Edit").first.click()
    page.fill("[name=title]", "#name#prize#")
    page.click("[name=_save]")
    expect(page.locator(".console-row:has([name=title])")).to_contain_text("number sign")
    assert faults(page, axe) == []
    page.fill("[name=title]", "#name#, you won #prize#")
    page.click("[name=_save]")
    expect(page.get_by_text("Version 2 was saved.").first).to_be_visible()
    expect(page.locator(".console-versions")).to_contain_text("Hello #name#")
    assert faults(page, axe) == []
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("Version 3 was saved.").first).to_be_visible()
    expect(page.locator("[data-preview]")).to_contain_text("Hello #name#")


@pytest.mark.xdist_group("demo")
def test_the_calendar_shows_a_day_in_full_and_other_months(page_with_data: Page, axe: str) -> None:
    page, today = page_with_data, datetime.now(UTC).date()
    page.goto(f"schedule-calendar/?day={today.isoformat()}#day")
    expect(page.locator("#day")).to_contain_text("Morning summary")
    assert faults(page, axe) == []
    page.set_viewport_size(PHONE)
    assert not page.locator(".console-calendar-free").first.is_visible()
    assert faults(page, axe) == []
    month = page.locator(".console-panel h2").first.inner_text()
    page.get_by_role("link", name="The month after").click()
    expect(page.locator(".console-panel h2").first).not_to_have_text(month)
    page.get_by_role("link", name="This month").click()
    expect(page.locator(".console-panel h2").first).to_have_text(month)
