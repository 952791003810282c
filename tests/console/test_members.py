"""Members: an app's administrator invites newcomers, and gives no more than they have."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from console.access.rights import Scope
from console.models import AuditEntry, Membership
from pushcore.models import App

ADD = reverse("admin:console_membership_add")
PASSWORD = "correct-horse-7"


def newcomer(app: App, **changes: str) -> dict[str, str]:
    return {"who": "newcomer", "username": "ann", "email": "", "app": str(app.pk), "role": "operator"} | changes


def link_on(page: str) -> str:
    found = re.search(r"http://testserver(/console/invitation/[^<\s]+)", page)
    assert found, "no link"
    return found[1]


def set_password(link: str) -> bool:
    browser = Client()
    form = browser.get(link, follow=True)
    if form.context["validlink"]:
        passwords = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        browser.post(form.redirect_chain[-1][0], passwords, follow=True)
    return bool(form.context["validlink"])


@pytest.fixture
def administrator(member: Callable[[str], Client]) -> Client:
    return member("administrator")


@pytest.fixture
def other(db: None) -> App:
    return App.objects.create(app_id="OTHER", name="Strangers")


def test_an_administrator_invites_a_newcomer_who_works_in_the_given_role(administrator: Client, app: App) -> None:
    shown = administrator.post(ADD, newcomer(app), follow=True).text
    assert set_password(link_on(shown))
    browser = Client()
    assert browser.login(username="ann", password=PASSWORD, request=browser.request().wsgi_request)
    assert browser.get("/console/create/simple/").status_code == 200
    assert browser.get(ADD).status_code == 403
    ann = User.objects.get(username="ann")
    assert (ann.is_superuser, [one.role for one in ann.memberships.all()]) == (False, ["operator"])


def test_nobody_is_given_more_than_the_inviter_has(administrator: Client, app: App, other: App) -> None:
    assert administrator.post(ADD, newcomer(other)).status_code == 200
    assert not User.objects.filter(username="ann").exists()
    administrator.post(ADD, newcomer(app, is_superuser="on"))
    assert not User.objects.get(username="ann").is_superuser


def test_a_role_is_given_only_by_who_holds_all_its_rights() -> None:
    operator = Scope(superuser=False, roles={1: "operator"})
    assert [operator.may_give(role, 1) for role in Membership.Role] == [True, True, True, False]
    assert not operator.may_give("viewer", 2)
    assert Scope(superuser=True, roles={}).may_give("administrator", 2)


def test_the_forms_ask_what_the_inviter_may_give(
    administrator: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = Membership.objects.create(user=User.objects.create_user("colleague"), app=app, role="viewer")
    monkeypatch.setattr(Scope, "may_give", lambda self, role, app_id: role == "viewer")
    page = reverse("admin:console_membership_change", args=[member.pk])
    for address, given in ((ADD, newcomer(app)), (page, {"role": "operator"})):
        assert "more than your own" in administrator.post(address, given).text
    assert administrator.post(ADD, newcomer(app, role="viewer")).status_code == 302


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"username": "A-Administrator"}, "already exists"),
        ({"username": "not a name!"}, "Enter a valid username"),
        ({"email": "not an address"}, "valid email"),
        ({"who": "known"}, "Invite them as a newcomer"),
        ({"who": "anybody"}, "not one of the available choices"),
        ({"role": "king"}, "not one of the available choices"),
    ],
)
def test_a_newcomer_who_cannot_be_made_is_refused_with_the_reason(
    administrator: Client, app: App, changes: dict[str, str], said: str
) -> None:
    answer = administrator.post(ADD, newcomer(app, **changes))
    assert answer.status_code == 200
    assert said in answer.text
    assert not User.objects.filter(username="ann").exists()


def test_the_audit_log_of_the_app_says_who_invited_whom(administrator: Client, app: App) -> None:
    administrator.post(ADD, newcomer(app))
    entry = AuditEntry.objects.get(action="add", object_type="member")
    assert (entry.username, entry.object_name, entry.app) == ("a-administrator", f"ann, {app}", app)
    assert entry.details == {"what": "Invited a newcomer."}
    assert "Invited a newcomer.<br>" in (shown := administrator.get("/console/console/auditentry/").text)
    assert "Role: operator" in shown
    assert "User name: not kept" not in shown
    assert AuditEntry.objects.filter(action="add", object_type="user", object_name="ann").exists()


def test_a_lost_link_is_made_anew_until_the_newcomer_has_a_password(administrator: Client, app: App) -> None:
    first = link_on(administrator.post(ADD, newcomer(app), follow=True).text)
    again = reverse("admin:console_membership_invite", args=[Membership.objects.get(user__username="ann").pk])
    second = link_on(administrator.post(again, follow=True).text)
    assert not set_password(first)
    assert set_password(second)
    assert "without a password yet" in administrator.post(again, follow=True).text
    assert User.objects.get(username="ann").has_usable_password()


def test_the_link_to_somebody_with_rights_elsewhere_is_not_given(administrator: Client, app: App, other: App) -> None:
    administrator.post(ADD, newcomer(app))
    ann = Membership.objects.get(user__username="ann")
    again = reverse("admin:console_membership_invite", args=[ann.pk])
    Membership.objects.create(user=ann.user, app=other, role="administrator")
    assert "beyond your apps" in administrator.post(again, follow=True).text
    User.objects.create_user("invited-by-root", is_staff=True)  # without a password yet
    added = administrator.post(ADD, newcomer(app, who="known", username="invited-by-root"), follow=True)
    assert "/console/invitation/" not in added.text
