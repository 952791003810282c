"""Every page of the console, with demo data: it shows something, fits, is accessible, and all of it is Chinese.

What the Content Security Policy refuses, the browser complains of, and fails the test (`page_with_data`).
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE, faults
from tests.support.screenshots import visit
from tests.support.stack import Stack
from tests.support.visible_text import texts_of_the_data, untranslated, visible_texts

pytestmark = pytest.mark.xdist_group("demo")

# The rules of axe-core 4.14 that are about colours (tag cat.color).
COLOURS = ("color-contrast", "link-in-text-block")
# Rows of a list are alike, and axe-core looks at each.
FEWER_ROWS = "document.querySelectorAll('#result_list tbody tr').forEach((row, n) => n < 2 || row.remove())"
# It is the same on every page: looked at on the first.
SIDEBAR = "#nav-sidebar"
# Pages that are right to be empty, and why.
EMPTY = {
    "pushcore-messagekey": "keys are claimed for a day, by pushes of the present",
    "query-tool-dimension-user-target-nobody": "nobody has no device",
    "pushcore-device-open-log": "nobody has started the log of that device",
    "auth-group": "groups give no rights here",
    "pushcore-erasure": "nobody was erased",
    "pushcore-webhookendpoint": "the demo's backend asks for no events",
    "pushcore-webhookdelivery": "the demo's backend asks for no events",
}


@pytest.fixture(scope="module")
def data(demo_stack: Stack) -> list[str]:
    return texts_of_the_data(demo_stack.env()["DATABASE_URL"])


def test_every_page_is_accessible_on_desktop_and_phone_by_day_and_by_night(page_with_data: Page, axe: str) -> None:
    """Each is loaded once, and looked at in each size, by day and by night.

    By night only colours are other ones, so only what axe-core says of colours is asked again.
    """
    page = page_with_data
    found: dict[str, object] = {}
    seen = ""
    for name in visit(page):
        page.evaluate(FEWER_ROWS)
        for surroundings, size in {"desktop": DESKTOP, "phone": PHONE}.items():
            page.set_viewport_size(size)
            found[f"{name}, {surroundings}"] = faults(page, axe, without=seen) + too_wide(page)
        page.evaluate("document.documentElement.className = 'dark'")
        found[f"{name}, by night"] = faults(page, axe, COLOURS, without=seen)
        seen = SIDEBAR
    assert not {name: some for name, some in found.items() if some}


def test_every_page_shows_something_fits_a_phone_and_is_chinese(page_with_data: Page, data: Sequence[str]) -> None:
    page = page_with_data
    page.set_extra_http_headers({"Accept-Language": "zh-CN"})
    page.set_viewport_size(PHONE)
    found: dict[str, object] = {}
    for name in visit(page):
        found[name] = [*untranslated(visible_texts(page), data), *too_wide(page)]
        if name not in EMPTY and is_empty(page):
            found[name] = "empty"
    assert not {name: some for name, some in found.items() if some}


def too_wide(page: Page) -> list[str]:
    """Tell whether the page has to be scrolled sideways, or hides a choice."""
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    # A card hides what reaches out of it.
    cut = page.evaluate(
        """Array.from(document.querySelectorAll('label:has(input[type=radio]), label:has(~ input[type=radio])')).some(
            (one) => one.checkVisibility() && one.getBoundingClientRect().right > window.innerWidth)"""
    )
    return ["wider than the window"] * wide + ["a choice is cut"] * cut


def is_empty(page: Page) -> bool:
    """Tell whether a list has no row, or a panel says that it has nothing to show."""
    without_rows = page.locator("#changelist").count() and not page.locator("#result_list tbody tr").count()
    return bool(without_rows) or page.locator(".console-panel-empty:visible").count() > 0
