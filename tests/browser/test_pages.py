"""The console in a browser: its first steps by hand and by keyboard, and the policy that each page carries."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SCREENSHOTS, choose_only, faults
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")


def test_by_night_the_console_is_dark_by_itself(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("")
    expect(page.locator("html")).to_have_class("dark")


def test_the_login_is_accessible(browser: Browser, stack: Stack, axe: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(stack.demo["console_url"])
    page.screenshot(path=SCREENSHOTS / "login.png")
    assert faults(page, axe) == []
    page.close()


@pytest.mark.parametrize("width", [390, 1024, 1700])
def test_the_name_of_what_a_page_is_about_stays_legible_beside_its_actions(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("pushcore/workspace/1/change/")
    name = page.locator("#header-inner h1 a").last
    assert name.evaluate("name => name.getBoundingClientRect().width") >= 80
    actions = page.locator("#header-inner ul").first
    if width >= 1024:
        assert actions.evaluate("list => list.getBoundingClientRect().right <= window.innerWidth")


def test_a_step_of_the_set_up_lands_at_its_section_of_the_settings(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto("")
    page.click("text=Your backend has got a receipt")
    expect(page.locator("h2", has_text="Callback")).to_be_in_viewport()
    expect(page.locator("[name=callback_url]")).to_be_in_viewport()


def test_a_simple_push_by_hand_is_in_the_message_list(page: Page) -> None:
    page.goto("create/simple/")
    page.fill("[name=target]", "user-of-the-browser")
    page.fill("[name=title]", "By hand")
    page.fill("[name=body]", "From the form")
    expect(page.locator("[data-preview]")).to_contain_text("By hand")
    page.click("text=Android message body")
    expect(page.locator("#preview-android")).to_contain_text('"title": "By hand"')
    page.click("[name=step][value=review]")
    expect(page.locator(".console-reached")).to_contain_text("0 devices reached now")
    page.screenshot(path=SCREENSHOTS / "review.png")
    page.click("[name=step][value=send]")
    expect(page.locator("[data-live$=':messages']")).to_have_text("1")
    page.goto("pushcore/message/")
    expect(page.locator("#result_list")).to_contain_text("By hand")


def test_a_simple_push_by_keyboard_alone(page: Page) -> None:
    page.goto("create/simple/")
    key = f"k{uuid4().hex[:8]}"
    for name, text in (("target", "user-of-the-keyboard"), ("msgkey", key), ("title", "By keys"), ("body", "Typed")):
        tab_to(page, f"[name={name}]")
        page.keyboard.insert_text(text)
    tab_to(page, "[name=step][value=review]")
    page.keyboard.press("Enter")
    expect(page.locator(".console-reached")).to_be_visible()
    tab_to(page, "[name=step][value=send]")
    page.keyboard.press("Enter")
    expect(page.locator("[data-live$=':messages']")).to_have_text("1")


def tab_to(page: Page, selector: str) -> None:
    """With the Tab key only, as far as it takes."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by the Tab key")


def test_a_file_is_looked_at_and_pushed_while_one_watches(page: Page, tmp_path: Path) -> None:
    page.goto("pushcore/template/add/")
    name = f"t{uuid4().hex[:8]}"
    for field, text in (("name", name), ("description", "d"), ("title", "Hello #name#"), ("body", "Body")):
        page.fill(f"[name={field}]", text)
    choose_only(page, "workspace")
    page.click("[name=_save]")
    expect(page.locator("#result_list")).to_contain_text(name)
    page.goto("create/multiple/")
    page.select_option("[name=template]", name)
    expect(page.locator("[data-part=template]")).to_contain_text("Hello #name#")
    file = tmp_path / "targets.csv"
    file.write_text("".join(f"{name}-{n},{name}-{n},name=N{n}\n" for n in range(3000)) + "bad\n")
    page.set_input_files("#chosen-file", file)
    expect(page.locator("[data-part=findings]")).to_contain_text("Hello N9")
    expect(page.locator("[data-part=findings]")).to_contain_text("3,000 records")
    page.screenshot(path=SCREENSHOTS / "file.png", full_page=True)
    page.click("[name=step][value=review]")
    expect(page.locator(".console-reached")).to_contain_text("3,000 records to push")
    page.click("[name=step][value=send]")
    # No reload: the figures come over the WebSocket.
    expect(page.locator("[data-live$=':messages']")).to_have_text("3,000")
    expect(page.locator("[data-live$=':file']")).to_have_text("100% read: 3,000 records pushed, 1 left out")


def test_every_page_carries_the_policy(page: Page) -> None:
    answer = page.goto("")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    directives = {part.split()[0]: part.split()[1:] for part in policy.split("; ")}
    assert directives["script-src"] == ["'self'", "'unsafe-eval'"]
    assert directives["default-src"] == ["'none'"]


def test_the_apis_page_works_under_a_policy_of_its_own_scripts_alone(page: Page, stack: Stack) -> None:
    answer = page.goto(f"{stack.url}/api/v1/docs/")
    assert answer is not None
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    expect(page.locator(".opblock").first).to_be_visible()
    page.locator(".opblock-summary-control").first.click()
    expect(page.locator(".opblock-body").first).to_be_visible()
