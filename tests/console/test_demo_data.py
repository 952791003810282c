"""The demo's two weeks of traffic: the same each time, looking like days, and only where there is nothing else."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from console.demo_data import customers, operators
from console.demo_data.fill import DAYS, DemoDataError, fill
from console.demo_data.plan import PlannedPush, Planner
from pushcore import demo
from pushcore.models import App, Device, Workspace
from pushcore.storage import clock

# A Thursday.
NOW = datetime(2026, 11, 26, 20, 15, tzinfo=UTC)


def planned(now: datetime = NOW) -> list[PlannedPush]:
    devices = [Device(platform=1, ad_token="a" * 64), Device(platform=2, third_token="b" * 64)]
    return Planner(random.Random(1), customers.user_ids(), devices, "MPS1").pushes(now, DAYS, ZoneInfo("UTC"))


def test_of_one_moment_the_traffic_is_always_the_same() -> None:
    assert planned() == planned()


def test_days_look_like_days() -> None:
    pushes = planned()
    hours = Counter(push.at.hour for push in pushes)
    assert max(hours, key=lambda hour: hours[hour]) in range(17, 22)
    assert sum(hours[hour] for hour in range(1, 5)) < hours[19]
    days = Counter(push.at.date() for push in pushes)
    assert len(days) == DAYS + 1
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    working = [count for day, count in days.items() if day.weekday() < 5 and day != NOW.date()]
    assert max(weekend) < min(working)


def test_the_week_before_had_traffic_too_somewhat_less() -> None:
    ago = Counter((NOW - push.at).days // 7 for push in planned())
    assert 0.7 < ago[1] / ago[0] < 1


@pytest.mark.parametrize("hour", [0, 3, 12, 23])
def test_there_is_something_of_today_at_any_time_and_nothing_of_the_future(hour: int) -> None:
    now = NOW.replace(hour=hour, minute=3)
    times = [push.at for push in planned(now)]
    assert max(times) < now
    assert any(at.date() == now.date() for at in times)


@pytest.mark.django_db
def test_an_installation_with_apps_of_its_own_is_left_alone() -> None:
    demo.ensure_demo()
    App.objects.create(app_id="SHOP", name="A real one")
    with pytest.raises(DemoDataError, match="SHOP"):
        fill(known_passwords=True)
    assert not Device.objects.exists()


@pytest.mark.django_db
def test_without_the_demo_app_there_is_nothing_to_fill() -> None:
    with pytest.raises(CommandError, match="no demo workspace"):
        call_command("demo_data")


@pytest.mark.django_db
def test_a_password_that_everybody_knows_ends_where_others_get_in() -> None:
    demo.ensure_demo()
    workspace = Workspace.objects.get()
    made = operators.make_operators(workspace, clock.now(), known_passwords=True)
    kept = made["adam"]
    kept.set_password("of-his-own-9")
    kept.save()
    assert operators.close_known_passwords() == len(operators.OPERATORS) - 1
    users = get_user_model().objects
    assert not users.get(username="olga").has_usable_password()
    assert users.get(username="adam").check_password("of-his-own-9")


@pytest.mark.django_db
def test_where_others_get_in_the_demos_users_have_no_password() -> None:
    demo.ensure_demo()
    made = operators.make_operators(Workspace.objects.get(), clock.now(), known_passwords=False)
    assert not any(user.has_usable_password() for user in made.values())
