"""Each page's main mistakes, made by hand: what the operator is told, and that nothing typed is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import MILLISECONDS, choose_only, faults
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

REVIEW, SAVE = "[name=step][value=review]", "[name=_save]"
ADVANCED = "summary:has-text('Advanced information')"
NEW_PASSWORDS = {"[name=new_password1]": "correct-horse-1", "[name=new_password2]": "correct-horse-1"}
SHORT_KEY = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDQRIKnIRuULXIZ6pc+QFKOfs1rOYrEL1ICXcMYtaZ3+f/0V1kJTbkU3n9mY8jBC0tYYxCyrZSh\n"
    "-----END PUBLIC KEY-----"
)
SIMPLE = {"[name=target]": "u1", "[name=msgkey]": "k1", "[name=title]": "Title", "[name=body]": "Body"}


@dataclass(frozen=True)
class Mistake:
    """`typed` and `chosen`: values by selector; `says`: what the page answers; all that was typed must still be there,
    but for `gone` (secrets). `only`: of what the first is chosen. `opened`: a part of the page that is opened first."""

    address: str
    says: str
    submit: str
    typed: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    checked: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    opened: str = ""


MISTAKES = {
    "a reserved extension parameter": Mistake(
        "create/simple/", "The service uses this key itself.", REVIEW,
        SIMPLE | {"[name=parameters-0-key]": "silent", "[name=parameters-0-value]": "1"},
        opened=ADVANCED,
    ),
    "an extension parameter without a key": Mistake(
        "create/simple/", "A value needs a key.", REVIEW, SIMPLE | {"[name=parameters-0-value]": "lonely"},
        opened=ADVANCED,
    ),
    "a push into the past": Mistake(
        "create/simple/", "Choose a time that is still to come", REVIEW,
        SIMPLE | {"[name=sending-at]": "2020-01-01T10:00"},
        checked=("[name=sending-when][value=timed]",),
    ),
    "a repeated push without days": Mistake(
        "create/simple/", "This field is required.", REVIEW, SIMPLE, checked=("[name=sending-when][value=cyclic]",),
    ),
    "a template without a name": Mistake(
        "pushcore/template/add/", "This field is required.", SAVE,
        {"[name=description]": "d", "[name=title]": "T", "[name=body]": "B"}, only=("workspace",),
    ),
    "a template with a bad name": Mistake(
        "pushcore/template/add/", "A name has letters A to Z, digits and underscores", SAVE,
        {"[name=name]": "bad name!", "[name=description]": "d", "[name=title]": "T", "[name=body]": "B"},
        only=("workspace",),
    ),
    "a short key": Mistake(
        "pushcore/rsakey/add/", "key", SAVE, {"[name=public_pem]": SHORT_KEY}, only=("workspace",),
    ),
    "a callback that is no web address": Mistake(
        "pushcore/workspace/add/", "Enter a valid URL.", SAVE,
        {"[name=workspace_id]": "mistaken", "[name=time_zone]": "UTC", "[name=callback_url]": "not a url"},
        only=("app",),
    ),
    "a callback without an address": Mistake(
        "pushcore/workspace/add/", "The callback needs a URL to post receipts to.", SAVE,
        {"[name=workspace_id]": "mistaken", "[name=time_zone]": "UTC"}, only=("app",),
        checked=("[name=callback_enabled]",),
    ),
    "a time zone that is none": Mistake(
        "pushcore/workspace/add/", "Not a time zone name", SAVE,
        {"[name=workspace_id]": "mistaken", "[name=time_zone]": "Mars/Olympus"}, only=("app",),
    ),
    "an access key for nothing": Mistake("pushcore/accesskey/add/", "A key is of use in", SAVE, {"[name=name]": "n"}),
    "a member nobody knows": Mistake(
        "console/membership/add/", "Nobody with this name can log in", SAVE, {"[name=username]": "stranger"},
        only=("app",),
    ),
    "an app with a bad ID": Mistake(
        "pushcore/app/add/", "Letters, digits, hyphen", SAVE, {"[name=app_id]": "no spaces", "[name=name]": "n"},
    ),
    "a report of too many days": Mistake(
        "analysis/", "At most 90 days.", "form:has([name=first]) [type=submit]",
        {"[name=first]": "2026-01-01", "[name=last]": "2026-10-01"},
    ),
    "hours of many days": Mistake(
        "analysis/?first=2026-10-05&last=2026-10-05", "Hours and minutes are for a single day.",
        "form:has([name=first]) [type=submit]", {"[name=first]": "2026-10-01"}, {"[name=step]": "hour"},
    ),
    "a query for nobody": Mistake(
        "query-tool/", "No device is", "form:has([name=target]) [type=submit]", {"[name=target]": "nobody-at-all"},
    ),
    "a wrong old password": Mistake(
        "password_change/", "old password was entered incorrectly", "form:has([name=old_password]) [type=submit]",
        {"[name=old_password]": "wrong"} | NEW_PASSWORDS, gone=("[name=old_password]", *NEW_PASSWORDS),
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_and_nothing_typed_is_lost(page: Page, axe: str, mistake: Mistake) -> None:
    page.goto(mistake.address)
    if mistake.opened:
        page.click(mistake.opened)
    for name in mistake.only:
        choose_only(page, name)
    for selector, value in mistake.chosen.items():
        page.select_option(selector, value)
    for selector in mistake.checked:
        page.check(selector)
    for selector, value in mistake.typed.items():
        page.fill(selector, value)
    page.click(mistake.submit)
    expect(page.get_by_text(mistake.says).first).to_be_visible()
    kept = {selector: page.input_value(selector) for selector in mistake.typed}
    assert kept == {selector: "" if selector in mistake.gone else value for selector, value in mistake.typed.items()}
    assert all(page.is_checked(selector) for selector in mistake.checked)
    assert faults(page, axe) == []


@pytest.mark.parametrize(
    ("address", "typed", "first"),
    [
        ("create/simple/", {}, "target"),
        ("create/simple/", {"[name=target]": "u", "[name=msgkey]": "k", "[name=body]": "b"}, "title"),
        ("create/template/", {"[name=target]": "u", "[name=msgkey]": "k"}, "template"),
        ("create/multiple/", {}, "template"),
        ("create/broadcast/", {"[name=msgkey]": "k"}, "template"),
        ("query-tool/", {}, "target"),
    ],
)
def test_what_is_missing_is_shown_before_anything_is_sent(
    page: Page, address: str, typed: dict[str, str], first: str
) -> None:
    page.goto(address)
    for selector, value in typed.items():
        page.fill(selector, value)
    if address.startswith("create/") and "[name=msgkey]" not in typed and page.locator("[name=msgkey]").count():
        page.fill("[name=msgkey]", "")
    page.locator(f"form:has([name={first}]) [type=submit]").first.click()
    assert page.evaluate("document.activeElement.name") == first
    assert page.evaluate("document.activeElement.validationMessage")
    assert page.url.endswith(address)


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(page: Page, tmp_path: Path) -> None:
    page.goto("pushcore/template/add/")
    name = f"t{uuid4().hex[:8]}"
    for selector, text in (("name", name), ("description", "d"), ("title", "Hello #name#"), ("body", "Body")):
        page.fill(f"[name={selector}]", text)
    choose_only(page, "workspace")
    page.click(SAVE)
    page.goto("create/multiple/")
    page.select_option("[name=template]", name)
    file = tmp_path / "targets.csv"
    file.write_text("bad\nuser,key\n" + "x" * 300 + "\n")
    page.set_input_files("#chosen-file", file)
    findings = page.locator("[data-part=findings]")
    expect(findings).to_contain_text("Lines at fault")
    expect(findings).to_contain_text("bad")
    page.click(REVIEW)
    expect(page.locator("[name=template]")).to_have_value(name)


def test_a_push_of_a_template_that_lacks_values_says_which(page: Page) -> None:
    page.goto("pushcore/template/add/")
    name = f"t{uuid4().hex[:8]}"
    for selector, text in (("name", name), ("description", "d"), ("title", "Hello #name#"), ("body", "Body")):
        page.fill(f"[name={selector}]", text)
    choose_only(page, "workspace")
    page.click(SAVE)
    page.goto("create/template/")
    for selector, text in (("[name=target]", "u1"), ("[name=msgkey]", "k1")):
        page.fill(selector, text)
    page.select_option("[name=template]", name)
    page.click(REVIEW)
    expect(page.locator("[name=template]")).to_have_value(name)
    expect(page.locator("form").get_by_text("name").first).to_be_visible()


def test_an_account_file_that_is_none_is_refused_with_the_reason(page: Page, axe: str) -> None:
    page.goto("channels_vendor/vendoraccount/add/")
    choose_only(page, "workspace")
    page.select_option("[name=channel]", label="Google FCM")
    page.click("[name=_continue]")
    page.check("[name=enabled]")  # one that is off may be half filled in
    page.fill("[name=value_service_account]", "not json")
    page.click(SAVE)
    expect(page.get_by_text("the service account is not a JSON file").first).to_be_visible()
    assert faults(page, axe) == []


def test_a_search_without_a_hit_says_so(page: Page, axe: str) -> None:
    page.goto("pushcore/message/?q=nobody-at-all")
    expect(page.locator("[name=q]").first).to_have_value("nobody-at-all")
    expect(page.locator("#result_list tbody tr, #changelist .result")).to_have_count(0)
    assert faults(page, axe) == []


def test_a_wrong_password_is_told_and_guessing_ends(browser: Browser, stack: Stack, axe: str) -> None:
    page = browser.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.goto(stack.demo["console_url"])
    for attempt in range(5):
        page.fill("input[name=username]", "a-guesser")
        page.fill("input[name=password]", f"guess-{attempt}")
        page.click("button[type=submit]")
        if attempt < 4:
            expect(page.get_by_text("correct username and password").first).to_be_visible()
            assert page.input_value("input[name=username]") == "a-guesser"
            assert page.input_value("input[name=password]") == ""
    expect(page.get_by_text("Too many failed logins").first).to_be_visible()
    assert faults(page, axe) == []
    page.close()
