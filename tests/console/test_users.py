"""Users: made or invited on one page, with the right to log in and roles in apps."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from console.access import invitations
from console.models import AuditEntry, Membership
from pushcore.models import App

ADD = reverse("admin:auth_user_add")
LOGIN = reverse("admin:login")
PASSWORD = "correct-horse-7"


def new_user(app: App, **changes: str) -> dict[str, str]:
    return {
        "username": "ann",
        "email": "ann@shop.example",
        "is_staff": "on",
        "usable_password": "false",
        "password1": "",
        "password2": "",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-app": str(app.pk),
        "memberships-0-role": "operator",
    } | changes


def log_in(browser: Client, password: str = PASSWORD) -> bool:
    return bool(browser.post(LOGIN, {"username": "ann", "password": password, "code": ""}).status_code == 302)


def link_on(page: str) -> str:
    found = re.search(r"http://testserver(/console/invitation/[^<\s]+)", page)
    assert found
    return found[1]


def set_password(browser: Client, link: str, password: str = PASSWORD) -> Any:
    form = browser.get(link, follow=True)
    if not form.context["validlink"]:
        return form
    address = form.redirect_chain[-1][0]
    return browser.post(address, {"new_password1": password, "new_password2": password}, follow=True)


@pytest.fixture
def link(superuser: Client, app: App) -> str:
    """Of the invitation of ann, an operator."""
    return link_on(superuser.post(ADD, new_user(app), follow=True).text)


def test_every_page_that_adds_something_has_fields_to_fill_in(superuser: Client, app: App) -> None:
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="root")
    for model, page in admin.site._registry.items():
        if page.has_add_permission(request):
            answer = superuser.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))
            if "adminform" not in answer.context:  # a page of the console's own
                assert list(answer.context["form"])
                continue
            fields = [field for line in answer.context["adminform"] for row in line for field in row]
            assert [field.field.name for field in fields if not getattr(field, "is_readonly", False)], model


def test_somebody_invited_sets_a_password_and_works_in_their_role(link: str) -> None:
    browser = Client()
    assert "Your password is set" in set_password(browser, link).text
    assert log_in(browser)
    assert Membership.objects.get(user__username="ann").role == "operator"
    assert browser.get("/console/create/simple/").status_code == 200
    assert browser.get(ADD).status_code in (302, 403)


def test_an_invitation_serves_once(link: str) -> None:
    set_password(Client(), link)
    again = set_password(Client(), link, "another-horse-8")
    assert "not valid any more" in again.text
    assert not log_in(Client(), "another-horse-8")


def test_an_invitation_ends_after_three_days(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later = timezone.now().replace(tzinfo=None) + timedelta(days=3, hours=1)
    monkeypatch.setattr(invitations.tokens, "_now", lambda: later)
    assert "not valid any more" in set_password(Client(), link).text


def test_a_new_invitation_ends_the_former_the_password_and_the_sessions(superuser: Client, link: str) -> None:
    browser = Client()
    set_password(browser, link)
    assert log_in(browser)
    user = User.objects.get(username="ann")
    page = reverse("admin:auth_user_invite", args=[user.pk])
    assert superuser.get(page).status_code == 200
    assert log_in(Client())
    first, second = (link_on(superuser.post(page, follow=True).text) for _ in range(2))
    assert browser.get("/console/").status_code == 302
    assert not log_in(Client())
    assert "not valid any more" in set_password(Client(), first).text
    assert "Your password is set" in set_password(Client(), second).text


def test_an_invitation_of_somebody_deactivated_is_void(link: str) -> None:
    User.objects.filter(username="ann").update(is_active=False)
    assert "not valid any more" in set_password(Client(), link).text


def test_a_weak_password_is_refused_at_the_invitation(link: str) -> None:
    assert "too short" in set_password(Client(), link, "abc").text
    assert not User.objects.get(username="ann").has_usable_password()


def test_the_link_is_shown_once_and_to_the_inviter_alone(superuser: Client, app: App) -> None:
    shown = superuser.post(ADD, new_user(app))["Location"]
    other = Client()
    other.force_login(User.objects.create_superuser("second"))
    assert "/console/invitation/" not in other.get(shown, follow=True).text
    assert "/console/invitation/" in superuser.get(shown).text
    assert "/console/invitation/" not in superuser.get(shown, follow=True).text


def test_a_user_with_an_initial_password_logs_in_at_once(superuser: Client, app: App) -> None:
    given = new_user(app, usable_password="true", password1=PASSWORD, password2=PASSWORD)
    assert superuser.post(ADD, given).status_code == 302
    assert log_in(Client())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"username": "root"}, "already exists"),
        ({"username": ""}, "This field is required"),
        ({"email": "not an address"}, "valid email"),
        ({"usable_password": "true"}, "This field is required"),
        ({"usable_password": "true", "password1": "abc", "password2": "abc"}, "too short"),
        ({"memberships-0-role": "king"}, "not one of the available choices"),
    ],
)
def test_a_user_who_cannot_be_made_is_refused_with_the_reason(
    superuser: Client, app: App, changes: dict[str, str], said: str
) -> None:
    answer = superuser.post(ADD, new_user(app, **changes))
    assert answer.status_code == 200
    assert said in answer.text
    assert not User.objects.filter(username="ann").exists()


def test_who_was_made_invited_and_given_a_role_is_in_the_audit_log(
    superuser: Client, member: Callable[[str], Client], link: str, app: App
) -> None:
    set_password(Client(), link)
    entries = AuditEntry.objects.filter(action__in=("add", "change")).order_by("pk")
    assert [(one.username, one.action, one.object_type, one.object_name) for one in entries] == [
        ("root", "add", "member", f"ann, {app}"),
        ("root", "add", "user", "ann"),
        ("ann", "change", "user", "ann"),
    ]
    assert entries[0].app == app
    assert PASSWORD not in str([one.details for one in entries])
    page = member("administrator").get("/console/console/auditentry/").text
    assert f"ann, {app}" in page


def test_roles_are_changed_and_taken_on_the_users_page(superuser: Client, link: str, app: App) -> None:
    user = User.objects.get(username="ann")
    page = reverse("admin:auth_user_change", args=[user.pk])
    given = {
        "username": "ann", "first_name": "", "last_name": "", "email": "", "is_active": "on", "is_staff": "on",
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(user.memberships.get().pk), "memberships-0-user": str(user.pk),
        "memberships-0-app": str(app.pk), "memberships-0-role": "viewer",
    }  # fmt: skip
    assert superuser.post(page, given).status_code == 302
    assert user.memberships.get().role == "viewer"
    assert superuser.post(page, given | {"memberships-0-DELETE": "on"}).status_code == 302
    assert not user.memberships.exists()


@pytest.mark.parametrize("lost", ["is_active", "is_staff", "is_superuser"])
def test_the_last_superuser_stays(superuser: Client, lost: str) -> None:
    root = User.objects.get(username="root")
    given = {"username": "root", "first_name": "", "last_name": "", "email": "",
             "is_active": "on", "is_staff": "on", "is_superuser": "on",
             "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}  # fmt: skip
    del given[lost]
    page = reverse("admin:auth_user_change", args=[root.pk])
    assert "The last superuser" in superuser.post(page, given).text
    User.objects.create_superuser("second")
    assert superuser.post(page, given).status_code == 302


def test_the_password_is_not_set_at_an_address_that_shows_the_token(link: str) -> None:
    answer = Client().get(link)
    assert answer.status_code == 302
    assert urlsplit(answer["Location"]).path.endswith("/set-password/")
