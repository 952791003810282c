"""Variants of a push go to shares of its audience, and the winner to the rest: each device gets it once."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from analytics import intake
from analytics.models import MessageEvent
from pushcore.ab_tests import decision
from pushcore.ab_tests.decision import State
from pushcore.ab_tests.plan import bucket_of
from pushcore.ab_tests.results import TestResults
from pushcore.ab_tests.source import DecidingSource, GroupSource, RestSource, TestGroupSource
from pushcore.audience import resolve
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import outcomes
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.loading import load, messages, wake
from pushcore.models import AbTest, AudienceWalk, Device, Message, PushTask, Workspace
from pushcore.ports import DeviceEvent, Outcome
from pushcore.push import pushes, templates
from pushcore.push.requests import AudiencePush, Variant, as_json, from_json
from pushcore.push.templates import TemplateDraft
from pushcore.retention import purge
from pushcore.revocation import revocations
from tests.pushcore.conftest import Clock, RecordingLane
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

Push = Callable[..., PushTask]
HOUR = 3600


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "PAGE", 7)


def variants(*shares: int) -> tuple[Variant, ...]:
    """Return variants A, B and so on, whose titles are their names; A is the push as it is."""
    names = "ABCDE"
    return tuple(
        Variant(name=names[place], share=share, title=names[place] if place else "")
        for place, share in enumerate(shares)
    )


@pytest.fixture
def push(workspace: Workspace) -> Push:
    """Push to an audience; further arguments override the request's fields."""

    def accept(*shares: int, msgkey: str = "k", **changes: Any) -> PushTask:
        fields: dict[str, Any] = {
            "condition": {"platform": "android"}, "expired_seconds": HOUR, "title": "A", "content": "Content",
            "variants": variants(*shares), "test_seconds": 600 if sum(shares) < 100 else None,
        }  # fmt: skip
        request = AudiencePush(msgkey=msgkey, **(fields | changes))
        return pushes.accept(workspace, request, source=PushTask.Source.REST, author="test")

    return accept


def fleet(workspace: Workspace, count: int) -> list[int]:
    return [device.id for device, _ in registry.register([(workspace, DeviceInfo())] * count)]


def titles(task: PushTask) -> dict[int, str]:
    """Return what title each device was sent, and check that each was sent one message."""
    rows = list(Message.objects.select_related("task").filter(task=task))
    sent = {row.device_id: row.title for row in rows if row.device_id}
    assert len(sent) == len(rows)
    return sent


def planned(task: PushTask, devices: list[int], shares: tuple[int, ...], winner: str = "") -> dict[int, str]:
    """Recount what each device is to get, plainly."""
    ends = list(itertools.accumulate(shares))
    made = {}
    for device in devices:
        place = next((place for place, end in enumerate(ends) if bucket_of(task.pk, device) < end), None)
        if place is not None:
            made[device] = "ABCDE"[place]
        elif winner:
            made[device] = winner
    return made


def deliver(task: PushTask, opens: dict[str, tuple[int, int]]) -> None:
    """Have all messages arrive, and of each title so many of so many be opened."""
    rows = list(Message.objects.select_related("task").filter(task=task).order_by("pk"))
    outcomes.record([Outcome(row.pk, statuses.ACKED) for row in rows])
    seen: Counter[str] = Counter()
    for row in rows:
        opened, of = opens.get(row.title, (0, 1))
        seen[row.title] += 1
        if seen[row.title] % of < opened:
            assert row.device_id
            event = DeviceEvent(row.workspace_id, row.device_id, row.pk, "opened", row.created_at)
            assert intake.take([event, event]) == 1


def state(task: PushTask) -> State:
    return decision.state_of(AbTest.objects.select_related("walk").get(pk=task.pk))


def test_the_database_and_the_code_give_a_device_the_same_bucket() -> None:
    dice = random.Random(1)
    pairs = [(dice.randrange(2**63), dice.randrange(2**40)) for _ in range(500)]
    with connection.cursor() as cursor:
        for task_id, device_id in pairs:
            cursor.execute("SELECT pushcore_ab_bucket(%s, %s)", [task_id, device_id])
            assert cursor.fetchone() == (bucket_of(task_id, device_id),)


