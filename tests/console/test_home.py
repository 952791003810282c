"""The home page, and what all pages load."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_vendor.models import VendorAccount
from gateway import presence
from pushcore import activities, bus
from pushcore.models import Device, Message, Receipt, Workspace
from tests.console.conftest import Everything


def values(browser: Client) -> dict[str, str]:
    return {figure.title: figure.value for figure in browser.get("/console/").context["figures"]}


def test_figures_count_what_the_user_may_see(
    superuser: Client, member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    Receipt.objects.filter(pk=theirs[Receipt].pk).update(state="failed")
    everything, own = values(superuser), values(member("viewer"))
    assert (everything["Messages today"], everything["Delivered today"], everything["Receipts failing"]) == (
        "2",
        "2",
        "1",
    )
    assert (own["Messages today"], own["Delivered today"], own["Receipts failing"]) == ("1", "1", "0")


def test_arrival_and_open_rates_stand_beside_their_counts(superuser: Client, mine: Everything) -> None:
    notes = {figure.title: figure.note for figure in superuser.get("/console/").context["figures"]}
    assert (notes["Delivered today"], notes["Opened today"]) == ("100%", "100%")
    Message.objects.update(status=0)
    notes = {figure.title: figure.note for figure in superuser.get("/console/").context["figures"]}
    assert (notes["Delivered today"], notes["Opened today"]) == ("0%", "")


@pytest.mark.parametrize(
    ("title", "state", "fault"),
    [
        ("Channels stopped", "stopped", {"stopped_at": timezone.now()}),
        ("Certificates expiring", "expiring", {"enabled": True, "certificate_expires_at": timezone.now()}),
    ],
)
def test_channels_in_trouble_are_counted_and_listed(
    superuser: Client, mine: Everything, theirs: Everything, title: str, state: str, fault: dict[str, Any]
) -> None:
    assert values(superuser)[title] == "0"
    VendorAccount.objects.filter(pk=mine[VendorAccount].pk).update(**fault)
    assert values(superuser)[title] == "1"
    listed = superuser.get(reverse("admin:channels_vendor_vendoraccount_changelist"), {"state": state})
    assert [row.pk for row in listed.context["cl"].result_list] == [mine[VendorAccount].pk]


def test_home_asks_little(superuser: Client, mine: Everything, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(30):
        superuser.get("/console/")


def test_each_figure_leads_to_a_list(superuser: Client, mine: Everything) -> None:
    figures = superuser.get("/console/").context["figures"]
    assert len(figures) == 8
    for figure in figures:
        assert superuser.get(figure.link).status_code == 200


def test_the_newest_messages_are_the_users_own(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    recent = member("viewer").get("/console/").context["recent"]
    assert len(recent) == 1


@pytest.mark.django_db
def test_somebody_without_membership_is_told_so() -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("newcomer", is_staff=True))
    assert "You are not a member of any app yet" in browser.get("/console/").text


def test_devices_show_whether_they_are_online(superuser: Client, mine: Everything, theirs: Everything) -> None:
    bus.client().set(presence.presence_key(mine[Device].pk), b"node-1/session")
    rows = superuser.get(reverse("admin:pushcore_device_changelist")).context["cl"].result_list
    assert {row.pk: row.online_state for row in rows} == {mine[Device].pk: "online", theirs[Device].pk: "offline"}


def test_a_live_activity_among_the_devices_is_called_one(superuser: Client, workspace: Workspace) -> None:
    activities.report(workspace, "ride-7", "ab" * 32)
    page = superuser.get(reverse("admin:pushcore_device_changelist")).text
    assert "Live Activity ride-7" in page


def test_the_console_works_without_the_fast_store(
    superuser: Client, mine: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(bus, "client", lambda: redis.Redis(port=1))
        figures = values(superuser)
        answer = superuser.get(reverse("admin:pushcore_device_changelist"))
    assert figures["Gateway connections"] == "-"
    assert {row.online_state for row in answer.context["cl"].result_list} == {"unknown"}


@pytest.mark.parametrize("path", ["login/", "", "pushcore/message/", "create/simple/", "pushcore/accesskey/add/"])
def test_pages_load_nothing_from_elsewhere(superuser: Client, mine: Everything, path: str) -> None:
    browser = Client() if path == "login/" else superuser
    page = browser.get(f"/console/{path}").text
    loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"([^\"]+)\"", page)
    assert loaded
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)
