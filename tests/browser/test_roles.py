"""Each page's main path and a mistake on it, as each role, by users who were invited through the console."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django_otp.oath import TOTP
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, MILLISECONDS, choose_only
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

ROLES = ("viewer", "analyst", "operator", "administrator")
PASSWORD = "correct-horse-7"
SAVE, REVIEW, SEND = "[name=_save]", "[name=step][value=review]", "[name=step][value=send]"
LISTS = (
    "pushcore/message/",
    "pushcore/pushtask/",
    "pushcore/schedule/",
    "pushcore/template/",
    "pushcore/segment/",
    "pushcore/receipt/",
    "pushcore/webhookdelivery/",
    "analytics/messageevent/",
    "pushcore/device/",
    "console/testdevice/",
    "pushcore/binding/",
    "pushcore/audiencename/",
    "pushcore/app/",
    "pushcore/workspace/",
    "pushcore/messagecategory/",
    "pushcore/quiethours/",
    "pushcore/accesskey/",
    "pushcore/webhookendpoint/",
    "console/membership/",
)


@dataclass(frozen=True)
class Person:
    """Somebody invited: their name, and a window of a browser they are logged in with."""

    username: str
    page: Page


@dataclass(frozen=True)
class Walk:
    """What is done on pages, with a mistake on the way, by those who have a role or one above it."""

    least: str
    address: str
    walk: Callable[[Page], None]


@pytest.fixture(scope="module")
def window(browser: Browser, stack: Stack) -> Iterator[Callable[[], Page]]:
    """Open a window of a browser of its own; all are closed at the end."""
    opened: list[BrowserContext] = []

    def new() -> Page:
        opened.append(
            browser.new_context(
                base_url=stack.demo["console_url"],
                viewport=DESKTOP,
                extra_http_headers={"Accept-Language": "en"},
            )
        )
        opened[-1].set_default_timeout(MILLISECONDS)
        return opened[-1].new_page()

    yield new
    for context in opened:
        context.close()


@pytest.fixture(scope="module")
def people(tab: Page, window: Callable[[], Page]) -> dict[str, Person]:
    """One of each role: the demo's superuser invites an administrator, who invites the others."""
    tab.goto("auth/user/add/")
    name = f"administrator-{uuid4().hex[:8]}"
    tab.fill("[name=username]", name)
    tab.select_option("[name=memberships-0-app]", index=1)
    tab.select_option("[name=memberships-0-role]", "administrator")
    tab.click(SAVE)
    found = {"administrator": accept(tab, window(), name)}
    administrator = found["administrator"].page
    for role in ROLES[:-1]:
        name = f"{role}-{uuid4().hex[:8]}"
        administrator.goto("console/membership/add/")
        expect(administrator.locator("[name=email]")).to_be_hidden()
        administrator.check("[name=who][value=newcomer]")
        administrator.fill("[name=username]", name)
        administrator.fill("[name=email]", f"{role}@shop.example")
        administrator.select_option("[name=role]", role)
        choose_only(administrator, "app")
        administrator.click(SAVE)
        found[role] = accept(administrator, window(), name)
    return found


def accept(inviter: Page, guest: Page, username: str) -> Person:
    """Follow the link that the inviter is shown: a weak password is refused, a good one logs in."""
    link = inviter.locator("[data-copyable]")
    expect(link).to_contain_text("/console/invitation/")
    guest.goto(str(link.evaluate("element => element.firstChild.textContent")).strip())
    for password, said in (("abc", "too short"), (PASSWORD, "Your password is set")):
        guest.fill("[name=new_password1]", password)
        guest.fill("[name=new_password2]", password)
        guest.click("button[type=submit]")
        expect(guest.get_by_text(said).first).to_be_visible()
    log_in(guest, username, PASSWORD)
    return Person(username, guest)


def log_in(page: Page, username: str, password: str) -> None:
    page.goto("")
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    expect(page.locator(".console-metrics")).to_be_visible()


def says(page: Page, text: str) -> None:
    expect(page.get_by_text(text).first).to_be_visible()


def home(page: Page) -> None:
    expect(page.locator(".console-metrics")).to_be_visible()
    page.goto("no-such-page/")
    says(page, "There is nothing here")


def analysis(page: Page) -> None:
    expect(page.locator("[data-chart]")).to_be_visible()
    page.fill("[name=first]", "2026-01-01")
    page.fill("[name=last]", "2026-10-01")
    page.click("form:has([name=first]) [type=submit]")
    says(page, "At most 90 days.")


def export(page: Page) -> None:
    with page.expect_download() as downloading:
        page.click("[data-export] [value=csv]")
    assert downloading.value.suggested_filename.endswith(".csv")


def query(page: Page) -> None:
    page.fill("[name=target]", "nobody-at-all")
    page.click("form:has([name=target]) [type=submit]")
    says(page, "No device is")