def test_buckets_are_even_and_of_different_tasks_independent() -> None:
    counted = Counter(bucket_of(1, device) for device in range(50_000))
    assert len(counted) == 100
    # Chi-squared with 99 degrees of freedom exceeds 166 once in 30,000 times; the hash is the same each time.
    assert sum((count - 500) ** 2 / 500 for count in counted.values()) < 166
    both = sum(bucket_of(1, device) < 50 and bucket_of(2, device) < 50 for device in range(50_000))
    assert 12_200 < both < 12_800


@pytest.mark.parametrize("seed", range(4))
def test_random_shares_reach_every_device_once_as_a_plain_recount_says(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "online", set)
    dice = random.Random(seed)
    devices = fleet(workspace, 150)
    shares = tuple(dice.randint(1, 20) for _ in range(dice.randint(2, 5)))
    task = push(*shares)
    load.load_all()
    assert titles(task) == planned(task, devices, shares)
    assert load.load_all() == 0
    assert state(task) is State.WAITING
    at.pass_by(seconds=600)
    load.load_all()
    assert titles(task) == planned(task, devices, shares, winner="A")
    # What was sent is what the rows say.
    assert {one.device_id: one.content["title"] for one in lane.got} == titles(task)
    task.refresh_from_db()
    walk = AudienceWalk.objects.get()
    assert (task.message_count, walk.found, walk.finished_at) == (150, 150, at.at)


def test_a_test_of_all_has_nothing_to_decide(workspace: Workspace, push: Push, at: Clock) -> None:
    devices = fleet(workspace, 80)
    task = push(50, 30, 20)
    assert load.load_all() == 80
    assert titles(task) == planned(task, devices, (50, 30, 20))
    assert (state(task), task.expire_at) == (State.WHOLE, at.at + timedelta(seconds=HOUR))
    with pytest.raises(ResultError, match="nothing to decide"):
        decision.decide_by_hand(workspace, task.pk, "A", author="ann")


def test_a_variant_that_is_the_push_as_it_is_keeps_nothing_of_its_own(workspace: Workspace, push: Push) -> None:
    fleet(workspace, 40)
    task = push(50, 50)
    load.load_all()
    kept = set(Message.objects.filter(task=task).values_list("override__title", "override__content"))
    assert kept == {(None, None), ("B", None)}


def test_variants_of_a_template_have_their_own_values(workspace: Workspace, push: Push) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "#what# for you"))
    fleet(workspace, 40)
    both = (Variant(name="A", share=50), Variant(name="B", share=50, template_key_value={"name": "Bob"}))
    task = push(
        title="", content="", template_name="hello", template_key_value={"name": "Ann", "what": "Tea"}, variants=both,
        test_seconds=None,
    )  # fmt: skip
    load.load_all()
    shown = {(row.content["title"], row.content["content"]) for row in Message.objects.select_related("task").all()}
    assert shown == {("Hello Ann", "Tea for you"), ("Hello Bob", "Tea for you")}
    assert task.message_count == 0


def test_the_best_open_rate_wins_and_the_rest_is_valid_from_then_on(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock
) -> None:
    devices = fleet(workspace, 200)
    task = push(20, 20, 20)
    load.load_all()
    tested = at.at
    deliver(task, {"A": (1, 10), "B": (9, 10), "C": (3, 10)})
    at.pass_by(seconds=599)
    load.load_all()
    assert state(task) is State.WAITING
    at.pass_by(seconds=1)
    load.load_all()
    test = AbTest.objects.get()
    assert (test.winner, test.decided_at, test.decided_by, test.is_significant) == ("B", at.at, "", True)
    assert titles(task) == planned(task, devices, (20, 20, 20), winner="B")
    ends = Counter(Message.objects.filter(task=task).values_list("expire_at", flat=True))
    assert set(ends) == {tested + timedelta(seconds=HOUR), at.at + timedelta(seconds=HOUR)}
    task.refresh_from_db()
    assert task.expire_at == max(ends)


