"""Times are a workspace's, by name, wherever the console shows one; UTC shows on hover."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.components import progress
from console.components.columns import moment, moment_text
from console.models import Membership
from pushcore.models import Binding, Device, Message, Occurrence, PushTask, Receipt, Schedule, Workspace
from pushcore.storage import ids
from tests.console.conftest import Everything

SHANGHAI = "Asia/Shanghai"
# As a page shows a time by `console.components.columns.moment`: what stands there, and what shows on hover.
TIME = re.compile(r'<time [^>]*title="([^"]+) UTC">([^<]+) <small>([^<]+)</small></time>')


@pytest.fixture
def shanghai(mine: Everything) -> Everything:
    Workspace.objects.filter(pk=mine[Workspace].pk).update(time_zone=SHANGHAI)
    return mine


def times(page: str) -> list[tuple[str, str, str]]:
    """Local time, zone, UTC."""
    return [(local, zone, in_utc) for in_utc, local, zone in TIME.findall(page)]


def agree(local: str, zone: str, in_utc: str) -> bool:
    form = "%Y-%m-%d %H:%M:%S"
    there = datetime.strptime(local, form).replace(tzinfo=ZoneInfo(zone))
    return there == datetime.strptime(in_utc, form).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "model", [Message, PushTask, Schedule, Device, Binding, Receipt, Workspace], ids=lambda model: model.__name__
)
@pytest.mark.parametrize("view", ["changelist", "change"])
def test_every_time_on_a_page_is_in_the_workspaces_zone_and_named(
    superuser: Client, shanghai: Everything, theirs: Everything, model: type, view: str
) -> None:
    obj = shanghai[model]
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{view}"
    query = {"workspace": str(obj.pk)} if model is Workspace and view == "change" else {}
    if model is PushTask and view == "changelist":
        query = {"kind": "all"}
    page = superuser.get(reverse(name, args=[obj.pk] if view == "change" else []), query).text
    found = times(page)
    assert all(agree(*one) for one in found)
    zones = {zone for _local, zone, _utc in found}
    assert zones <= ({SHANGHAI} if view == "change" else {SHANGHAI, "UTC"})
    if not (model is Workspace and view == "changelist"):
        assert SHANGHAI in zones
    # Nothing is shown in another way: what is left, once these are taken out, holds no time.
    left = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", TIME.sub("", page), flags=re.DOTALL)
    assert not re.findall(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d(?!:\d\d {SHANGHAI})", left)


def test_review_and_schedule_say_the_same_time(superuser: Client, shanghai: Everything) -> None:
    day = timezone.localdate() + timedelta(days=3)
    given = {
        "step": "review", "workspace": str(shanghai[Workspace].pk), "target_type": "user", "target": "alice",
        "msgkey": "zoned", "android_channel": "0", "silent": "0", "style": "0", "title": "T", "body": "B",
        "action": "0", "url": "", "valid_seconds": "180", "sending-when": "timed", "sending-at": f"{day}T15:53",
        "parameters-TOTAL_FORMS": "0", "parameters-INITIAL_FORMS": "0",
    }  # fmt: skip
    said = f"{day} 15:53:00 {SHANGHAI}"
    assert said in superuser.post("/console/create/simple/", given).text
    page = superuser.post("/console/create/simple/", given | {"step": "send"}, follow=True).text
    at = Occurrence.objects.order_by("-pk")[0].at
    assert moment(at, ZoneInfo(SHANGHAI)) in page
    assert moment_text(at, ZoneInfo(SHANGHAI)) == said


def test_a_list_of_several_workspaces_shows_each_rows_own_zone(
    superuser: Client, shanghai: Everything, theirs: Everything
) -> None:
    Workspace.objects.filter(pk=theirs[Workspace].pk).update(time_zone="Europe/Berlin")
    page = superuser.get(reverse("admin:pushcore_message_changelist")).text
    for everything, zone in ((shanghai, SHANGHAI), (theirs, "Europe/Berlin")):
        assert moment(everything[Message].created_at, ZoneInfo(zone)) in page


def test_one_zone_of_all_in_view_is_the_pages_own(
    member: Callable[[str], Client], shanghai: Everything, theirs: Everything
) -> None:
    browser = member("administrator")
    zones = {zone for _local, zone, _utc in times(browser.get(reverse("admin:console_auditentry_changelist")).text)}
    assert zones == {SHANGHAI}
    Membership.objects.filter(user__username="a-administrator").update(app=theirs[Workspace].app)
    zones = {zone for _local, zone, _utc in times(browser.get(reverse("admin:console_auditentry_changelist")).text)}
    assert zones == {"UTC"}


def test_today_begins_at_the_workspaces_midnight(superuser: Client, mine: Everything) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        Workspace.objects.update(time_zone=zone)
        now = timezone.localtime(timezone=ZoneInfo(zone))
        listed = superuser.get(reverse("admin:pushcore_message_changelist"), {"created": "today"}).context["cl"]
        first = ids.first_id_at(now.replace(hour=0, minute=0, second=0, microsecond=0))
        assert str(first) in str(listed.queryset.query)


def test_a_request_leaves_no_zone_to_the_next(superuser: Client, shanghai: Everything) -> None:
    superuser.get(reverse("admin:pushcore_pushtask_change", args=[shanghai[PushTask].pk]))
    assert timezone.get_current_timezone_name() == "UTC"


def test_live_figures_name_the_zone_too(shanghai: Everything) -> None:
    task = PushTask.objects.get(pk=shanghai[PushTask].pk)
    figures = progress.figures_by_id(PushTask.objects.all(), [task.pk])[str(task.pk)]
    assert figures["last_outcome"] == moment_text(task.last_outcome_at, ZoneInfo(SHANGHAI))
    assert figures["last_outcome_utc"].endswith(" UTC")


@pytest.mark.parametrize("page", ["pushcore_message", "pushcore_binding", "pushcore_device", "pushcore_receipt"])
def test_zones_cost_no_query_a_row(
    superuser: Client, shanghai: Everything, django_assert_max_num_queries: Callable[[int], object], page: str
) -> None:
    bound = Binding.objects.get(pk=shanghai[Binding].pk)
    for number in range(30):
        Binding.objects.create(
            workspace=bound.workspace, device=bound.device, user_id=f"u{number}", bound_at=timezone.now(),
            unbound_at=timezone.now(),
        )  # fmt: skip
    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        superuser.get(reverse(f"admin:{page}_changelist"))
    with django_assert_max_num_queries(45):  # type: ignore[attr-defined]
        superuser.get(reverse("admin:pushcore_device_change", args=[shanghai[Device].pk]))
