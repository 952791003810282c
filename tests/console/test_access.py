"""Who sees and changes what, over every page there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.components.scoped_admin import MOST_LISTED, ScopedModelAdmin, SuperuserModelAdmin
from console.models import AuditEntry, Membership
from pushcore.models import AccessKey, App, MessageKey, PushTask, RsaKey, Watermark, Workspace
from tests.console.conftest import Everything

SCOPED = sorted(
    (model for model, page in admin.site._registry.items() if isinstance(page, ScopedModelAdmin)),
    key=lambda model: model._meta.label,
)
INSTALLATION = [User, Group, MessageKey, Watermark]
CONFIGURED = [App, Workspace, AccessKey, RsaKey, Membership]


@pytest.fixture
def reader_of(member: Callable[[str], Client]) -> Callable[[type[Model]], Client]:
    """A browser of the least role that sees a model's page."""
    viewer, administrator = member("viewer"), member("administrator")
    return lambda model: administrator if model is AuditEntry else viewer


def url(model: type[Model], view: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def test_every_page_is_scoped_or_for_superusers_only() -> None:
    assert all(isinstance(page, ScopedModelAdmin | SuperuserModelAdmin) for page in admin.site._registry.values())
    assert {model for model in admin.site._registry if model not in SCOPED} == set(INSTALLATION)


@pytest.mark.parametrize("path", ["", "pushcore/message/", "create/simple/", "auth/user/"])
@pytest.mark.django_db
def test_nothing_is_shown_before_login(client: Client, path: str) -> None:
    answer = client.get(f"/console/{path}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/console/login/")


def test_logging_in_leads_home(superuser: Client) -> None:
    user = User.objects.create_superuser("second", password="correct horse")
    browser = Client()
    answer = browser.post("/console/login/", {"username": user.username, "password": "correct horse"})
    assert answer["Location"] == "/console/"


def test_a_wrong_password_logs_nobody_in(superuser: Client) -> None:
    browser = Client()
    answer = browser.post("/console/login/", {"username": "root", "password": "wrong"})
    assert answer.status_code == 200
    assert "Please enter the correct username" in answer.text


def test_a_superuser_opens_every_page(superuser: Client, mine: Everything) -> None:
    answers = {
        (model._meta.label, view): superuser.get(url(model, view, *args)).status_code
        for model in SCOPED
        for view, args in (("changelist", ()), ("change", (mine[model].pk,)), ("history", (mine[model].pk,)))
    }
    assert answers == dict.fromkeys(answers, 200)


def test_the_installations_pages_are_for_superusers(
    superuser: Client, member: Callable[[str], Client], mine: Everything
) -> None:
    Watermark.objects.create(name="broadcast")
    Group.objects.create(name="night shift")
    administrator = member("administrator")
    for model in INSTALLATION:
        lists = url(model, "changelist")
        page = url(model, "change", model._default_manager.values_list("pk", flat=True).first())
        answers = [
            browser.get(address).status_code for browser in (superuser, administrator) for address in (lists, page)
        ]
        assert answers == [200, 200, 403, 404], model


@pytest.mark.django_db
def test_a_claim_of_a_days_last_hour_opens_once_as_the_newest(superuser: Client) -> None:
    digest, now = uuid4(), timezone.now()
    for day in (now.date(), now.date() + timedelta(days=1)):
        MessageKey(digest=digest, day=day, task_id=7, claimed_at=now).save(force_insert=True)
    answer = superuser.get(url(MessageKey, "change", digest))
    assert answer.context["original"].day == now.date() + timedelta(days=1)
    assert superuser.get(url(MessageKey, "change", "no-digest")).status_code == 404


def test_lists_leave_out_what_belongs_to_another_app(
    reader_of: Callable[[type[Model]], Client], mine: Everything, theirs: Everything
) -> None:
    for model in SCOPED:
        query = {"kind": "all"} if model is PushTask else {}
        answer = reader_of(model).get(url(model, "changelist"), query)
        listed = {row.pk for row in answer.context["cl"].result_list}
        assert mine[model].pk in listed, model
        assert theirs[model].pk not in listed, model
        # Neither rows nor the choices of filters name the other app or its workspace.
        assert "Strangers" not in answer.text, model
        assert "strange" not in answer.text, model


def test_a_filter_finds_nothing_in_another_apps_workspace(
    reader_of: Callable[[type[Model]], Client], mine: Everything, theirs: Everything
) -> None:
    for model in SCOPED:
        query = {"workspace": theirs[Workspace].pk}
        answer = reader_of(model).get(url(model, "changelist"), query, follow=True)
        if answer.status_code == 200:
            assert theirs[model].pk not in {row.pk for row in answer.context["cl"].result_list}, model
        else:
            assert answer.status_code == 400, model


def test_lists_take_no_lookups_but_their_filters(superuser: Client, mine: Everything) -> None:
    answers = {}
    for model in SCOPED:
        lookup = {f"{model._meta.concrete_fields[-1].name}__startswith": "a"}
        answers[model] = superuser.get(url(model, "changelist"), lookup).status_code
    assert answers == dict.fromkeys(SCOPED, 400)


@pytest.mark.usefixtures("plain_errors")
def test_somebody_without_membership_sees_no_list(mine: Everything) -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("newcomer", is_staff=True))
    for model in SCOPED:
        assert browser.get(url(model, "changelist")).status_code == 403, model
        assert browser.get(url(model, "change", mine[model].pk)).status_code == 404, model


