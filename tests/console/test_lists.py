"""What all lists and forms share: empty states that say what to do, one error box."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from console.components.empty_state import EmptyState
from console.components.scoped_admin import ConsoleModelAdmin
from pushcore.models import Device, Message, Template, Workspace
from tests.console.conftest import Everything

LISTS = sorted(
    (f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry),
)


def address_of(name: str) -> str:
    return reverse(f"admin:{name}_changelist")


def test_every_list_says_what_to_do_while_it_is_empty() -> None:
    states = [getattr(each, "empty_state", None) for each in admin.site._registry.values()]
    assert all(isinstance(state, EmptyState) for state in states)
    assert all(isinstance(each, ConsoleModelAdmin) for each in admin.site._registry.values())


@pytest.mark.parametrize("name", [name for name in LISTS if not name.startswith("auth_")])
def test_an_empty_list_shows_its_sentence_and_a_step_that_opens(superuser: Client, name: str) -> None:
    page = superuser.get(address_of(name))
    state: EmptyState = page.context["cl"].model_admin.empty_state
    if page.context["cl"].result_count:  # the audit log has the login
        return
    assert str(state.title) in page.text
    if state.step is not None:
        assert f'href="{state.step.address}"' in page.text
        assert superuser.get(state.step.address).status_code in (200, 302)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_no_two_filters_of_a_list_have_one_title(language: str) -> None:
    with override(language):
        titles = {
            model._meta.label: [str(title) for each in page.list_filter if (title := getattr(each, "title", ""))]
            for model, page in admin.site._registry.items()
        }
    assert {label: names for label, names in titles.items() if len(set(names)) < len(names)} == {}


def test_a_step_is_shown_to_those_alone_who_may_take_it(member: Callable[[str], Client], workspace: Workspace) -> None:
    assert "Create a template" not in member("viewer").get(address_of("pushcore_template")).text
    assert "Create a template" in member("operator").get(address_of("pushcore_template")).text


@pytest.mark.parametrize("query", [{"q": "nobody-at-all"}, {"status": "revoked"}], ids=str)
def test_a_list_narrowed_to_nothing_says_how_to_see_all(
    superuser: Client, mine: Everything, query: dict[str, str]
) -> None:
    text = superuser.get(address_of("pushcore_message"), query).text
    assert "Nothing found" in text
    assert '<a class="console-button" href="?">' in text


@pytest.mark.parametrize(
    ("add", "given"),
    [
        ("pushcore_template_add", {"name": "bad name!", "description": "d", "title": "T", "body": "B", "silent": "0",
                                   "style": "0", "action": "0"}),
        ("pushcore_template_add", {}),
    ],
    ids=["the whole form is refused", "fields are missing"],
)  # fmt: skip
def test_what_is_wrong_stands_in_one_box(
    superuser: Client, workspace: Workspace, add: str, given: dict[str, str]
) -> None:
    answer = superuser.post(reverse(f"admin:{add}"), given | {"workspace": workspace.pk})
    assert answer.status_code == 200
    boxes = re.findall(r'<(?:p|div)[^>]*class="errornote[^"]*"[^>]*>(.*?)</(?:p|div)>', answer.text, re.DOTALL)
    assert len(boxes) == 1
    assert len(re.sub(r"<[^>]+>", "", boxes[0]).strip()) > 10


def test_only_what_somebody_changes_has_a_history(superuser: Client, mine: Everything) -> None:
    for model, has_history in ((Workspace, True), (Template, True), (Message, False), (Device, False)):
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        page = superuser.get(reverse(f"admin:{name}_change", args=[mine[model].pk])).text
        assert (reverse(f"admin:{name}_history", args=[mine[model].pk]) in page) == has_history


def test_the_workspace_is_a_column_for_those_who_have_several(
    member: Callable[[str], Client], mine: Everything
) -> None:
    browser = member("viewer")
    for name in ("pushcore_device", "pushcore_receipt", "pushcore_template"):
        assert "workspace" not in browser.get(address_of(name)).context["cl"].list_display
    keys = browser.get(address_of("pushcore_rsakey")).context["cl"].list_display
    assert keys[0] == "workspace", "leads to the key's page"
    Workspace.objects.create(app=mine[Workspace].app, workspace_id="second", client_bind="open")
    assert "workspace" in browser.get(address_of("pushcore_device")).context["cl"].list_display


@pytest.mark.parametrize(("order", "sorting", "icon"), [("1", "ascending", "upward"), ("-1", "descending", "downward")])
def test_a_sorted_column_says_which_way(
    superuser: Client, mine: Everything, order: str, sorting: str, icon: str
) -> None:
    page = superuser.get(address_of("pushcore_app"), {"o": order}).text
    assert page.count(f'aria-sort="{sorting}"') == 1
    assert f'aria-hidden="true">arrow_{icon}</span>' in page


def test_a_label_begins_with_a_capital_wherever_its_word_comes_from(superuser: Client, mine: Everything) -> None:
    for name in ("pushcore_device", "pushcore_binding", "pushcore_receipt", "console_auditentry", "pushcore_rsakey"):
        words = re.findall(r'<span class="console-label [^>]*>([^<]+)</span>', superuser.get(address_of(name)).text)
        assert words
        assert all(word[0].isupper() for word in words), (name, words)


def test_the_filter_of_what_is_switched_on_has_the_name_of_a_question(superuser: Client, mine: Everything) -> None:
    page = superuser.get(address_of("pushcore_app"), headers={"accept-language": "zh-CN"}).text
    assert '<span class="console-chip-title">状态</span>' in page
    [spec] = [
        one
        for one in superuser.get(address_of("auth_user")).context["cl"].filter_specs
        if "active" in str(one.lookup_choices)
    ]
    assert spec.title == "state"


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("", "Home"),
        ("create/broadcast/", "Create a message"),
        ("schedule-calendar/", "Schedules"),
        ("connection-log/{device}/", "Devices"),
        ("pushcore/device/{device}/change/", "Devices"),
        ("channels_vendor/vendoraccount/add/", "Channels"),
        ("pushcore/pushtask/", "Push tasks"),
    ],
)
def test_the_sidebar_marks_the_one_entry_that_a_page_belongs_to(
    superuser: Client, mine: Everything, address: str, entry: str
) -> None:
    page = superuser.get("/console/" + address.format(device=mine[Device].pk))
    entries = [one for group in page.context["sidebar_navigation"] for one in group["items"]]
    assert [str(one["title"]) for one in entries if one["active"]] == [entry]
