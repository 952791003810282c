"""Workspaces, keys and members: what their pages accept, show and keep to themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from console.components import shown_once
from console.models import Membership
from pushcore.models import AccessKey, App, Device, RsaKey, Workspace
from pushcore.security import crypto
from tests.console.conftest import Everything
from tests.support import device_schemas


def workspace_form(**changes: str) -> dict[str, str]:
    return {"name": "", "enabled": "on", "time_zone": "UTC", "callback_url": "", "client_bind": "signed"} | changes


def change_workspace(browser: Client, workspace: Workspace, **changes: str) -> Any:
    return browser.post(
        reverse("admin:pushcore_workspace_change", args=[workspace.pk]), workspace_form(**changes), follow=True
    )


def test_a_workspaces_switches_are_changed(superuser: Client, workspace: Workspace) -> None:
    change_workspace(superuser, workspace, time_zone="Asia/Shanghai", replay_protection="on", client_bind="server")
    workspace.refresh_from_db()
    assert (workspace.time_zone, workspace.replay_protection, workspace.push_api_enabled, workspace.client_bind) == (
        "Asia/Shanghai",
        True,
        False,
        "server",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_zone": "Mars/Olympus"}, "Not a time zone name"),
        ({"callback_enabled": "on"}, "The callback needs a URL"),
        ({"callback_url": "ftp://backend.example/"}, "Starts with http:// or https://"),
        ({"callback_url": "https://backend.example/r#receipts"}, "Has a fragment"),
        ({"callback_url": "https://me:pass@backend.example/"}, "Has a user name or password"),
        ({"callback_url": "https://backend.example/?sign=x"}, "Has a parameter sign"),
    ],
)
def test_a_workspace_refuses_what_cannot_work(
    superuser: Client, workspace: Workspace, changes: dict[str, str], said: str
) -> None:
    assert said in change_workspace(superuser, workspace, **changes).text


def test_an_id_with_other_characters_is_refused_in_the_users_language(superuser: Client) -> None:
    given = {"app_id": "an app", "name": "App", "enabled": "on"}
    page = superuser.post(reverse("admin:pushcore_app_add"), given, headers={"accept-language": "zh-CN"})
    assert "只能包含字母、数字、连字符、下划线和点。" in page.text


def test_each_section_of_a_workspace_says_its_present_state(superuser: Client, mine: Everything) -> None:
    workspace = mine[Workspace]
    page = reverse("admin:pushcore_workspace_change", args=[workspace.pk])
    told = superuser.get(page).text
    rsa_keys = workspace.rsa_keys.filter(purpose=RsaKey.Purpose.API, active=True).count()
    assert f"access keys (RPC): {workspace.access_keys.count()}; RSA keys (REST): {rsa_keys}." in told
    mine[AccessKey].workspaces.add(workspace)
    told = superuser.get(page).text
    assert reverse("admin:pushcore_accesskey_change", args=[mine[AccessKey].pk]) in told
    assert f"Messages: {settings.MESSAGE_RETENTION_DAYS} days" in told
    assert "Connected devices for each gateway process" in told
    change_workspace(superuser, workspace, callback_enabled="on", callback_url="https://backend.example/r")
    told = superuser.get(page).text
    assert "REST calls are refused" in told
    assert "receipts are posted to https://backend.example/r" in told
    change_workspace(superuser, workspace)
    assert "no receipts are posted" in superuser.get(page).text


def test_switching_the_callback_on_makes_the_key_to_copy(superuser: Client, workspace: Workspace) -> None:
    answer = change_workspace(superuser, workspace, callback_enabled="on", callback_url="https://backend.example/r")
    assert answer.status_code == 200
    key = RsaKey.objects.get(workspace=workspace, purpose=RsaKey.Purpose.CALLBACK)
    page = superuser.get(reverse("admin:pushcore_workspace_change", args=[workspace.pk])).text
    assert key.public_pem.strip() in page


@pytest.mark.parametrize(("role", "sees"), [
    ("viewer", False), ("analyst", False), ("operator", False), ("administrator", True),
])  # fmt: skip
def test_the_client_key_is_shown_to_administrators_alone(
    member: Callable[[str], Client], mine: Everything, role: str, sees: bool
) -> None:
    workspace = mine[Workspace]
    page = member(role).get(reverse("admin:pushcore_workspace_change", args=[workspace.pk]))
    assert page.status_code == 200
    assert (workspace.client_key in page.text) == sees


@pytest.mark.parametrize(
    ("changes", "platform", "endpoint"),
    [
        ({}, "android", "mqtt://127.0.0.1:1883"),
        ({"MQTT_TLS_PORT": 8883, "PUBLIC_HOST": "push.example"}, "other", "mqtts://push.example:8883"),
        ({}, "web", "ws://127.0.0.1:8001/gateway/mqtt"),
        ({"DEVICE_WS_URL": "wss://push.example/gateway/mqtt"}, "web", "wss://push.example/gateway/mqtt"),
    ],
)
def test_the_sdks_configuration_is_offered_for_download_to_who_sees_the_client_key(
    member: Callable[[str], Client],
    mine: Everything,
    settings: Settings,
    changes: dict[str, object],
    platform: str,
    endpoint: str,
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    workspace = mine[Workspace]
    page = reverse("admin:pushcore_workspace_change", args=[workspace.pk])
    address = f"{reverse('admin:pushcore_workspace_device_configuration', args=[workspace.pk])}?platform={platform}"
    assert address not in member("operator").get(page).text
    administrator = member("administrator")
    assert address in administrator.get(page).text
    file = administrator.get(address)
    assert file["Content-Disposition"] == 'attachment; filename="mps-device.json"'
    device_schemas.check("config", file.json())
    assert (file.json()["endpoint"], file.json()["platform"]) == (endpoint, platform)
    assert file.json()["clientKey"] == workspace.client_key
    assert administrator.get(address.replace(platform, "symbian")).status_code == 404


def test_the_client_key_is_rotated_by_posting_only_and_the_former_ended_apart(
    superuser: Client, workspace: Workspace
) -> None:
    before = workspace.client_key
    page = f"/console/pushcore/workspace/{workspace.pk}"
    assert "Rotate the client key?" in superuser.get(f"{page}/rotate-client-key/").text
    workspace.refresh_from_db()
    assert workspace.client_key == before
    assert superuser.get(f"{page}/end-former-client-key/").status_code == 403  # there is none
    superuser.post(f"{page}/rotate-client-key/")
    workspace.refresh_from_db()
    assert (workspace.former_client_key, workspace.client_key != before) == (before, True)
    shown = superuser.get(f"{page}/change/").text
    assert workspace.client_key in shown
    assert before in shown
    assert "not since the key was rotated" in shown
    assert "End the former client key?" in superuser.get(f"{page}/end-former-client-key/").text
    superuser.post(f"{page}/end-former-client-key/")
    present = workspace.client_key
    workspace.refresh_from_db()
    assert (workspace.former_client_key, workspace.client_key) == ("", present)


@pytest.mark.parametrize("action", ["rotate-client-key", "make-callback-key"])
def test_actions_on_a_workspace_take_its_administrator(
    member: Callable[[str], Client], mine: Everything, theirs: Everything, action: str
) -> None:
    own, other = (f"/console/pushcore/workspace/{it[Workspace].pk}/{action}/" for it in (mine, theirs))
    assert member("operator").post(own).status_code == 403
    administrator = member("administrator")
    assert administrator.post(other).status_code == 404
    assert administrator.post(own).status_code == 302


def test_an_access_keys_secret_is_shown_once(superuser: Client, workspace: Workspace) -> None:
    answer = superuser.post(
        reverse("admin:pushcore_accesskey_add"), {"name": "backend", "workspaces": [workspace.pk]}, follow=True
    )
    key = AccessKey.objects.get()
    assert (key.name, list(key.workspaces.all()), key.app) == ("backend", [workspace], workspace.app)
    assert key.access_key_id in answer.text
    assert key.secret in answer.text
    again = superuser.get(reverse("admin:pushcore_accesskey_secret", args=[key.pk]), follow=True)
    assert key.secret not in again.text
    assert "shown once" in again.text


def test_a_secret_that_is_not_looked_at_in_time_is_not_shown(
    superuser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_once, "SHOW_SECONDS", -1)
    given = {"name": "backend", "workspaces": [workspace.pk]}
    answer = superuser.post(reverse("admin:pushcore_accesskey_add"), given, follow=True)
    assert AccessKey.objects.get().secret not in answer.text
    assert "shown once" in answer.text


def test_an_access_key_is_granted_workspaces_of_one_app(
    superuser: Client, workspace: Workspace, theirs: Everything
) -> None:
    both = {"name": "both", "workspaces": [workspace.pk, theirs[Workspace].pk]}
    answer = superuser.post(reverse("admin:pushcore_accesskey_add"), both)
    assert "belong to one app" in answer.text
    assert not AccessKey.objects.filter(name="both").exists()


def test_an_administrator_grants_no_workspace_of_another_app(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    grab = {"name": "grab", "workspaces": [theirs[Workspace].pk]}
    browser = member("administrator")
    assert browser.post(reverse("admin:pushcore_accesskey_add"), grab).status_code == 200
    change = reverse("admin:pushcore_accesskey_change", args=[mine[AccessKey].pk])
    assert browser.post(change, grab).status_code == 200
    assert not AccessKey.objects.filter(name="grab").exists()


def test_an_access_key_is_disabled(superuser: Client, mine: Everything) -> None:
    key = mine[AccessKey]
    superuser.post(
        reverse("admin:pushcore_accesskey_change", args=[key.pk]), {"name": "", "workspaces": [mine[Workspace].pk]}
    )
    key.refresh_from_db()
    assert not key.enabled


def test_a_backends_public_key_is_added_by_pasting(superuser: Client, workspace: Workspace) -> None:
    _, public = crypto.new_rsa_key()
    bare = "".join(public.strip().splitlines()[1:-1])
    superuser.post(reverse("admin:pushcore_rsakey_add"), {"workspace": workspace.pk, "public_pem": bare})
    key = RsaKey.objects.get()
    assert (key.purpose, key.public_pem, key.workspace) == (RsaKey.Purpose.API, public, workspace)


def test_a_short_or_broken_public_key_is_refused(superuser: Client, workspace: Workspace) -> None:
    short = crypto.public_pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key())
    for pem, said in ((short, "at least 2048"), ("no key", "not a public key")):
        answer = superuser.post(reverse("admin:pushcore_rsakey_add"), {"workspace": workspace.pk, "public_pem": pem})
        assert said in answer.text
    assert not RsaKey.objects.exists()


def test_a_member_is_added_by_name(member: Callable[[str], Client], app: App) -> None:
    User.objects.create_user("eve", is_staff=True)
    browser = member("administrator")
    add = reverse("admin:console_membership_add")
    browser.post(add, {"who": "known", "username": "eve", "app": app.pk, "role": "operator"})
    assert Membership.objects.get(user__username="eve").role == "operator"
    assert (
        "Already a member"
        in browser.post(add, {"who": "known", "username": "eve", "app": app.pk, "role": "viewer"}).text
    )
    assert (
        "Nobody with this name"
        in browser.post(add, {"who": "known", "username": "mallory", "app": app.pk, "role": "viewer"}).text
    )


def test_an_administrator_adds_nobody_to_another_app(member: Callable[[str], Client], theirs: Everything) -> None:
    User.objects.create_user("eve", is_staff=True)
    member("administrator").post(
        reverse("admin:console_membership_add"),
        {"who": "known", "username": "eve", "app": theirs[App].pk, "role": "administrator"},
    )
    assert not Membership.objects.filter(user__username="eve").exists()


def test_no_page_shows_a_secret(superuser: Client, mine: Everything) -> None:
    key, callback, device = mine[AccessKey], mine[RsaKey], Device.objects.get(pk=mine[Device].pk)
    hidden = [key.secret, key.secret_sealed, callback.private_sealed, device.secret_hash]
    hidden += [callback.private_pem.splitlines()[1], "PRIVATE KEY"]
    pages = ["/console/", "/console/create/simple/"]
    for model, obj in mine.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[obj.pk])]
        pages += [reverse(f"{name}_history", args=[obj.pk])]
    assert len(pages) > len(admin.site._registry)
    for page in pages:
        text = superuser.get(page).text
        assert not [secret for secret in hidden if secret in text], page


def test_a_workspace_is_made_with_replay_protection_chosen(superuser: Client) -> None:
    page = superuser.get("/console/pushcore/workspace/add/")
    assert page.context["adminform"].form["replay_protection"].value() is True


def test_a_form_for_something_new_says_what_it_is_for(superuser: Client) -> None:
    for model, heading in (("console_membership", "Add member"), ("pushcore_accesskey", "Add access key")):
        page = superuser.get(reverse(f"admin:{model}_add")).text
        assert f'<span class="truncate">{heading}</span>' in page