@pytest.mark.usefixtures("plain_errors")
@pytest.mark.parametrize("role", ["viewer", "analyst", "operator"])
def test_only_administrators_change_settings(member: Callable[[str], Client], mine: Everything, role: str) -> None:
    browser = member(role)
    for model in CONFIGURED:
        assert browser.get(url(model, "add")).status_code == 403, model
        assert browser.post(url(model, "change", mine[model].pk), {}).status_code == 403, model
        assert browser.post(url(model, "delete", mine[model].pk), {"post": "yes"}).status_code == 403, model


def test_an_administrator_renames_his_app_and_makes_no_new_one(
    member: Callable[[str], Client], mine: Everything
) -> None:
    browser = member("administrator")
    app = mine[App]
    assert browser.post(url(App, "change", app.pk), {"name": "Renamed", "enabled": "on"}).status_code == 302
    app.refresh_from_db()
    assert app.name == "Renamed"
    assert browser.get(url(App, "add")).status_code == 403


@pytest.mark.parametrize(
    ("role", "allowed"), [("viewer", 403), ("analyst", 403), ("operator", 200), ("administrator", 200)]
)
def test_pushing_takes_an_operator(member: Callable[[str], Client], mine: Everything, role: str, allowed: int) -> None:
    browser = member(role)
    assert browser.get("/console/create/simple/").status_code == allowed
    link = "/console/pushcore/message/create-message"
    assert (link in browser.get("/console/pushcore/message/").text) == (allowed == 200)


def test_autocompletion_offers_nothing_of_another_app(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    query = {"app_label": "pushcore", "model_name": "workspace", "field_name": "app", "term": ""}
    answer = member("administrator").get("/console/autocomplete/", query)
    assert [choice["id"] for choice in answer.json()["results"]] == [str(mine[App].pk)]


def test_autocompletion_offers_what_the_form_would_accept(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("operator")
    Membership.objects.create(user=User.objects.get(username="a-operator"), app=theirs[App], role="viewer")
    query = {"app_label": "console", "model_name": "testdevice", "field_name": "workspace", "term": ""}
    answer = browser.get("/console/autocomplete/", query)
    assert [choice["id"] for choice in answer.json()["results"]] == [str(mine[Workspace].pk)]


@pytest.mark.parametrize("form", ["console_testdevice", "pushcore_accesskey", "pushcore_rsakey"])
def test_a_form_searches_among_many_workspaces_and_lists_few(superuser: Client, mine: Everything, form: str) -> None:
    address = reverse(f"admin:{form}_add")
    name = str(mine[Workspace])
    assert name in superuser.get(address).context["adminform"].form.as_p()
    many = [
        Workspace(app=mine[App], workspace_id=f"many-{number}", client_bind="open") for number in range(MOST_LISTED)
    ]
    Workspace.objects.bulk_create(many)
    fields = superuser.get(address).context["adminform"].form.as_p()
    assert "admin-autocomplete" in fields
    assert "many-1" not in fields


def test_the_sites_own_search_is_closed(superuser: Client) -> None:
    assert superuser.get("/console/search/", {"s": "a", "page": "x"}).status_code == 404
