"""The home page, and what all pages load."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from analytics import rollups
from analytics.intake import take
from analytics.models import MessageEvent, QuarterRollup
from channels_vendor.models import VendorAccount
from gateway.cluster import presence
from pushcore.broadcast import acknowledgements
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.delivery.expiry import expire
from pushcore.devices import activities, registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Binding, Device, Message, PushTask, Receipt, Workspace
from pushcore.ports import BroadcastArrival, DeviceEvent, Outcome
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush
from pushcore.push.templates import TemplateDraft
from pushcore.storage import ids, valkey
from tests.console.conftest import BY_TEST, Everything, a_push


def values(browser: Client) -> dict[str, str]:
    return {card.title: card.value for card in browser.get("/console/").context["cards"]}


def test_cards_count_what_the_user_may_see(
    superuser: Client, member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    Receipt.objects.filter(pk=theirs[Receipt].pk).update(state="failed")
    viewer = member("viewer")
    everything, own = values(superuser), values(viewer)
    named = ("Pushed today", "Arrived today")
    assert [everything[name] for name in named] == ["2", "2"]
    assert [own[name] for name in named] == ["1", "1"]
    assert [matters(browser) for browser in (superuser, viewer)] == [["1 receipt does not reach your backend."], []]


def test_arrival_and_open_rates_stand_beside_their_counts(superuser: Client, mine: Everything) -> None:
    pushes.accept(mine[Workspace], a_push({f"user-{mine[Workspace].pk}": "another"}), **BY_TEST)
    message = mine[Message]
    MessageEvent.objects.all().delete()
    take([DeviceEvent(message.workspace_id, message.device_id, message.pk, "opened", timezone.now())])
    shown = {card.title: (card.value, card.note) for card in superuser.get("/console/").context["cards"]}
    assert shown["Pushed today"] == ("2", "")
    assert shown["Arrived today"] == ("1", "50%")
    assert shown["Opened today"] == ("1", "100%")
    assert shown["Pending today"] == ("1", "")


def test_home_and_the_analysis_say_the_same_numbers(superuser: Client, workspace: Workspace) -> None:
    Workspace.objects.update(time_zone="Pacific/Kiritimati")
    workspace.refresh_from_db()
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 3)]
    pushes.accept(workspace, a_push({"nobody-bound": "k1", "no-one": "k2"}), **BY_TEST)
    simple = pushes.accept(workspace, a_push({fleet[0].ad_token: "k3"}, delivery_type=1), **BY_TEST)
    outcomes.record([Outcome(message.pk, 2) for message in Message.objects.filter(task=simple)])
    request = BroadcastPush(delivery_type=1, expired_seconds=600, template_name="news", msgkey="b")
    task = pushes.accept(workspace, request, **BY_TEST)
    acknowledgements.record([BroadcastArrival(device.id, task.pk, (task.pk,)) for device in fleet])
    cards = {card.title: card for card in superuser.get("/console/").context["cards"]}
    assert [cards[name].value for name in ("Pushed today", "Arrived today", "Pending today")] == ["4", "4", "2"]
    report = superuser.get(cards["Pushed today"].link)
    assert {one.title: one.value for one in report.context["totals"]} == {
        "Pushed": "4", "Arrived": "4", "Opened": "0", "Ignored": "0",
    }  # fmt: skip
    page = superuser.get(reverse("admin:pushcore_pushtask_change", args=[task.pk]))
    assert {str(step.label): step.count for step in page.context["report"].funnel}["Arrived"] == 3
    listed = superuser.get(cards["Pending today"].link).context["cl"]
    assert str(listed.result_count) == cards["Pending today"].value


def test_what_has_expired_is_not_pending(superuser: Client, mine: Everything) -> None:
    task = pushes.accept(mine[Workspace], a_push({"nobody": "k", "none": "l"}), **BY_TEST)
    assert values(superuser)["Pending today"] == "2"
    past = timezone.now() - timedelta(seconds=1)
    Message.objects.filter(task=task).update(expire_at=past)
    PushTask.objects.filter(pk=task.pk).update(expire_at=past)
    assert values(superuser)["Pending today"] == "0"
    listed = reverse("admin:pushcore_message_changelist")
    assert superuser.get(listed, {"status": "pending"}).context["cl"].result_count == 0
    expired = superuser.get(listed, {"status": "expired"})
    assert expired.context["cl"].result_count == 2
    assert ">Expired</span>" in expired.text
    assert "not sent any more" in expired.text
    address = reverse("admin:pushcore_pushtask_change", args=[task.pk])
    page = superuser.get(address)
    assert (page.context["report"].waiting, page.context["report"].expired) == (0, 2)
    expire([message.pk for message in Message.objects.filter(task=task)])
    assert superuser.get(address).context["report"].expired == 2
    assert superuser.get(listed, {"status": "expired"}).context["cl"].result_count == 2
    assert values(superuser)["Pending today"] == "0"


def test_a_broadcasts_number_of_devices_and_of_listed_messages_are_told_apart(
    superuser: Client, workspace: Workspace
) -> None:
    templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
    fleet = [device for device, _ in registry.register([(workspace, DeviceInfo())] * 3)]
    request = BroadcastPush(delivery_type=1, expired_seconds=600, template_name="news", msgkey="b")
    task = pushes.accept(workspace, request, **BY_TEST)
    acknowledgements.record([BroadcastArrival(device.id, task.pk, (task.pk,)) for device in fleet])
    for page in (
        superuser.get(reverse("admin:pushcore_pushtask_changelist")),
        superuser.get(reverse("admin:pushcore_pushtask_change", args=[task.pk])),
    ):
        assert f'data-live="{task.pk}:messages" data-live-title="{task.pk}:-" title="">3<' in page.text
        assert "0 by vendors" in page.text
    listed = superuser.get(reverse("admin:pushcore_message_changelist"), {"task": task.pk}).context["cl"]
    assert listed.result_count == 0


@pytest.mark.parametrize(
    ("title", "state", "fault"),
    [
        ("Channels are stopped", "stopped", {"stopped_at": timezone.now()}),
        ("A certificate ends", "expiring", {"enabled": True, "certificate_expires_at": timezone.now()}),
    ],
)
def test_channels_in_trouble_are_named_and_listed(
    superuser: Client, mine: Everything, theirs: Everything, title: str, state: str, fault: dict[str, Any]
) -> None:
    VendorAccount.objects.filter(pk=mine[VendorAccount].pk).update(**fault)
    [found] = matters(superuser)
    assert found.startswith(title)
    listed = superuser.get(reverse("admin:channels_vendor_vendoraccount_changelist"), {"state": state})
    assert [row.pk for row in listed.context["cl"].result_list] == [mine[VendorAccount].pk]


def test_home_asks_little(superuser: Client, mine: Everything, django_assert_max_num_queries: Any) -> None:
    # Of these, seven restore the limit of the transaction that tests run in.
    with django_assert_max_num_queries(58):
        superuser.get("/console/")


def test_each_figure_leads_to_a_list(superuser: Client, mine: Everything) -> None:
    cards = superuser.get("/console/").context["cards"]
    assert len(cards) == 5
    for card in cards:
        assert superuser.get(card.link).status_code == 200


def matters(browser: Client) -> list[str]:
    return [matter.text for matter in browser.get("/console/").context["matters"]]


def test_nothing_needs_a_person_where_all_is_well(superuser: Client, mine: Everything) -> None:
    assert matters(superuser) == []


def test_what_needs_a_person_is_said_with_its_next_step(superuser: Client, mine: Everything) -> None:
    Receipt.objects.filter(pk=mine[Receipt].pk).update(state="failed")
    VendorAccount.objects.filter(pk=mine[VendorAccount].pk).update(
        stopped_at=timezone.now(), enabled=True, certificate_expires_at=timezone.now() + timedelta(days=1)
    )
    Binding.objects.all().delete()
    found = superuser.get("/console/").context["matters"]
    assert [matter.urgent for matter in found] == [True, True, False, False]
    assert "1 receipt does not reach your backend." in found[0].text
    for matter in found:
        assert superuser.get(matter.link).status_code == 200


def test_more_messages_expired_yesterday_than_the_day_before_is_said(superuser: Client, mine: Everything) -> None:
    yesterday = ids.first_id_at(timezone.localtime().replace(hour=3) - timedelta(days=1))
    task, row = PushTask.objects.get(pk=mine[PushTask].pk), Message.objects.get(pk=mine[Message].pk)
    task.pk, task.kind = yesterday, PushTask.Kind.MULTIPLE
    task.save(force_insert=True)
    for number in range(10):
        row.pk, row.task, row.msgkey, row.status = yesterday + 1 + number, task, f"e{number}", statuses.EXPIRED
        row.save(force_insert=True)
    rollups.fold()
    assert [text for text in matters(superuser) if "10 messages of yesterday expired" in text]
    Message.objects.filter(pk=row.pk).update(status=statuses.ACKED)
    rollups.fold()
    assert matters(superuser) == []


def test_the_week_is_the_analysis_of_seven_days_and_is_compared_with_the_week_before(
    superuser: Client, mine: Everything
) -> None:
    before = timezone.now().replace(hour=3, minute=0, second=0, microsecond=0) - timedelta(days=7)
    QuarterRollup.objects.create(
        workspace_id=mine[Workspace].pk, start=before, platform=1, channel=0, kind="simple", pushed=4
    )
    week = superuser.get("/console/").context["week"]
    assert [(total.title, total.value, total.change) for total in week.totals] == [
        ("Pushed", "1", "-75%"), ("Arrived", "1", ""), ("Opened", week.totals[2].value, ""),
    ]  # fmt: skip
    assert [len(series["data"]) for series in week.chart["quantity"]] == [7, 7, 7]
    assert [series["data"][-1] for series in week.chart["quantity"]][:2] == [1, 1]
    report = superuser.get(reverse("admin:analysis"), {"workspace": mine[Workspace].pk})
    assert [series["data"] for series in report.context["chart"]["quantity"]][:3] == [
        series["data"] for series in week.chart["quantity"]
    ]


def test_a_new_workspace_lists_what_is_left_to_set_up_until_it_is_done_or_hidden(
    superuser: Client, workspace: Workspace, member: Callable[[str], Client]
) -> None:
    setup = superuser.get("/console/").context["setup"]
    assert [step.done for step in setup.steps] == [False] * 5
    for step in setup.steps:
        assert superuser.get(step.link).status_code == 200
    registry.register([(workspace, DeviceInfo())])
    assert [step.done for step in superuser.get("/console/").context["setup"].steps] == [True] + 4 * [False]
    viewer = member("viewer")
    assert viewer.get("/console/").context["setup"] is None
    dismiss = reverse("admin:dismiss_setup")
    assert viewer.post(dismiss, {"workspace": workspace.pk}).status_code == 404
    assert superuser.post(dismiss, {"workspace": workspace.pk}).status_code == 302
    assert superuser.get("/console/").context["setup"] is None


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
    valkey.client().set(presence.presence_key(mine[Device].pk), b"node-1/session")
    rows = superuser.get(reverse("admin:pushcore_device_changelist")).context["cl"].result_list
    assert {row.pk: row.online_state for row in rows} == {mine[Device].pk: "online", theirs[Device].pk: "offline"}


def test_a_live_activity_among_the_devices_is_called_one(superuser: Client, workspace: Workspace) -> None:
    activities.report(workspace, "ride-7", "ab" * 32)
    page = superuser.get(reverse("admin:pushcore_device_changelist")).text
    assert "Live Activity ride-7" in page


def test_the_console_works_without_valkey(superuser: Client, mine: Everything, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(valkey, "client", lambda: redis.Redis(port=1, retry=Retry(NoBackoff(), 0)))
        cards = values(superuser)
        answer = superuser.get(reverse("admin:pushcore_device_changelist"))
    assert cards["Gateway connections"] == "-"
    assert {row.online_state for row in answer.context["cl"].result_list} == {"unknown"}


@pytest.mark.parametrize("path", ["login/", "", "pushcore/message/", "create/simple/", "pushcore/accesskey/add/"])
def test_pages_load_nothing_from_elsewhere(superuser: Client, mine: Everything, path: str) -> None:
    browser = Client() if path == "login/" else superuser
    page = browser.get(f"/console/{path}").text
    loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"([^\"]+)\"", page)
    assert loaded
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)
