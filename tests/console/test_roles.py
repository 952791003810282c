"""Every address of the console, asked as every role: a page nobody thought of here fails these tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver

from channels_vendor.models import VendorAccount
from console import models
from console.components.scoped_admin import SuperuserModelAdmin
from console.models import AuditEntry, Membership
from pushcore.models import (
    AccessKey,
    AudienceName,
    Erasure,
    MessageCategory,
    QuietHours,
    RsaKey,
    Segment,
    Template,
    WebhookEndpoint,
    Workspace,
)
from sms.models import SmsAccount
from tests.console.conftest import Everything

ROLES = ["viewer", "analyst", "operator", "administrator"]
NOBODY = "nobody"
OBJECT = "<path:object_id>"

# The least role each address takes. Pages of models: reading takes a viewer, unless it is named here.
READS: dict[type[Model], str] = {AuditEntry: "administrator"}
ADDS: dict[type[Model], str] = {
    Template: "operator",
    Segment: "operator",
    models.TestDevice: "operator",
    Workspace: "administrator",
    AccessKey: "administrator",
    RsaKey: "administrator",
    Erasure: "administrator",
    VendorAccount: "administrator",
    SmsAccount: "administrator",
    MessageCategory: "administrator",
    QuietHours: "administrator",
    WebhookEndpoint: "administrator",
    Membership: "administrator",
}
# Keys in use are first taken out of use.
DELETES: dict[type[Model], str] = {
    Template: "operator",
    Segment: "operator",
    AudienceName: "administrator",
    models.TestDevice: "operator",
    VendorAccount: "administrator",
    SmsAccount: "administrator",
    MessageCategory: "administrator",
    WebhookEndpoint: "administrator",
    Membership: "administrator",
}
OTHERS: dict[str, str] = {
    "index": "viewer",
    "password_change": "viewer",
    "password_change_done": "viewer",
    "jsi18n": "viewer",
    "autocomplete": NOBODY,  # without a question
    "search": NOBODY,
    "view_on_site": NOBODY,
    "two_factor": "viewer",
    "profile": "viewer",
    "channels": "viewer",
    "schedule_calendar": "viewer",
    "pushcore_schedule_calendar": "viewer",  # leads there
    "auth_user_remove_second_factor": NOBODY,
    "auth_user_invite": NOBODY,
    "auth_user_invitation": NOBODY,
    "console_membership_invite": "administrator",
    "console_membership_invitation": "viewer",  # leads to the member's page; the link is the inviter's session's
    "create_message": "operator",
    "analysis": "viewer",
    "query_tool": "viewer",
    "find_workspaces": "viewer",
    "dismiss_setup": NOBODY,  # by POST alone
    "command_palette": "viewer",
    "pushcore_pushtask_targets": NOBODY,  # without a question
    "pushcore_pushtask_variants": NOBODY,  # of a push that tests none
    "pushcore_pushtask_decide": NOBODY,
    "export_user": NOBODY,  # by POST alone
    "analysis_export": NOBODY,  # by POST alone
    "export_state": NOBODY,  # there is none of that number
    "export_file": NOBODY,
    "preview_message": NOBODY,  # by POST alone
    "save_draft": NOBODY,
    "discard_draft": NOBODY,
    "push_test": NOBODY,
    "count_segment": NOBODY,
    "upload_file": NOBODY,
    "inspect_file": NOBODY,
    "device_simulator": "operator",
    "device_simulator_switch_on": NOBODY,  # by POST alone
    "device_simulator_push": NOBODY,
    "pushcore_message_create_message": "operator",
    "pushcore_pushtask_revoke": "operator",
    "pushcore_pushtask_duplicate": "operator",
    "pushcore_device_add_test_device": "operator",
    "pushcore_device_open_connection_log": "operator",
    "pushcore_device_connection_log": "operator",
    "pushcore_schedule_cancel": "operator",
    "pushcore_template_test_send": "operator",
    "pushcore_template_edit": "operator",
    "pushcore_template_duplicate": "operator",
    "pushcore_template_preview": NOBODY,  # by POST alone
    "pushcore_template_restore": NOBODY,
    "preview_template": NOBODY,
    "pushcore_accesskey_secret": "viewer",  # leads to the key's page; the secret is the maker's session's
    "pushcore_webhookendpoint_secret": "viewer",  # likewise
    "pushcore_webhookendpoint_test_endpoint": "administrator",
    "pushcore_webhookendpoint_replay_failed": "administrator",
    "pushcore_webhookendpoint_rotate_secret": "administrator",
    "pushcore_webhookendpoint_end_former_secret": "administrator",
    "pushcore_webhookdelivery_replay_event": "administrator",
    "channels_vendor_vendoraccount_check_account": "administrator",
    "channels_vendor_vendoraccount_send_test": "operator",
    "sms_smsaccount_check_account": "administrator",
    "pushcore_workspace_rotate_client_key": "administrator",
    "pushcore_workspace_device_configuration": "administrator",
    "pushcore_workspace_end_former_client_key": NOBODY,  # there is none
    "pushcore_workspace_test_callback": "administrator",
    "pushcore_workspace_make_callback_key": "administrator",
}
# Posted to by those who may push, never opened.
POSTS = {
    "preview_message": "operator",
    "preview_template": "operator",
    "pushcore_template_preview": "viewer",
    "pushcore_template_restore": "operator",
    "analysis_export": "analyst",
    "export_user": "analyst",
    "console_auditentry_export": "administrator",
}
# Anybody may come here, by GET or POST: these are about the session, or list apps by what one may see.
OPEN = {"login", "login_code", "logout", "app_list", "switch_workspace", "invitation"}


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    model: type[Model] | None
    view: str

    def path(self, objects: Everything) -> str:
        pk = objects[self.model].pk if self.model in objects else 1
        route = (
            self.route.replace(OBJECT, str(pk))
            .replace("<int:pk>", str(pk))
            .replace("<id>", "1")
            .replace("<str:kind>", "simple")
            .replace("<uuid:key>", str(uuid.uuid4()))
        )
        return "/console/" + route.replace("<path:content_type_id>", "1")

    @property
    def has_object(self) -> bool:
        return OBJECT in self.route or "<int:pk>" in self.route

    @property
    def least(self) -> str:
        """The least role that may open it; KeyError for an address this file does not know."""
        if self.name in OTHERS:
            return OTHERS[self.name]
        if self.model is None:
            raise KeyError(f"{self.name}: say in this file who may open it")
        if isinstance(admin.site._registry[self.model], SuperuserModelAdmin):
            return NOBODY
        table = {"add": ADDS, "delete": DELETES}.get(self.view)
        if table is not None:
            return table.get(self.model, NOBODY)
        if self.view == "export":
            return NOBODY  # by POST alone
        if self.view not in ("changelist", "change", "history"):
            raise KeyError(f"{self.name}: say in this file who may open it")
        return READS.get(self.model, "viewer")

    @property
    def least_to_post(self) -> str:
        """The least role that may post there."""
        if self.name in POSTS or self.view != "export":
            return POSTS.get(self.name, self.least)
        assert self.model is not None
        return NOBODY if isinstance(admin.site._registry[self.model], SuperuserModelAdmin) else "analyst"


def addresses() -> list[Address]:
    """All named addresses of the console. Those without a name only redirect to one with a slash, or to login."""
    return [_address(name, route) for name, route in _walk(admin.site.get_urls(), "") if name and name not in OPEN]


def _walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str | None, str]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            assert isinstance(pattern, URLPattern)
            yield pattern.name, prefix + str(pattern.pattern)


def _address(name: str, route: str) -> Address:
    for model in admin.site._registry:
        start = f"{model._meta.app_label}_{model._meta.model_name}_"
        if name.startswith(start):
            return Address(name, route, model, name.removeprefix(start))
    return Address(name, route, None, name)


def may_open(role: str, least: str) -> bool:
    return least != NOBODY and ROLES.index(role) >= ROLES.index(least)


def opened(status: int) -> bool:
    return status in (200, 302)


@pytest.fixture
def whole_pages_once(role: str, request: pytest.FixtureRequest) -> None:
    """Refusals as whole pages for the first role alone: what stands on them is the same for each."""
    if role != ROLES[0]:
        request.getfixturevalue("plain_errors")


@pytest.mark.parametrize("role", ROLES)
def test_every_address_opens_for_the_roles_it_is_for(
    member: Callable[[str], Client], mine: Everything, role: str, whole_pages_once: None
) -> None:
    browser = member(role)
    answers = {one: browser.get(one.path(mine)).status_code for one in addresses()}
    wrong = {one.name: status for one, status in answers.items() if opened(status) != may_open(role, one.least)}
    assert not wrong
    assert set(answers.values()) <= {200, 302, 400, 403, 404, 405}


@pytest.mark.parametrize("role", ROLES)
def test_to_another_apps_member_no_object_exists(
    member: Callable[[str], Client], mine: Everything, theirs: Everything, role: str, whole_pages_once: None
) -> None:
    browser = member(role)
    walked = [one for one in addresses() if one.has_object and one.model in theirs]
    pages = {f"{model._meta.app_label}_{model._meta.model_name}" for model in theirs}
    assert {f"{page}_{view}" for page in pages for view in ("change", "history", "delete")} <= {
        one.name for one in walked
    }
    answers = {("get", one.name): browser.get(one.path(theirs)).status_code for one in walked}
    answers |= {("post", one.name): browser.post(one.path(theirs), {"post": "yes"}).status_code for one in walked}
    assert set(answers.values()) == {404}, {key: status for key, status in answers.items() if status != 404}
    assert all(model._default_manager.filter(pk=theirs[model].pk).exists() for model in theirs)


@pytest.mark.usefixtures("plain_errors")
@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_not_open_it_may_not_post_to(
    member: Callable[[str], Client], mine: Everything, role: str
) -> None:
    browser = member(role)
    forbidden = [one for one in addresses() if not may_open(role, one.least_to_post)]
    answers = {one.name: browser.post(one.path(mine), {"post": "yes"}).status_code for one in forbidden}
    assert not {name: status for name, status in answers.items() if opened(status)}


@pytest.mark.usefixtures("plain_errors")
@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_who_only_looks_changes_nothing_anywhere(member: Callable[[str], Client], mine: Everything, role: str) -> None:
    browser = member(role)
    pages = [one for one in addresses() if one.view not in ("changelist", "history")]
    answers = {one.name: browser.post(one.path(mine), {"post": "yes"}).status_code for one in pages if one.model}
    harmless = {
        "pushcore_accesskey_secret",
        "pushcore_webhookendpoint_secret",
        "console_membership_invitation",
        "pushcore_schedule_calendar",
    }
    harmless |= {"pushcore_template_preview", *(one.name for one in pages if one.view == "export")}
    assert not {name: status for name, status in answers.items() if opened(status) and name not in harmless}


def test_an_administrator_adds_promotes_and_removes_a_member(member: Callable[[str], Client], mine: Everything) -> None:
    browser = member("administrator")
    User.objects.create_user("colleague-2", is_staff=True)
    workspace = mine[Workspace]
    given = {"who": "known", "username": "colleague-2", "app": workspace.app_id, "role": "viewer"}
    assert browser.post("/console/console/membership/add/", given).status_code == 302
    made = Membership.objects.get(user__username="colleague-2")
    page = f"/console/console/membership/{made.pk}/"
    assert browser.post(f"{page}change/", {"role": "operator"}).status_code == 302
    made.refresh_from_db()
    assert made.role == "operator"
    assert browser.post(f"{page}delete/", {"post": "yes"}).status_code == 302
    assert not Membership.objects.filter(pk=made.pk).exists()


def test_the_last_administrator_of_an_app_stays(member: Callable[[str], Client], mine: Everything) -> None:
    browser = member("administrator")
    own = Membership.objects.get(user__username="a-administrator")
    page = f"/console/console/membership/{own.pk}/"
    assert "at least one administrator" in browser.post(f"{page}change/", {"role": "viewer"}).text
    assert browser.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    User.objects.create_user("second", is_staff=True)
    second = Membership.objects.create(
        user=User.objects.get(username="second"), app=mine[Workspace].app, role="administrator"
    )
    assert browser.post(f"{page}change/", {"role": "viewer"}).status_code == 302
    assert Membership.objects.get(pk=second.pk).role == "administrator"
