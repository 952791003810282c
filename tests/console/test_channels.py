"""The page of channels: a card for each vendor says in words how it is, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from channels_vendor.dispatch.rate_control import OPENS_AFTER, RateControl
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from console.pages.channels import channel_cards
from pushcore.channels import Channel
from pushcore.models import Workspace
from pushcore.storage import clock

PAGE = reverse("admin:channels")


def test_every_vendor_has_a_card_that_leads_to_its_set_up(superuser: Client, workspace: Workspace) -> None:
    told = superuser.get(PAGE).text
    for channel, vendor in VENDORS.items():
        assert f"<h2>{vendor.title}</h2>" in told
        set_up = f"{reverse('admin:channels_vendor_vendoraccount_add')}?workspace={workspace.pk}&channel={int(channel)}"
        assert set_up.replace("&", "&amp;") in told
        form = superuser.get(set_up).context["adminform"].form
        assert (form["workspace"].value(), form["channel"].value()) == (str(workspace.pk), str(int(channel)))


def of_vivo(workspace: Workspace) -> tuple[str, str]:
    [card] = [card for card in channel_cards(workspace) if card.title == VENDORS[Channel.VIVO].title]
    return card.state, card.advice


@pytest.mark.parametrize(
    ("account", "state", "advice"),
    [
        ({"enabled": False}, "Switched off", "switch it on"),
        ({"stopped_at": clock.now(), "stopped_reason": "signature error"}, "Stopped", "Signature error. Correct"),
        ({"certificate_expires_at": clock.now() - timedelta(days=1)}, "Certificate expired", "upload a new"),
        ({"certificate_expires_at": clock.now() + timedelta(days=3)}, "Certificate expires soon", "Upload a new"),
        ({}, "In use", ""),
    ],
)  # fmt: skip
def test_a_card_says_how_the_account_is_and_what_to_do(
    workspace: Workspace, account: dict[str, object], state: str, advice: str
) -> None:
    VendorAccount.objects.create(workspace=workspace, channel=Channel.VIVO, **account)
    shown = of_vivo(workspace)
    assert f">{state}<" in shown[0]
    assert advice in shown[1]


def test_a_certificates_last_day_is_that_of_the_workspaces_zone(superuser: Client, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(time_zone="Asia/Shanghai")
    tomorrow = clock.now().astimezone(UTC).replace(hour=20) + timedelta(days=1)
    VendorAccount.objects.create(
        workspace=workspace, channel=Channel.VIVO, enabled=True, certificate_expires_at=tomorrow
    )
    day = (tomorrow + timedelta(hours=8)).date()
    assert f"Upload a new certificate before {day}." in superuser.get(PAGE).text
    assert f"A certificate ends on {day};" in superuser.get(reverse("admin:index")).text


def test_a_card_says_that_a_vendor_does_not_answer_or_asked_for_a_pause(workspace: Workspace) -> None:
    VendorAccount.objects.create(workspace=workspace, channel=Channel.VIVO)
    rate_control = RateControl(workspace.pk, int(Channel.VIVO), 10)
    rate_control.pause(600)
    assert ">Paused<" in of_vivo(workspace)[0]
    for _ in range(OPENS_AFTER):
        rate_control.record(usable=False)
    assert ">The vendor does not answer<" in of_vivo(workspace)[0]


def test_why_an_account_was_stopped_is_told_in_the_users_language(superuser: Client, workspace: Workspace) -> None:
    row = VendorAccount.objects.create(
        workspace=workspace, channel=Channel.VIVO, stopped_at=clock.now(), stopped_reason="permission check failed"
    )
    superuser.cookies["django_language"] = "zh-hans"
    pages = (PAGE, reverse("admin:channels_vendor_vendoraccount_changelist"))
    assert all("权限" in superuser.get(page).text for page in pages)
    row.stopped_reason, row.stopped_after = "200 illegal token", 10
    row.save()
    assert all("连续拒绝了 10 个" in (told := superuser.get(page).text) and "illegal token" in told for page in pages)


def test_the_sidebar_has_one_entry_for_channels_marked_on_an_accounts_page(
    superuser: Client, workspace: Workspace
) -> None:
    row = VendorAccount.objects.create(workspace=workspace, channel=Channel.VIVO)
    page = superuser.get(reverse("admin:channels_vendor_vendoraccount_change", args=[row.pk]))
    entries = [entry for group in page.context["sidebar_navigation"] for entry in group["items"]]
    assert [str(entry["title"]) for entry in entries if entry["active"]] == ["Channels"]
    assert not [entry for entry in entries if "vendoraccount" in str(entry["link"])]


def test_a_card_shows_the_last_success_and_the_rate_in_use(superuser: Client, workspace: Workspace) -> None:
    VendorAccount.objects.create(workspace=workspace, channel=Channel.VIVO, rate=10)
    assert "not in the last 30 days" in superuser.get(PAGE).text
    rate_control = RateControl(workspace.pk, int(Channel.VIVO), 10)
    rate_control.note_accepted()
    rate_control.grant(10)
    status = rate_control.status()
    assert status is not None
    assert status.used > 0
    told = superuser.get(PAGE).text
    assert "not in the last 30 days" not in told
    assert f"{clock.now():%Y-%m-%d}" in told


def test_a_viewer_sees_the_cards_and_is_offered_nothing_to_change(
    member: Callable[[str], Client], workspace: Workspace
) -> None:
    row = VendorAccount.objects.create(workspace=workspace, channel=Channel.VIVO)
    check, test = (
        reverse(f"admin:channels_vendor_vendoraccount_{name}", args=[row.pk]) for name in ("check_account", "send_test")
    )
    told = {role: member(role).get(PAGE).text for role in ("viewer", "operator", "administrator")}
    assert [check in told[role] for role in told] == [False, False, True]
    assert [test in told[role] for role in told] == [False, True, True]
    assert ["Set up" in told[role] for role in told] == [False, False, True]
