"""Message categories and quiet hours in the console, and pushes that name a category."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from pushcore.categories import catalog
from pushcore.codes import statuses
from pushcore.models import Device, Message, MessageCategory, PushTask, QuietHours, Workspace
from tests.console.conftest import Everything
from tests.console.test_create_simple import PAGE, form

CATEGORIES = "/console/pushcore/messagecategory/"
Member = Callable[[str], Client]


def category(workspace: Workspace, **changes: str) -> dict[str, str]:
    return {
        "workspace": str(workspace.pk),
        "name": "news",
        "is_marketing": "on",
        "daily_cap": "2",
        "weekly_cap": "5",
        "third_channel_category": "hms=MARKETING\r\noppo = NEWS",
    } | changes


def test_an_administrator_makes_and_changes_a_category(member: Member, mine: Everything) -> None:
    workspace, client = mine[Workspace], member("administrator")
    assert client.post(f"{CATEGORIES}add/", category(workspace)).status_code == 302
    made = MessageCategory.objects.get(workspace=workspace, name="news")
    assert (made.is_marketing, made.keeps_quiet_hours, made.daily_cap, made.weekly_cap) == (True, False, 2, 5)
    assert made.third_channel_category == {"hms": "MARKETING", "oppo": "NEWS"}
    page = f"{CATEGORIES}{made.pk}/change/"
    assert "hms=MARKETING\noppo=NEWS" in client.get(page).content.decode()
    changes = category(workspace, third_channel_category="", weekly_cap="", keeps_quiet_hours="on")
    assert client.post(page, changes).status_code == 302
    made.refresh_from_db()
    assert (made.third_channel_category, made.weekly_cap, made.keeps_quiet_hours) == ({}, None, True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"third_channel_category": "hms"}, "Write vendor=category"),
        ({"third_channel_category": "nokia=IM"}, "thirdChannelCategory"),
        ({"weekly_cap": "1"}, "A week has at least as much room as a day."),
        ({"daily_cap": "0"}, "greater than or equal to 1"),
        ({"name": "offers"}, "already exists"),
    ],
)
def test_a_category_that_says_nothing_sensible_is_refused(
    member: Member, mine: Everything, changes: dict[str, str], sentence: str
) -> None:
    answer = member("administrator").post(f"{CATEGORIES}add/", category(mine[Workspace], **changes))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()


def test_a_workspace_has_so_many_categories_at_most(
    member: Member, mine: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "MAX_CATEGORIES", 1)
    answer = member("administrator").post(f"{CATEGORIES}add/", category(mine[Workspace]))
    assert "1 message categories at most" in answer.content.decode()


def test_quiet_hours_that_are_changed_have_what_waits_offered_again(member: Member, mine: Everything) -> None:
    hours = mine[QuietHours]
    QuietHours.objects.filter(pk=hours.pk).update(walked_until=timezone.now(), position=7)
    values = {"enabled": "on", "starts": "21:30", "ends": "21:30", "time_zone": "Asia/Shanghai"}
    page = f"/console/pushcore/quiethours/{hours.pk}/change/"
    client = member("administrator")
    assert "end at another time" in client.post(page, values).content.decode()
    assert client.post(page, values | {"time_zone": "Mars", "ends": "07:00"}).status_code == 200
    assert client.post(page, values | {"ends": "07:00"}).status_code == 302
    hours.refresh_from_db()
    assert (str(hours), hours.time_zone, hours.position) == ("21:30-07:00", "Asia/Shanghai", 0)
    assert hours.walked_until < timezone.now() - timedelta(days=1)


def test_a_push_of_the_form_names_a_category(member: Member, mine: Everything) -> None:
    workspace, device, client = mine[Workspace], mine[Device], member("operator")
    MessageCategory.objects.filter(workspace=workspace, name="offers").update(daily_cap=1, keeps_quiet_hours=True)
    values = {"target_type": "device", "platform": "1", "target": device.ad_token, "message_category": "offers"}
    review = client.post(PAGE, form(workspace, **values, ignore_quiet_hours="1", step="review")).content.decode()
    assert "Deliver at once" in review
    for number in ("1", "2"):
        client.post(PAGE, form(workspace, **values, msgkey=number, ignore_quiet_hours="1"))
    task = PushTask.objects.latest("id")
    assert (task.message_category, task.device_rules, task.held_back_count) == ("offers", 0, 1)
    page = client.get(f"/console/pushcore/pushtask/{task.pk}/change/").content.decode()
    assert "Held back" in page
    listed = client.get("/console/pushcore/message/?kind=all&status=held_back").content.decode()
    assert str(Message.objects.get(status=statuses.HELD_BACK).pk) in listed


def test_the_form_asks_for_no_category_where_there_is_none(member: Member, mine: Everything) -> None:
    client, page = member("operator"), f"{PAGE}?workspace={mine[Workspace].pk}"
    assert "message_category" in client.get(page).content.decode()
    MessageCategory.objects.all().delete()
    assert "message_category" not in client.get(page).content.decode()
