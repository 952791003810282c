"""Making and sending by hand what cannot be taken back: users who are let in, pushes that go out."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import MILLISECONDS, SCREENSHOTS
from tests.browser.test_pages import axe as axe
from tests.browser.test_pages import faults
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

SEND = "[name=step][value=send]"


@pytest.fixture(scope="module")
def a_device(stack: Stack) -> None:
    """One that a broadcast is for."""
    PahoDevice(stack.demo).connect().disconnect()


@pytest.fixture
def template(page: Page) -> str:
    """A template with one placeholder; its name."""
    name = f"t{uuid4().hex[:8]}"
    page.goto("pushcore/template/add/")
    for field, text in (("name", name), ("description", "d"), ("title", "Hello #name#"), ("body", "Body")):
        page.fill(f"[name={field}]", text)
    page.select_option("[name=workspace]", index=1)
    page.click("[name=_save]")
    expect(page.locator("#result_list")).to_contain_text(name)
    return name


def tasks(page: Page) -> int:
    page.goto("pushcore/pushtask/")
    return page.locator("#result_list tbody tr").count()


@pytest.mark.usefixtures("a_device")
@pytest.mark.parametrize("kind", ["template", "broadcast"])
def test_enter_again_and_again_in_the_last_field_pushes_nothing(page: Page, template: str, kind: str) -> None:
    before = tasks(page)
    page.goto(f"create/{kind}/")
    if kind == "template":
        page.fill("[name=target]", "user-of-the-enter-key")
    page.select_option("[name=template]", template)
    page.fill("[name=value_0]", "Ann")
    page.press("[name=value_0]", "Enter")
    expect(page.locator(SEND)).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.locator(SEND)).to_be_visible()
    assert tasks(page) == before


@pytest.mark.usefixtures("a_device")
def test_a_broadcast_goes_out_once_its_number_is_typed(page: Page, template: str, axe: str) -> None:
    page.goto("create/broadcast/")
    page.select_option("[name=template]", template)
    page.fill("[name=value_0]", "Ann")
    # Over before another test's device connects.
    page.click("summary:has-text('Advanced information')")
    page.fill("[name=valid_seconds]", "1")
    page.press("[name=valid_seconds]", "Enter")
    number = page.locator(".console-confirmation strong").inner_text()
    assert int(number) > 0
    expect(page.locator(".console-properties")).to_contain_text(template)
    assert faults(page, axe) == []
    page.screenshot(path=SCREENSHOTS / "broadcast.png", full_page=True)
    page.click(SEND)
    assert page.evaluate("document.activeElement.name") == "devices"  # the browser asks for it
    page.fill("[name=devices]", f"{number}1")
    page.click(SEND)
    expect(page.get_by_text("Nothing was pushed")).to_be_visible()
    page.fill("[name=devices]", number)
    page.press("[name=devices]", "Enter")
    expect(page.get_by_text("The push was accepted")).to_be_visible()


def test_somebody_invited_logs_in_with_a_password_of_their_own(page: Page, browser: Browser, axe: str) -> None:
    name = f"u{uuid4().hex[:8]}"
    page.goto("auth/user/add/")
    expect(page.locator("[name=password1]")).to_be_hidden()
    assert faults(page, axe) == []
    page.fill("[name=username]", name)
    page.fill("[name=email]", "ann@shop.example")
    page.select_option("[name=memberships-0-app]", index=1)
    page.select_option("[name=memberships-0-role]", "operator")
    page.click("[name=_save]")
    link = page.locator("[data-copyable]")
    expect(link).to_contain_text("/console/invitation/")
    address = str(link.evaluate("element => element.firstChild.textContent")).strip()
    guest = browser.new_context(extra_http_headers={"Accept-Language": "en"}).new_page()
    guest.set_default_timeout(MILLISECONDS)
    guest.goto(address)
    assert faults(guest, axe) == []
    for field in ("new_password1", "new_password2"):
        guest.fill(f"[name={field}]", "correct-horse-7")
    guest.click("button[type=submit]")
    guest.fill("[name=username]", name)
    guest.fill("[name=password]", "correct-horse-7")
    guest.click("button[type=submit]")
    expect(guest.locator(".console-figures")).to_be_visible()
    guest.goto(address)
    expect(guest.get_by_text("This link is not valid any more").first).to_be_visible()
    guest.context.close()


def test_an_initial_password_is_asked_for_where_it_is_set_here(page: Page) -> None:
    page.goto("auth/user/add/")
    page.check("[name=usable_password][value=true]")
    expect(page.locator("[name=password1]")).to_be_visible()
    page.fill("[name=username]", f"u{uuid4().hex[:8]}")
    page.fill("[name=password1]", "correct-horse-7")
    page.fill("[name=password2]", "correct-horse-7")
    page.click("[name=_save]")
    expect(page.get_by_text("was added successfully").first).to_be_visible()
