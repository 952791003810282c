"""Every page of the console with a week of traffic: it shows something, fits a phone, and all of it is Chinese."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.support.screenshots import visit
from tests.support.stack import Stack
from tests.support.visible_text import texts_of_the_data, untranslated, visible_texts

pytestmark = pytest.mark.xdist_group("demo")

PHONE: ViewportSize = {"width": 390, "height": 844}
# Pages that are right to be empty, and why.
EMPTY = {
    "pushcore-messagekey": "keys are claimed for a day, by pushes of the present",
    "query-tool-dimension-user-target-nobody": "nobody has no device",
    "auth-group": "groups give no rights here",
}


@pytest.fixture(scope="module")
def data(demo_stack: Stack) -> list[str]:
    return texts_of_the_data(demo_stack.env()["DATABASE_URL"])


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
    """Tell whether the page has to be scrolled sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return ["wider than the window"] if wide else []


def is_empty(page: Page) -> bool:
    """Tell whether a list has no row, or a panel says that it has nothing to show."""
    without_rows = page.locator("#changelist").count() and not page.locator("#result_list tbody tr").count()
    return bool(without_rows) or page.locator(".console-panel-empty:visible").count() > 0
