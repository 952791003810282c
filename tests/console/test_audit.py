"""The audit log: what is written, who reads it, and that nobody changes it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisDown

from channels_vendor.models import VendorAccount
from console.access import audit
from console.components.audit_sentences import WRITTEN
from console.models import AuditEntry, Membership
from pushcore.models import AccessKey, App, Template, Workspace
from pushcore.storage import clock
from tests.console.conftest import Everything

LIST = reverse("admin:console_auditentry_changelist")
LOGIN = reverse("admin:login")
CONSOLE = Path(audit.__file__).parents[1]
WRITERS = [file for file in CONSOLE.rglob("*.py") if "demo_data" not in file.parts]


def entries(**wanted: object) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(**wanted).order_by("id"))


def test_a_change_names_who_what_and_where(member: Callable[[str], Client], app: App) -> None:
    member("administrator").post(
        reverse("admin:pushcore_app_change", args=[app.pk]), {"name": "Renamed", "enabled": "on"}
    )
    (entry,) = entries(action="change")
    assert (entry.username, entry.app, entry.object_id) == ("a-administrator", app, str(app.pk))
    assert entry.details == {"what": "Changed Name."}
    assert entry.address == "127.0.0.1"
    assert entry.request_id


def test_additions_and_deletions_are_written(member: Callable[[str], Client], app: App) -> None:
    browser = member("administrator")
    User.objects.create_user("colleague", is_staff=True)
    given = {"who": "known", "username": "colleague", "app": app.pk, "role": "viewer"}
    browser.post(reverse("admin:console_membership_add"), given)
    added = Membership.objects.get(user__username="colleague")
    browser.post(reverse("admin:console_membership_delete", args=[added.pk]), {"post": "yes"})
    assert [(entry.action, entry.app) for entry in entries(object_type="member")] == [("add", app), ("delete", app)]


def test_what_an_entry_says_was_done_is_marked_for_translation() -> None:
    nodes = [node for file in WRITERS for node in ast.walk(ast.parse(file.read_text()))]
    details = [zip(node.keys, node.values, strict=True) for node in nodes if isinstance(node, ast.Dict)]
    said = {
        value.value
        for pairs in details
        for key, value in pairs
        if isinstance(key, ast.Constant) and key.value == "what" and isinstance(value, ast.Constant)
    }
    said |= {
        argument.value
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("log_change", "_record_call", "_note")
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value.endswith(".")
    }
    assert {"Revoked.", "Checked the account.", "targets"} <= said
    assert said - set(WRITTEN) == set()


def test_a_new_access_keys_secret_is_nowhere_in_the_log(member: Callable[[str], Client], workspace: Workspace) -> None:
    member("administrator").post(
        reverse("admin:pushcore_accesskey_add"), {"name": "backend", "workspaces": [workspace.pk]}
    )
    secret = AccessKey.objects.get().secret
    written = str([vars(entry) for entry in entries()])
    assert entries(action="add")
    assert secret not in written


def test_details_that_sound_like_secrets_are_left_out() -> None:
    given = {"name": "x", "accessKeySecret": "s", "bind_token": "t", "new password": "p", "private_pem": "k"}
    assert audit.without_secrets(given) == {"name": "x"}


def test_details_are_cut() -> None:
    kept = audit.without_secrets({f"n{number}": "x" * 5000 for number in range(100)})
    assert len(kept) == audit.MAX_DETAILS
    assert max(map(len, kept.values())) == audit.MAX_TEXT


def test_a_push_from_the_console_is_written(member: Callable[[str], Client], mine: Everything) -> None:
    browser, workspace = member("operator"), mine[Workspace]
    browser.post(reverse("admin:device_simulator_switch_on"), {"workspace": workspace.pk})
    browser.post(reverse("admin:device_simulator_push"), {"workspace": workspace.pk})
    (entry,) = entries(action="push")
    assert (entry.username, entry.app) == ("a-operator", workspace.app)


@pytest.mark.django_db
def test_logins_failed_logins_and_logouts_are_written() -> None:
    User.objects.create_superuser("root", password="correct horse")
    browser = Client()
    browser.post(LOGIN, {"username": "root", "password": "wrong"})
    browser.post(LOGIN, {"username": "root", "password": "correct horse"})
    browser.post(reverse("admin:logout"))
    assert [(entry.action, entry.username) for entry in entries()] == [
        ("login_failed", "root"),
        ("login", "root"),
        ("logout", "root"),
    ]


@pytest.mark.django_db
def test_a_password_typed_as_the_user_name_is_not_kept() -> None:
    Client().post(LOGIN, {"username": "correct horse", "password": "x"})
    (entry,) = entries()
    assert "correct horse" not in str(vars(entry))


@pytest.mark.django_db
def test_failed_logins_fill_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr(audit, "MAX_FAILURES_PER_MINUTE", 2)
    monkeypatch.setattr(clock, "now", lambda: now)
    for _ in range(4):
        audit._login_failed({"username": "nobody"})
    assert len(entries()) == 2


@pytest.mark.django_db
def test_without_valkey_failed_logins_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise RedisDown

    monkeypatch.setattr(cache, "add", down)
    audit._login_failed({"username": "nobody"})
    assert entries(action="login_failed")


@pytest.mark.django_db
def test_the_database_refuses_to_change_or_delete_an_entry() -> None:
    audit.record(None, AuditEntry.Action.EXPORT)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.update(username="somebody else")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.all().delete()
    assert len(entries(username="")) == 1


@pytest.mark.django_db
def test_old_entries_go_and_young_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    audit.record(None, AuditEntry.Action.EXPORT)
    later = timezone.now() + timedelta(days=366)
    assert audit.purge() == 0
    monkeypatch.setattr(clock, "now", lambda: later)
    assert audit.purge() == 1
    audit.record(None, AuditEntry.Action.EXPORT)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_an_entry_outlives_its_app(app: App) -> None:
    audit.record(None, AuditEntry.Action.CHANGE, app)
    number = app.pk
    app.delete()
    assert entries(app=number)


@pytest.mark.parametrize("role", ["viewer", "analyst", "operator"])
def test_the_log_is_for_administrators(member: Callable[[str], Client], app: App, role: str) -> None:
    audit.record(None, AuditEntry.Action.CHANGE, app)
    (entry,) = entries(action="change")
    browser = member(role)
    assert browser.get(LIST).status_code == 403
    assert browser.get(reverse("admin:console_auditentry_change", args=[entry.pk])).status_code == 404


def test_an_administrator_sees_his_app_and_nobodys_logins(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    for name in (mine, theirs):
        audit.record(None, AuditEntry.Action.CHANGE, name[App])
    listed = member("administrator").get(LIST).context["cl"].result_list
    assert {entry.app_id for entry in listed} == {mine[App].pk}


def test_the_log_is_filtered_by_who_what_when_and_app(superuser: Client, app: App) -> None:
    audit.record(None, AuditEntry.Action.EXPORT, app)

    def listed(**query: str | int) -> set[str]:
        return {entry.action for entry in superuser.get(LIST, query).context["cl"].result_list}

    assert listed() == {"login", "export"}
    assert listed(q="root") == {"login"}
    assert listed(action="export") == {"export"}
    assert listed(when="1") == {"login", "export"}
    assert listed(app=app.pk) == {"export"}


def test_the_page_offers_no_change(superuser: Client, app: App) -> None:
    audit.record(None, AuditEntry.Action.EXPORT, app)
    (entry,) = entries(action="export")
    change = reverse("admin:console_auditentry_change", args=[entry.pk])
    assert superuser.get(change).status_code == 200
    assert superuser.post(change, {"username": "x"}).status_code == 403
    assert superuser.get(reverse("admin:console_auditentry_add")).status_code == 403
    delete = reverse("admin:console_auditentry_delete", args=[entry.pk])
    assert superuser.post(delete, {"post": "yes"}).status_code == 403


@pytest.mark.django_db
def test_a_changed_password_of_ones_own_is_written() -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root", password="correct horse"))
    given = {"old_password": "correct horse", "new_password1": "battery staple 1", "new_password2": "battery staple 1"}
    assert browser.post(reverse("admin:password_change"), given).status_code == 302
    (entry,) = entries(action="change")
    assert entry.details == {"what": "Changed their own password."}
    assert "battery" not in str(vars(entry))


def test_a_change_is_told_with_its_values_in_the_readers_language(member: Callable[[str], Client], app: App) -> None:
    browser, former = member("administrator"), app.name
    change = reverse("admin:pushcore_app_change", args=[app.pk])
    browser.post(change, {"name": "Renamed"})
    (entry,) = entries(action="change")
    page = reverse("admin:console_auditentry_change", args=[entry.pk])
    english = browser.get(page).text
    assert "a-administrator changed the app Renamed" in english
    assert f'<th scope="row">Name</th><td>{former}</td><td>Renamed</td>' in english
    assert '<th scope="row">Enabled</th><td>Yes</td><td>No</td>' in english
    browser.cookies["django_language"] = "zh-hans"
    chinese = browser.get(page).text
    assert "a-administrator 修改了应用 Renamed" in chinese
    assert f"<td>{former}</td><td>Renamed</td>" in chinese
    assert "<td>是</td><td>否</td>" in chinese
    assert "修改了应用" in browser.get(LIST).text


def test_a_role_is_told_by_its_names(member: Callable[[str], Client], mine: Everything) -> None:
    browser = member("administrator")
    browser.post(reverse("admin:console_membership_change", args=[mine[Membership].pk]), {"role": "operator"})
    (entry,) = entries(action="change")
    assert entry.changes == [{"field": "role", "before": "viewer", "after": "operator", "worded": True}]
    assert "Role: viewer → operator" in browser.get(LIST).text


def test_what_was_deleted_is_told_with_its_values(member: Callable[[str], Client], mine: Everything) -> None:
    browser, template = member("administrator"), mine[Template]
    browser.post(reverse("admin:pushcore_template_delete", args=[template.pk]), {"post": "yes"})
    (entry,) = entries(action="delete")
    held = {one["field"]: one["before"] for one in entry.changes}
    assert (held["title"], held["body"]) == (template.title, template.body)
    assert f"Title: {template.title}<br>" in browser.get(LIST).text
    page = browser.get(reverse("admin:console_auditentry_change", args=[entry.pk])).text
    assert f'<th scope="row">Title</th><td>{template.title}</td><td>-</td>' in page


def test_a_deleted_accounts_secrets_are_not_kept(member: Callable[[str], Client], mine: Everything) -> None:
    account = mine[VendorAccount]
    account.public_values = {"project_id": "hidden-project"}
    account.base_url = "https://fcm.example/send?key=hidden-key"
    account.secrets_sealed, account.ca_pem = "hidden-sealed", "hidden-pem"
    account.save()
    member("administrator").post(
        reverse("admin:channels_vendor_vendoraccount_delete", args=[account.pk]), {"post": "yes"}
    )
    (entry,) = entries(action="delete")
    held = {one["field"]: one["before"] for one in entry.changes}
    assert (held["vendor"], held["API address"], held["settings"]) == ("fcm", "https://fcm.example/send?...", None)
    written = str([vars(one) for one in entries()])
    assert "hidden" not in written
    assert account.report_key not in written


def test_a_deleted_users_password_is_not_kept(superuser: Client) -> None:
    gone = User.objects.create_user("gone", "gone@shop.example", "battery staple 1")
    superuser.post(reverse("admin:auth_user_delete", args=[gone.pk]), {"post": "yes"})
    (entry,) = entries(action="delete")
    held = {one["field"]: one["before"] for one in entry.changes}
    assert (held["email address"], held["password"]) == ("gone@shop.example", None)
    assert gone.password not in str(vars(entry))


def test_values_of_secrets_are_not_kept(member: Callable[[str], Client], mine: Everything) -> None:
    browser, workspace = member("administrator"), mine[Workspace]
    page = reverse("admin:pushcore_workspace_change", args=[workspace.pk])
    form = browser.get(page).context["adminform"].form
    given = {name: value for name, value in form.initial.items() if value not in (None, False)}
    address = "https://backend.example/receipts?key=hidden"
    answer = browser.post(page, given | {"callback_url": address})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    (entry,) = entries(action="change")
    shown = {one["field"]: one["after"] for one in entry.changes}
    assert shown["callback URL"] == "https://backend.example/receipts?..."
    written = str([vars(entry) for entry in entries()])
    assert "hidden" not in written


def test_a_superusers_password_form_leaves_no_value(superuser: Client) -> None:
    given = {"username": "newcomer", "is_staff": "on", "usable_password": "true"}
    inline = {f"memberships-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    passwords = {"password1": "battery staple 1", "password2": "battery staple 1"}
    superuser.post(reverse("admin:auth_user_add"), given | inline | passwords)
    (entry,) = entries(action="add")
    assert "battery" not in str(vars(entry))
    assert {"field": "username", "before": "", "after": "newcomer", "worded": False} in entry.changes


def test_the_audit_log_has_one_name(superuser: Client) -> None:
    page = superuser.get("/console/console/auditentry/").text
    assert "Audit log" in page
    assert "udit entries" not in page
