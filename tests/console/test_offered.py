"""What a page offers, it allows: every link, button and form that a role is shown is followed, and none answers 403."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from console.models import Membership
from pushcore.models import App, Workspace
from tests.console.conftest import Everything

ROLES = ["viewer", "analyst", "operator", "administrator"]
HOME = reverse("admin:index")
# Parameters that do not change what may be done on a page: order and page of a list, and the list to go back to.
OF_THE_LIST = {"o", "p", "_changelist_filters"}
# To somebody who may not see a thing, it does not exist.
REFUSED = {403, 404}
# What ends or changes the session that walks, and is offered to everybody.
LEFT_OUT = {reverse("admin:logout"), reverse("set_language")}


@dataclass
class Form:
    """A form: where it is sent, how, what it holds, and whether a button sends it."""

    address: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    has_button: bool = False


class Offers(HTMLParser):
    """Collect what a page leads to: links, addresses that scripts are told, and forms with their buttons."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._page = address
        self._open: Form | None = None
        self.links: set[str] = set()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name, value in given.items():
            if name == "href" or (name.startswith("data-") and value.startswith(HOME)):
                self.links.add(urljoin(self._page, value))
        if tag == "form":
            address = urljoin(self._page, given.get("action", ""))
            self._open = Form(address, given.get("method", "get").lower())
            self.forms.append(self._open)
        if self._open is None or "disabled" in given:
            return
        is_button = tag in ("button", "input") and given.get("type", "submit" if tag == "button" else "") == "submit"
        if given.get("formaction"):
            address = urljoin(self._page, given["formaction"])
            self.forms.append(Form(address, "post", self._open.fields, has_button=True))
            return
        self._open.has_button |= is_button
        if given.get("name") and (is_button or given.get("type") == "hidden"):
            self._open.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def is_new(address: str, seen: dict[str, set[str]]) -> bool:
    """Tell whether a page, or a parameter of its address, was not seen yet; remembers it."""
    parts = urlsplit(address)
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - OF_THE_LIST
    if parts.path in seen and names <= seen[parts.path]:
        return False
    seen.setdefault(parts.path, set()).update(names)
    return True


def is_followed(address: str) -> bool:
    return urlsplit(address).path.startswith(HOME) and urlsplit(address).path not in LEFT_OUT


def refusals(browser: Client) -> Iterator[str]:
    """Follow everything from the home page on; yields what is refused, and the page that offers it.

    What a form changes is undone, so that the next page still has it.
    """
    waiting, seen = [(HOME, "")], {HOME: set[str]()}
    posted: set[tuple[str, ...]] = set()
    while waiting:
        address, offered_by = waiting.pop()
        answer = browser.get(address)
        if answer.status_code in REFUSED:
            yield f"{answer.status_code}: {address}, offered by {offered_by}"
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        offers = Offers(address)
        offers.feed(answer.text)
        for form in offers.forms:
            key = (urlsplit(form.address).path, *sorted(form.fields))
            if form.method == "get":
                offers.links.add(form.address)
            elif form.method == "post" and form.has_button and key not in posted and is_followed(form.address):
                posted.add(key)
                if (status := status_of(browser, form)) in REFUSED:
                    yield f"{status}: POST {form.address}, offered by {address}"
        for link in sorted(offers.links):
            link = link.partition("#")[0]
            if is_followed(link) and is_new(link, seen):
                waiting.append((link, address))


def status_of(browser: Client, form: Form) -> int:
    with transaction.atomic():
        status = browser.post(form.address, form.fields).status_code
        transaction.set_rollback(True)
    return status


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_offered_what_it_is_refused(
    workspace: Workspace, mine: Everything, theirs: Everything, role: str
) -> None:
    """In one app the user has the role, in another one may look only: what the role may do is not offered there."""
    user = User.objects.create_user("walker", is_staff=True)
    Membership.objects.create(user=user, app=workspace.app, role=role)
    Membership.objects.create(user=user, app=App.objects.get(app_id="OTHER"), role="viewer")
    browser = Client()
    browser.force_login(user)
    assert list(refusals(browser)) == []
