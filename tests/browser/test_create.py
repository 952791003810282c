"""Making and sending by hand what cannot be taken back: users who are let in, pushes that go out."""

from __future__ import annotations

from base64 import b64decode
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import MILLISECONDS, SCREENSHOTS, choose_only, faults
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

REVIEW, SEND = "[name=step][value=review]", "[name=step][value=send]"
# One pixel.
PICTURE = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")


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
    choose_only(page, "workspace")
    page.click("[name=_save]")
    expect(page.locator("#result_list")).to_contain_text(name)
    return name


def tasks(page: Page) -> int:
    page.goto("pushcore/pushtask/?kind=all")
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
    expect(guest.locator(".console-metrics")).to_be_visible()
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


def test_from_the_login_to_a_pushed_message_it_takes_three_clicks(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(base_url=stack.demo["console_url"], extra_http_headers={"Accept-Language": "en"})
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()
    page.goto("")
    page.fill("[name=username]", stack.demo["username"])
    page.fill("[name=password]", stack.demo["password"])
    page.press("[name=password]", "Enter")
    clicks = 0
    for wanted in (page.get_by_role("link", name="Create a message").first, page.locator(REVIEW), page.locator(SEND)):
        wanted.click()
        clicks += 1
        if clicks == 1:
            for name, text in (("target", "a-user"), ("title", "Three clicks"), ("body", "and it is out")):
                page.fill(f"[name={name}]", text)
    expect(page.get_by_text("The push was accepted")).to_be_visible()
    assert clicks <= 3
    context.close()


def test_a_change_of_kind_keeps_what_was_typed_and_a_draft_waits(page: Page, axe: str) -> None:
    title = f"Draft {uuid4().hex[:8]}"
    page.goto("create/simple/")
    page.fill("[name=title]", title)
    page.fill("[name=target]", "a-user")
    page.get_by_role("link", name="Template push").click()
    expect(page.locator("[name=template]")).to_be_visible()
    assert page.input_value("[name=target]") == "a-user"
    page.get_by_role("link", name="Simple push").click()
    expect(page.locator("[name=title]")).to_have_value(title)
    page.fill("[name=body]", "kept")
    expect(page.locator("[data-draft-saved]")).to_contain_text("Draft saved at")
    page.goto("create/simple/")
    assert faults(page, axe) == []
    page.screenshot(path=SCREENSHOTS / "drafts.png", full_page=True)
    page.get_by_role("link", name=title).click()
    expect(page.locator("[name=body]")).to_have_value("kept")
    page.goto("create/simple/")
    page.locator("[data-drafts] li", has_text=title).get_by_role("button", name="Discard").click()
    expect(page.get_by_text("The draft is discarded.")).to_be_visible()


def test_a_draft_is_pushed_to_ones_own_simulated_device_without_leaving_the_page(page: Page, axe: str) -> None:
    page.goto("device-simulator/")
    page.click("[data-do=on]")
    page.locator("[data-test-device]").click()
    name = f"Mine {uuid4().hex[:8]}"
    page.fill("[name=name]", name)
    page.click("[name=_save]")
    expect(page.locator("#result_list")).to_contain_text(name)
    page.goto("create/simple/")
    page.fill("[name=title]", "Looks good?")
    page.fill("[name=body]", "Only for me")
    for box in page.locator("[name=test_devices]").all():
        box.uncheck()
    page.check(f"label:has-text('{name}') input")
    page.click("[data-push-test]")
    expect(page.locator("[data-tested]")).to_contain_text(name)
    assert faults(page, axe) == []
    assert page.input_value("[name=title]") == "Looks good?"
    page.screenshot(path=SCREENSHOTS / "tested.png", full_page=True)
    page.fill("[name=title]", "")
    page.click("[data-push-test]")
    expect(page.locator("[data-tested]")).to_contain_text("Enter a title.")


def test_the_preview_draws_the_picture_and_says_what_is_cut(page: Page, axe: str) -> None:
    page.route("https://shop.example/**", lambda route: route.fulfill(body=PICTURE, content_type="image/png"))
    page.goto("create/simple/")
    page.check("[name=style][value='2']")
    page.fill("[name=title]", "x" * 60)
    page.fill("[name=image_defaultUrl]", "https://shop.example/large.png")
    page.fill("[name=body]", "A picture")
    picture = page.locator("[data-preview-image=image] img")
    expect(picture).to_be_visible()
    page.wait_for_function("document.querySelector('[data-preview-image=image] img').naturalWidth === 1")
    expect(page.locator("[data-preview-size=image]")).to_have_text("Large image: 1 x 1 pixels; 876 x 324 are advised.")
    expect(page.locator("[data-preview-notes]")).to_contain_text("Xiaomi MiPush cuts the title to 49 characters")
    page.fill("[name=body]", "one\ntwo\nthree")
    expect(page.locator(".console-row:has([name=body]) [data-advice]")).to_have_text(
        "In rich text the text looks best in two lines."
    )
    page.select_option("[data-preview-channel]", label="Xiaomi MiPush")
    expect(page.locator("[data-preview-of=title]")).to_have_text("x" * 48 + "…")
    page.click("[data-preview-dark]")
    assert faults(page, axe) == []
    page.screenshot(path=SCREENSHOTS / "preview.png", full_page=True)
    page.select_option("[data-preview-channel]", label="OPPO Push")
    expect(picture).to_be_hidden()