def test_results_are_what_the_rows_say(workspace: Workspace, push: Push, lane: RecordingLane, at: Clock) -> None:
    fleet(workspace, 150)
    task = push(20, 30)
    load.load_all()
    deliver(task, {"A": (1, 4), "B": (1, 2)})
    at.pass_by(seconds=600)
    load.load_all()
    task.refresh_from_db()
    results = TestResults.of(task, AbTest.objects.get())
    opened = {event[0] for event in MessageEvent.objects.filter(kind="opened").values_list("message_id")}
    tested_until = AbTest.objects.get().tested_at
    assert tested_until
    assert results.rest
    for result, title in zip(results.variants, "AB", strict=True):
        rows = [row for row in Message.objects.select_related("task").filter(task=task, status=2) if row.title == title]
        assert (result.index.pushed, result.delivered, result.index.arrived) == (len(rows),) * 3
        assert result.index.opened == len(opened & {row.pk for row in rows}) > 0
    assert results.rest.index.pushed == Message.objects.filter(task=task, status=0).count()
    assert (results.rest.delivered, results.rest.index.opened) == (0, 0)
    assert sum(result.index.pushed for result in (*results.variants, results.rest)) == 150


def test_a_tie_is_said_and_the_first_is_sent(workspace: Workspace, push: Push, at: Clock) -> None:
    fleet(workspace, 60)
    task = push(30, 30)
    load.load_all()
    at.pass_by(seconds=600)
    load.load_all()
    test = AbTest.objects.get()
    assert (test.winner, test.is_significant) == ("A", False)
    assert TestResults.of(task, test).comparison.is_tie


def test_where_significance_is_required_somebody_decides_what_may_be_chance(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock
) -> None:
    devices = fleet(workspace, 100)
    task = push(20, 20, require_significance=True)
    load.load_all()
    at.pass_by(seconds=600)
    load.load_all()
    test = AbTest.objects.get()
    assert (state(task), test.winner, test.is_significant) == (State.UNDECIDED, "", False)
    assert not load.any_waiting()
    decision.decide_by_hand(workspace, task.pk, "B", author="ann")
    load.load_all()
    assert titles(task) == planned(task, devices, (20, 20), winner="B")
    assert AbTest.objects.get().decided_by == "ann"


def test_a_significant_difference_decides_where_significance_is_required(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock
) -> None:
    fleet(workspace, 100)
    task = push(30, 30, require_significance=True)
    load.load_all()
    deliver(task, {"A": (1, 10), "B": (9, 10)})
    at.pass_by(seconds=600)
    load.load_all()
    assert (state(task), AbTest.objects.get().winner) == (State.DECIDED, "B")


