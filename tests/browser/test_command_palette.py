"""The command palette and the shortcuts of the keyboard, in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCREENSHOTS, faults

pytestmark = pytest.mark.xdist_group("stack")


def test_the_palette_leads_to_a_page_by_keys_alone(page: Page, axe: str) -> None:
    page.goto("")
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search everything")
    expect(box).to_be_focused()
    expect(page.get_by_role("option").first).to_be_visible()
    assert faults(page, axe) == []
    page.keyboard.insert_text("e")
    expect(page.get_by_role("option", name=re.compile("Devices"))).not_to_have_count(0)
    page.keyboard.press("ArrowDown")
    second = page.get_by_role("option").nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", second.get_attribute("id") or "")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.className = 'dark'")
    assert faults(page, axe) == []
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    page.screenshot(path=SCREENSHOTS / "command_palette.png")
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.insert_text("access k")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url("**/pushcore/accesskey/")


def test_the_palette_says_when_there_is_nothing(page: Page) -> None:
    page.goto("")
    page.click("[data-open-palette]")
    page.keyboard.insert_text("nothing-is-called-so")
    expect(page.locator("[data-palette] [role=status]")).to_have_text("Nothing found")


def test_shortcuts_are_listed_lead_on_and_can_be_switched_off(page: Page, axe: str) -> None:
    page.goto("")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    assert faults(page, axe) == []
    page.screenshot(path=SCREENSHOTS / "shortcuts.png")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/pushcore/message/")
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.goto("")
    page.keyboard.press("?")
    page.get_by_label("Shortcuts of single keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_hidden()


def test_no_shortcut_is_taken_from_a_field(page: Page) -> None:
    page.goto("create/simple/")
    page.locator("[name=title]").press_sequentially("c?/gm")
    expect(page.locator("[name=title]")).to_have_value("c?/gm")
    expect(page.locator("dialog[open]")).to_have_count(0)