def password(page: Page) -> None:
    for name, text in (("old_password", "wrong"), ("new_password1", PASSWORD), ("new_password2", PASSWORD)):
        page.fill(f"[name={name}]", text)
    page.click("form:has([name=old_password]) [type=submit]")
    says(page, "old password was entered incorrectly")


def channels(page: Page) -> None:
    expect(page.locator(".console-channels h2").first).to_be_visible()
    page.goto("channels_vendor/vendoraccount/999999999/change/")
    says(page, "There is nothing here")


def push_and_cancel(page: Page) -> None:
    """A push into the past is refused; sent later, it is among the schedules, and cancelled there."""
    key = uuid4().hex[:8]
    for name, text in (("target", key), ("msgkey", key), ("title", f"Later {key}"), ("body", "Body")):
        page.fill(f"[name={name}]", text)
    page.check("[name=sending-when][value=timed]")
    page.fill("[name=sending-at]", "2020-01-01T10:00")
    page.click(REVIEW)
    says(page, "Choose a time that is still to come")
    page.fill("[name=sending-at]", f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}")
    page.click(REVIEW)
    page.click(SEND)
    page.goto("pushcore/schedule/")
    row = page.locator("#result_list tbody tr", has_text=key)
    row.locator("a[href*='/cancel/']").click()
    page.locator(".console-narrow button[type=submit]").click()
    page.goto("pushcore/schedule/")
    expect(row).to_contain_text("cancelled", ignore_case=True)


def push_and_revoke(page: Page) -> None:
    """What lacks a title is not sent; what is sent has a report, and is revoked there once."""
    key = uuid4().hex[:8]
    for name, text in (("target", key), ("msgkey", key), ("body", "Body")):
        page.fill(f"[name={name}]", text)
    page.click(REVIEW)
    assert page.evaluate("document.activeElement.name") == "title"
    page.fill("[name=title]", f"Now {key}")
    page.click(REVIEW)
    page.click(SEND)
    expect(page.locator("[data-live$=':messages']")).to_have_text("1")
    page.locator("a[href$='/revoke/']").first.click()
    page.locator(".console-narrow button[type=submit]").first.click()
    says(page, "Revoked")


def template(page: Page) -> None:
    name = f"t{uuid4().hex[:8]}"
    for field, text in (("name", "bad name!"), ("description", "d"), ("title", "Hello #name#"), ("body", "Body")):
        page.fill(f"[name={field}]", text)
    choose_only(page, "workspace")
    page.click(SAVE)
    says(page, "A name has letters A to Z, digits and underscores")
    page.fill("[name=name]", name)
    page.click(SAVE)
    expect(page.locator("#result_list")).to_contain_text(name)


def simulator(page: Page) -> None:
    """The device is switched on, pushed to, and added to the test devices, once."""
    page.click("[data-do=on]")
    expect(page.locator("[data-state=online]")).to_be_visible()
    before = page.locator("[data-inbox] li").count()
    page.click("[data-do=push]")
    expect(page.locator("[data-inbox] li")).to_have_count(before + 1)
    add = page.locator("[data-test-device]").get_attribute("href")
    token = page.locator("[data-ad-token]").inner_text()
    for said in ("was added successfully", "This is a test device of the workspace already."):
        page.goto(str(add))
        page.fill("[name=name]", "Simulated")
        page.fill("[name=target]", token)
        choose_only(page, "workspace")
        page.click(SAVE)
        says(page, said)
    page.goto(f"query-tool/?dimension=device&target={token}")
    page.goto("console/testdevice/?q=Simulated")
    page.locator("#result_list tbody th a").first.click()
    page.click("a.deletelink, a:has-text('Delete')")
    page.click("form [type=submit]:has-text('Yes')")
    says(page, "was deleted successfully")


def access_key(page: Page) -> None:
    page.fill("[name=name]", "invited")
    page.click(SAVE)
    says(page, "A key is of use in")
    page.locator("[name=workspaces]").first.check()
    page.click(SAVE)
    expect(page.locator("[data-copyable]").first).to_be_visible()


def rsa_key(page: Page) -> None:
    choose_only(page, "workspace")
    for bits, said in ((1024, "2048"), (2048, "was added successfully")):
        made = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
        pem = made.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        page.fill("[name=public_pem]", pem.decode())
        page.click(SAVE)
        says(page, said)


def workspace(page: Page) -> None:
    page.locator("#result_list tbody th a").first.click()
    zone = page.input_value("[name=time_zone]")
    for text, said in (("Mars/Olympus", "Not a time zone name"), (zone, "was changed successfully")):
        page.fill("[name=time_zone]", text)
        page.click(SAVE)
        says(page, said)


def app(page: Page) -> None:
    page.locator("#result_list tbody th a").first.click()
    name = page.input_value("[name=name]")
    page.fill("[name=name]", "x" * 201)
    assert len(page.input_value("[name=name]")) == 200  # the field takes no more
    page.fill("[name=name]", name)
    page.click(SAVE)
    says(page, "was changed successfully")