def test_a_test_by_hand_waits_for_a_hand_and_takes_no_part_of_the_limit(
    workspace: Workspace, push: Push, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushcore.audience.walks.MAX_OPEN", 1)
    monkeypatch.setattr("pushcore.audience.walks.MAX_UNDECIDED", 2)
    fleet(workspace, 30)
    by_hand: dict[str, Any] = {"winner": "manual", "test_seconds": None}
    task = push(20, 20, **by_hand)
    with pytest.raises(ResultError, match="does not have its messages yet"):
        decision.decide_by_hand(workspace, task.pk, "A", author="ann")
    load.load_all()
    push(20, 20, msgkey="k2", **by_hand)
    load.load_all()
    with pytest.raises(ResultError, match="2 A/B tests are undecided"):
        push(20, 20, msgkey="k3", **by_hand)
    push(variants=(), msgkey="k4", test_seconds=None)
    load.load_all()
    with pytest.raises(ResultError, match="variant is one of A, B"):
        decision.decide_by_hand(workspace, task.pk, "C", author="ann")
    decision.decide_by_hand(workspace, task.pk, "B", author="ann")
    decision.decide_by_hand(workspace, task.pk, "B", author="ann")
    with pytest.raises(ResultError, match="variant B is decided already"):
        decision.decide_by_hand(workspace, task.pk, "A", author="ann")
    load.load_all()
    assert len(titles(task)) == 30


def test_without_a_decision_in_time_the_rest_gets_nothing(workspace: Workspace, push: Push, at: Clock) -> None:
    devices = fleet(workspace, 60)
    task = push(20, 20, winner="manual", test_seconds=None)
    load.load_all()
    at.at = AbTest.objects.get().decide_by - timedelta(seconds=1)
    load.load_all()
    assert state(task) is State.UNDECIDED
    at.pass_by(seconds=1)
    load.load_all()
    assert state(task) is State.ENDED
    assert titles(task) == planned(task, devices, (20, 20))
    with pytest.raises(ResultError, match="the time to decide is over"):
        decision.decide_by_hand(workspace, task.pk, "A", author="ann")
    assert load.load_all() == 0


def test_a_revoked_test_decides_nothing(workspace: Workspace, push: Push, at: Clock) -> None:
    devices = fleet(workspace, 60)
    task = push(20, 20)
    load.load_all()
    revocations.revoke_task(workspace, task.pk)
    with pytest.raises(ResultError, match="revoked"):
        decision.decide_by_hand(workspace, task.pk, "A", author="ann")
    at.pass_by(seconds=600)
    load.load_all()
    assert state(task) is State.ENDED
    assert titles(task) == planned(task, devices, (20, 20))


def test_what_is_revoked_while_the_test_group_is_walked_has_no_rest(
    workspace: Workspace, push: Push, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(workspace, 60)
    task = push(40, 40)
    delivered = messages.deliver

    def revoking(*arguments: Any) -> None:
        delivered(*arguments)
        revocations.revoke_task(workspace, task.pk)

    monkeypatch.setattr(messages, "deliver", revoking)
    load.load_all()
    assert state(task) is State.ENDED
    at.pass_by(seconds=600)
    assert load.load_all() == 0


def test_devices_change_their_minds_and_get_it_once(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock
) -> None:
    """Who meets the condition when the rest is sent gets it, unless it was tested; later devices do not."""
    devices = fleet(workspace, 120)
    dice = random.Random(3)
    Device.objects.filter(pk__in=dice.sample(devices, 60)).update(country="CN")
    task = push(20, 20, condition={"country": "CN"})
    load.load_all()
    tested = titles(task)
    Device.objects.update(country="")
    now_met = dice.sample(devices, 60)
    fleet(workspace, 20)
    Device.objects.filter(pk__in=[*now_met, *range(max(devices) + 1, max(devices) + 21)]).update(country="CN")
    at.pass_by(seconds=600)
    load.load_all()
    rest = planned(task, now_met, (20, 20), winner="A").keys() - planned(task, now_met, (20, 20)).keys()
    assert titles(task).keys() == tested.keys() | rest


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (TestGroupSource, "finish"), (RestSource, "finish"), (DecidingSource, "finish"), (GroupSource, "advance"),
        (messages, "copy"), (messages, "deliver"), (decision, "_decide"),
    ],
)  # fmt: skip
def test_a_worker_continues_where_one_died(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock, monkeypatch: pytest.MonkeyPatch,
    where: Any, name: str,
) -> None:  # fmt: skip
    """Whatever it was doing in either walk or between, no device is left out and none gets it twice."""
    devices = fleet(workspace, 60)
    task = push(20, 30)
    working, calls = getattr(where, name), itertools.count(0)

    def dying(*arguments: Any, **named: Any) -> Any:
        number = next(calls)
        if number % 6 == 0:
            raise KeyboardInterrupt
        result = working(*arguments, **named)
        if number % 6 == 3:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(where, name, dying)
    for _ in range(120):
        try:
            load.load_all()
        except KeyboardInterrupt:
            AudienceWalk.objects.update(leased_until=None)  # its lease lapses
        if AudienceWalk.objects.filter(finished_at__isnull=False).exists():
            break
        at.pass_by(seconds=60)
    assert titles(task) == planned(task, devices, (20, 30), winner="A")
    task.refresh_from_db()
    assert task.message_count == 60


def test_workers_and_deciders_at_once_decide_once(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock
) -> None:
    devices = fleet(workspace, 60)
    for number in range(6):
        task = push(20, 20, 20, msgkey=f"k{number}")
        load.load_all()
        deliver(task, {"A": (1, 2), "B": (1, 3)})
        at.pass_by(seconds=600)

        def decide(worker: int, task: PushTask = task) -> str:
            if worker < 2:
                load.load_all()
                return ""
            variant = "ABC"[worker % 3]
            try:
                decision.decide_by_hand(workspace, task.pk, variant, author=variant)
            except ResultError:
                return ""
            return variant

        said = {variant for variant in at_once(5, decide) if variant}
        load.load_all()
        test = AbTest.objects.get(pk=task.pk)
        assert said <= {test.winner}
        assert titles(task) == planned(task, devices, (20, 20, 20), winner=test.winner)


