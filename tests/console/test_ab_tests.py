"""The A/B test of a push on its task's page: numbers, what they say, and the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from analytics.intake import take
from console.components import live
from console.models import AuditEntry
from pushcore.audience import segments
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import load, wake
from pushcore.models import AbTest, Message, PushTask, Workspace
from pushcore.ports import DeviceEvent, Outcome
from pushcore.push import pushes
from pushcore.push.requests import AudiencePush, Variant
from tests.console.conftest import BY_TEST, Everything
from tests.console.test_create_simple import form

pytestmark = pytest.mark.django_db(transaction=True)

TASKS = "/console/pushcore/pushtask/"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture
def tested(mine: Everything) -> PushTask:
    """A push whose test group of 40 % of 60 new devices has its messages; somebody has to decide."""
    workspace = mine[Workspace]
    registry.register([(workspace, DeviceInfo())] * 60)
    variants = (Variant(name="A", share=20), Variant(name="B", share=20, title="Half <b>price</b>"))
    request = AudiencePush(
        condition={"bound": False}, msgkey="ab", expired_seconds=600, title="Offer", content="Until Sunday",
        variants=variants, winner="manual",
    )  # fmt: skip
    task = pushes.accept(workspace, request, **BY_TEST)
    load.load_all()
    return task


def page_of(browser: Client, task: PushTask) -> str:
    return str(browser.get(f"{TASKS}{task.pk}/change/").text)


def open_all(task: PushTask, title: str) -> int:
    """Have all messages of the task arrive, and those of a title be opened; return how many these are."""
    rows = list(Message.objects.select_related("task").filter(task=task))
    outcomes.record([Outcome(row.pk, statuses.ACKED) for row in rows])
    opened = [row for row in rows if row.title == title]
    now = timezone.now()
    take([DeviceEvent(row.workspace_id, row.device_id or 0, row.pk, "opened", now) for row in opened])
    return len(opened)


def test_the_page_has_a_line_for_each_variant_and_says_what_the_difference_is_worth(
    superuser: Client, tested: PushTask
) -> None:
    before = page_of(superuser, tested)
    for said in ("A/B test", "Somebody has to decide until", "Nothing is delivered yet.", "Half &lt;b&gt;price"):
        assert said in before, said
    opened = open_all(tested, "Half <b>price</b>")
    after = page_of(superuser, tested)
    assert "B is opened more often than A." in after
    assert "The difference is significant" in after
    assert f'data-figure="ab-B-opened">{opened}<' in after
    assert 'data-figure="ab-B-rate">100.0%<' in after
    assert 'data-figure="ab-A-opened">0<' in after
    assert 'data-figure="ab-rest-pushed">0<' in after


def test_a_push_without_variants_has_no_such_table(superuser: Client, mine: Everything) -> None:
    task = mine[PushTask]
    assert "A/B test" not in page_of(superuser, task)
    for page in ("decide/?variant=A", "variants/"):
        assert superuser.get(f"{TASKS}{task.pk}/{page}").status_code == 404


def test_who_may_push_sends_a_variant_to_the_rest_once(
    member: Callable[[str], Client], tested: PushTask, superuser: Client
) -> None:
    address = f"{TASKS}{tested.pk}/decide/?variant=B"
    analyst = member("analyst")
    assert "Send B to the rest" not in page_of(analyst, tested)
    assert analyst.post(address).status_code == 403
    operator = member("operator")
    assert "Send B to the rest" in page_of(operator, tested)
    asked = operator.get(address).text
    assert "The 60% of the devices that are not in the test group get it now." in asked
    assert not AbTest.objects.get().winner
    assert operator.get(f"{TASKS}{tested.pk}/decide/?variant=C").status_code == 404
    assert "Variant B goes to the rest." in operator.post(address, follow=True).text
    load.load_all()
    decided = page_of(operator, tested)
    assert "The rest gets variant B." in decided
    assert "Send A to the rest" not in decided
    assert AbTest.objects.get().decided_by in decided
    assert Message.objects.filter(task=tested).count() == 60
    assert "variant B is decided already" in operator.post(address.replace("=B", "=A"), follow=True).text
    details = AuditEntry.objects.filter(action="change").latest("pk").details
    assert details == {"what": "Sent a variant to the rest."}
    history = operator.get(f"{TASKS}{tested.pk}/history/").text
    assert "Sent a variant to the rest." in history


def test_the_variants_are_downloaded_by_who_may_export(member: Callable[[str], Client], tested: PushTask) -> None:
    opened = open_all(tested, "Half <b>price</b>")
    address = f"{TASKS}{tested.pk}/variants/"
    assert member("viewer").get(address).status_code == 403
    analyst = member("analyst")
    assert "Download variants (CSV)" in page_of(analyst, tested)
    lines = [line.split(",") for line in analyst.get(address).content.decode("utf-8-sig").splitlines()]
    assert [line[0] for line in lines] == ["Variant", "A", "B", "rest"]
    assert lines[2][1:8] == ["20", "", str(opened), str(opened), str(opened), str(opened), "100.0"]


def test_the_live_report_has_the_links_of_who_looks(member: Callable[[str], Client], tested: PushTask) -> None:
    for role, offered in (("viewer", False), ("operator", True)):
        report, _ = live._count_report(str(member(role).session.session_key), tested.pk, "en")
        assert ("Send A to the rest" in report) is offered
        assert 'data-figure="ab-A-pushed"' in report


def test_the_page_speaks_chinese(superuser: Client, tested: PushTask) -> None:
    open_all(tested, "Offer")
    said: Any = superuser.get(f"{TASKS}{tested.pk}/change/", headers={"accept-language": "zh-hans"}).text
    for words in ("A/B 测试", "A 的打开率高于 B。", "差异显著", "其余受众", "将 B 发送给其余受众"):
        assert words in said, words


def test_a_push_with_a_second_variant_is_made_and_copied(superuser: Client, workspace: Workspace) -> None:
    registry.register([(workspace, DeviceInfo())] * 3)
    segments.create(workspace, "all", {"platform": "android"})
    create = "/console/create/audience/"
    typed = form(workspace, step="review", segment="all", title="Offer", variant_title="Half price")
    assert "Select what decides" in superuser.post(create, typed).text
    typed |= {"ab_test": "significant"}
    refused = superuser.post(create, typed).text
    assert "Enter a share." in refused
    assert "Enter a number of minutes." in refused
    typed |= {"variant_share": "20", "test_minutes": "90", "valid_seconds": "7200"}
    assert "Not beside a local time" in superuser.post(create, typed | {"local_time": "09:30"}).text
    assert "too long together" in superuser.post(create, typed | {"test_minutes": "100000"}).text
    review = superuser.post(create, typed)
    for said in ("Half price", "The open rates decide if their difference is significant", "90"):
        assert said in review.text, said
    superuser.post(create, typed | {"step": "send", "counted": review.context["counted"], "devices": "3"})
    test = AbTest.objects.get()
    assert (test.winner_by, test.test_seconds, test.require_significance) == ("opens", 5400, True)
    assert [(one["share"], one["override"]) for one in test.variants] == [(20, {}), (20, {"title": "Half price"})]
    copied = superuser.get(create, {"from": test.pk}).text
    for said in ('value="Half price"', 'value="90"', 'value="7200"', 'value="significant" selected'):
        assert said in copied, said
    AbTest.objects.update(winner_by="")
    assert "Its variants are not copied." in superuser.get(create, {"from": test.pk}).text
