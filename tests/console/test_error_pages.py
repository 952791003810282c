"""403 and 404 in the console say what happened, which role it takes and where to go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from pushcore.models import Message, Template, Workspace
from tests.console.conftest import Everything


@pytest.mark.parametrize(
    ("role", "address", "needed"),
    [
        ("viewer", "/console/create/simple/", "the role operator"),
        ("viewer", "/console/device-simulator/", "the role operator"),
        ("viewer", "/console/pushcore/template/add/", "the role operator"),
        ("operator", "/console/pushcore/accesskey/add/", "the role administrator"),
        ("operator", "/console/console/auditentry/", "the role administrator"),
        ("administrator", "/console/auth/user/", "Only superusers may"),
        ("administrator", "/console/pushcore/device/add/", "Nobody may"),
    ],
)
def test_who_is_refused_is_told_the_role_it_takes(
    member: Callable[[str], Client], mine: Everything, role: str, address: str, needed: str
) -> None:
    answer = member(role).get(address)
    assert answer.status_code == 403
    assert needed in answer.text
    assert f"{role} · {mine[Workspace].app}" in answer.text
    assert reverse("admin:index") in answer.text


def test_an_action_names_its_role(member: Callable[[str], Client], mine: Everything) -> None:
    answer = member("viewer").get(reverse("admin:pushcore_template_test_send", args=[mine[Template].pk]))
    assert (answer.status_code, "the role operator" in answer.text) == (403, True)


def test_what_does_not_exist_leads_back_to_its_list(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("viewer")
    gone = browser.get(reverse("admin:pushcore_message_change", args=[theirs[Message].pk]))
    assert gone.status_code == 404
    assert "There is nothing here" in gone.text
    assert f'href="{reverse("admin:pushcore_message_changelist")}"' in gone.text
    assert "There is nothing here" in browser.get("/console/no-such-page/").text


def test_they_speak_the_users_language(member: Callable[[str], Client], mine: Everything) -> None:
    browser = member("viewer")
    browser.cookies["django_language"] = "zh-hans"
    assert "需要" in browser.get("/console/create/simple/").text
    assert "这里没有内容" in browser.get("/console/no-such-page/").text


@pytest.mark.django_db
def test_who_has_no_role_is_told_so_and_offered_nothing_that_is_refused() -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("newcomer", is_staff=True))
    assert "You have no role in any app yet." in browser.get("/console/create/simple/").text
    offered = browser.get("/console/command-palette/").json()["results"]
    assert {browser.get(one["url"]).status_code for one in offered} == {200}


def test_programs_get_no_pages(client: Client) -> None:
    answer = client.get("/no-such-path")
    assert answer.status_code == 404
    assert answer.json()["success"] is False