def test_a_paced_test_keeps_its_pace_in_both_walks(
    workspace: Workspace, push: Push, lane: RecordingLane, at: Clock
) -> None:
    devices = fleet(workspace, 60)
    task = push(10, 20, messages_per_second=5)
    made = []
    for _ in range(700):
        made.append(load.load_all())
        if AudienceWalk.objects.get().finished_at:
            break
        at.pass_by(seconds=1)
    # What two seconds of waiting and a block add is made good.
    assert all(sum(made[first:last]) <= 5 * (last - first + 2) for last in range(len(made)) for first in range(last))
    assert titles(task) == planned(task, devices, (10, 20), winner="A")


def test_a_push_with_variants_is_the_same_when_it_is_read_again() -> None:
    request = AudiencePush(
        condition={"tag": "vip"}, msgkey="k", expired_seconds=9, title="T", content="C", variants=variants(30, 30),
        test_seconds=90,
    )  # fmt: skip
    assert from_json(request.kind, as_json(request)) == request
    other = AudiencePush(**(as_json(request) | {"variants": variants(30, 31)}))
    assert request.fingerprint() != other.fingerprint()


def test_a_test_is_deleted_with_its_push(workspace: Workspace, push: Push, at: Clock) -> None:
    push(50, 50)
    load.load_all()
    at.pass_by(days=400)
    purge()
    assert not AbTest.objects.exists()
    assert not AudienceWalk.objects.exists()


def test_the_validity_leaves_time_to_decide(push: Push, settings: Any) -> None:
    settings.MAX_EXPIRED_SECONDS = 10_000
    by_hand: dict[str, Any] = {"winner": "manual", "test_seconds": None}
    with pytest.raises(ResultError, match="at most 6400 seconds") as refused:
        push(10, 10, expired_seconds=6401, **by_hand)
    assert refused.value.result == ResultCode.EXPIREDTIME_TOO_LONG
    with pytest.raises(ResultError, match="from 60 to 2800"):
        push(10, 10, test_seconds=2801, require_significance=True)
    task = push(10, 10, test_seconds=2800, require_significance=True)
    assert task.expire_at == task.created_at + timedelta(seconds=10_000)


LONGEST = "testSeconds is from 60 to"


@pytest.mark.parametrize(
    ("shares", "changes", "said"),
    [
        ((10,), {}, "2 to 5"),
        ((10,) * 5, {"variants": (*variants(1, 1, 1, 1, 1), Variant(name="F", share=1))}, "2 to 5"),
        ((60, 50), {}, "more than 100"),
        ((0, 50), {}, "share of A is a whole number"),
        ((1, 1), {"variants": (Variant(name="A", share=1), Variant(name="C", share=1))}, "their names"),
        ((1, 1), {"variants": (Variant(name="A", share=1), Variant(name="A", share=1))}, "their names"),
        ((10, 10), {"local_time": "09:00"}, "not with localTime"),
        ((10, 10), {"over_seconds": 60}, "not with localTime, bestTime and overSeconds"),
        ((10, 10), {"best_time_hours": 24}, "not with localTime, bestTime and overSeconds"),
        ((10, 10), {"winner": "clicks"}, "winner is one of opens, manual"),
        ((10, 10), {"test_seconds": None}, "testSeconds is missing"),
        ((10, 10), {"test_seconds": 59}, LONGEST),
        ((10, 10), {"test_seconds": 10**9}, LONGEST),
        ((10, 10), {"winner": "manual"}, "are for opens"),
        ((50, 50), {"winner": "manual"}, "all of the audience is tested"),
        ((50, 50), {"test_seconds": 60}, "all of the audience is tested"),
        ((), {"test_seconds": 60}, "need variants"),
        ((), {"test_seconds": None, "winner": "manual"}, "need variants"),
        ((1, 1), {"variants": (Variant(name="A", share=1), Variant(name="B", share=1, title="x" * 201))}, "title"),
        (
            (1, 1),
            {"variants": (Variant(name="A", share=1), Variant(name="B", share=1, template_key_value={"a": "b"}))},
            "needs templateName",
        ),
        ((1, 1), {"template_name": "hello", "title": "", "content": ""}, "has templateKeyValue only"),
    ],
)
def test_variants_that_break_a_limit_are_refused(
    push: Push, shares: tuple[int, ...], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ResultError, match=said) as refused:
        push(*shares, **changes)
    assert refused.value.result == ResultCode.INVALID_PARAM
    assert not PushTask.objects.exists()
