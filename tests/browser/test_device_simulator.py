"""The device simulator in a browser, against the whole service: a newcomer's first push."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCREENSHOTS

pytestmark = pytest.mark.xdist_group("stack")


def switch_on(page: Page) -> None:
    page.goto("device-simulator/")
    page.click("[data-do=on]")
    expect(page.locator("[data-state=online]")).to_be_visible()


def push(page: Page) -> int:
    """Push to the simulated device; return how many notifications it had before, such as broadcasts still valid."""
    before = page.locator("[data-inbox] li").count()
    page.click("[data-do=push]")
    expect(page.locator("[data-inbox] li")).to_have_count(before + 1)
    return before


def test_the_first_push_arrives_and_its_tap_is_reported(page: Page) -> None:
    switch_on(page)
    before = push(page)
    page.screenshot(path=SCREENSHOTS / "device_simulator.png", full_page=True)
    page.click("[data-do=open]")
    expect(page.locator("[data-inbox] li")).to_have_count(before)
    expect(page.locator("[data-log]")).to_contain_text("Reported opened")
    for _ in range(20):
        page.goto("analytics/messageevent/?kind=opened")
        if page.locator("#result_list tbody tr").count():
            break
    assert page.locator("#result_list tbody tr").count()


def test_a_user_is_bound_and_unbound(page: Page) -> None:
    switch_on(page)
    page.fill("[name=userId]", "somebody")
    page.click("[data-do=bind]")
    expect(page.locator("[data-user]")).to_have_text("Bound to somebody")
    page.click("[data-do=unbind]")
    expect(page.locator("[data-user]")).to_have_text("No user is bound here")


def test_what_is_pushed_while_it_is_offline_comes_when_it_is_back(page: Page) -> None:
    switch_on(page)
    csrf = page.locator("[data-simulator] [name=csrfmiddlewaretoken]").input_value()
    workspace = page.locator("[data-simulator]").get_attribute("data-workspace") or ""
    page.click("[data-do=off]")
    expect(page.locator("[data-state=off]")).to_be_visible()
    answer = page.request.post("device-simulator/push/", form={"workspace": workspace, "csrfmiddlewaretoken": csrf})
    assert answer.ok
    page.click("[data-do=on]")
    expect(page.locator("[data-inbox] li")).to_have_count(1)
    page.click("[data-do=ignore]")
    expect(page.locator("[data-log]")).to_contain_text("Reported ignored")


def test_switched_on_in_a_second_tab_the_first_goes_off(page: Page) -> None:
    switch_on(page)
    second = page.context.new_page()
    switch_on(second)
    expect(page.locator("[data-state=off]")).to_be_visible()
    expect(second.locator("[data-state=online]")).to_be_visible()