def account(page: Page) -> None:
    """A card leads to a new account; switched on without its values it is refused, and then deleted."""
    page.click("a.console-button-primary:has-text('Set up') >> nth=0")
    page.click("[name=_continue]")
    page.check("[name=enabled]")
    page.click(SAVE)
    says(page, "is needed")
    page.click("a.deletelink, a:has-text('Delete')")
    page.click("form [type=submit]:has-text('Yes')")
    says(page, "was deleted successfully")


def member(page: Page) -> None:
    page.fill("[name=username]", "stranger")
    choose_only(page, "app")
    page.click(SAVE)
    says(page, "Nobody with this name can log in")


def audit_log(page: Page) -> None:
    expect(page.locator("#result_list")).to_contain_text("Invited a newcomer.")
    page.goto("console/auditentry/?q=nobody-at-all")
    says(page, "Nothing found")


WALKS = {
    "home": Walk("viewer", "", home),
    "usage analysis": Walk("viewer", "analysis/", analysis),
    "query tool": Walk("viewer", "query-tool/", query),
    "channels": Walk("viewer", "channels/", channels),
    "password": Walk("viewer", "password_change/", password),
    "export": Walk("analyst", "analysis/", export),
    "a push and its report": Walk("operator", "create/simple/", push_and_revoke),
    "a push for later and the schedules": Walk("operator", "create/simple/", push_and_cancel),
    "templates": Walk("operator", "pushcore/template/add/", template),
    "device simulator and test devices": Walk("operator", "device-simulator/", simulator),
    "access keys": Walk("administrator", "pushcore/accesskey/add/", access_key),
    "RSA keys": Walk("administrator", "pushcore/rsakey/add/", rsa_key),
    "workspaces": Walk("administrator", "pushcore/workspace/", workspace),
    "apps": Walk("administrator", "pushcore/app/", app),
    "vendor accounts": Walk("administrator", "channels/", account),
    "members": Walk("administrator", "console/membership/add/", member),
    "audit log": Walk("administrator", "console/auditentry/", audit_log),
}
# Pages that open for all: what they offer to those alone who may.
ADD = "#header-inner a[href$='/add/']"
OFFERED = {"analysis/": None, "channels/": "a:has-text('Set up')", "pushcore/workspace/": ADD, "pushcore/app/": ADD}


@pytest.mark.parametrize("role", ROLES)
def test_lists_open_and_a_search_without_a_hit_says_so(people: dict[str, Person], role: str) -> None:
    page = people[role].page
    for address in LISTS:
        page.goto(f"{address}?q=nobody-at-all", wait_until="domcontentloaded")
        says(page, "Nothing found")


# Each by every role that may, and by the one just below them, which is told so.
TRIED = [
    (name, role)
    for name, walk in WALKS.items()
    for place, role in enumerate(ROLES)
    if place >= ROLES.index(walk.least) - 1
]


@pytest.mark.parametrize(("name", "role"), TRIED)
def test_a_page_works_for_the_roles_it_is_for_and_tells_the_others(
    people: dict[str, Person], name: str, role: str
) -> None:
    walk, page = WALKS[name], people[role].page
    page.goto(walk.address)
    if ROLES.index(role) >= ROLES.index(walk.least):
        walk.walk(page)
    elif walk.address in OFFERED:
        assert (offered := OFFERED[walk.address]) is None or not page.locator(offered).count()
    else:
        says(page, f"It takes the role {walk.least} in the app")
        says(page, f"{role} ·")


def test_a_second_factor_is_set_up_and_asked_for_after_the_password(
    people: dict[str, Person], window: Callable[[], Page]
) -> None:
    person, guest = people["operator"], window()
    page = person.page
    page.goto("two-factor/")
    for text, said in (("wrong", "The password is wrong"), (PASSWORD, "Read this with")):
        page.fill("[name=password]", text)
        page.click("[name=do]")
        says(page, said)
    address = str(page.locator("[data-copyable]").evaluate("element => element.firstChild.textContent"))
    secret = parse_qs(urlsplit(address.strip()).query)["secret"][0]
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    page.fill("[name=code]", f"{TOTP(key).token():06d}")
    page.click("[name=do]")
    recovery = str(page.locator("[data-copyable]").evaluate("element => element.firstChild.textContent")).split()
    guest.goto("")
    assert not guest.locator("[name=code]").count()
    guest.fill("[name=username]", person.username)
    guest.fill("[name=password]", PASSWORD)
    guest.press("[name=password]", "Enter")
    guest.fill("[name=code]", "no code")
    guest.press("[name=code]", "Enter")
    says(guest, "The authentication code is wrong")
    expect(guest.locator("[name=code]")).to_be_editable()
    assert len(recovery) == 10
