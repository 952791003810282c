"""Messages that do not arrive in time are complemented by SMS, each once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.codes.results import ResultError
from pushcore.delivery import outcomes
from pushcore.devices import bindings
from pushcore.models import Device, Message, PushTask, Workspace
from pushcore.ports import Outcome, sms_complement
from pushcore.revocation import revocations
from sms.dispatch import sender
from sms.models import SmsAccount, SmsMessage
from tests.pushcore.conftest import RecordingLane
from tests.sms.conftest import ANN, BEN, NUMBERS, Clock, Push
from tests.sms.simulated import SimulatedProvider
from tests.support.threads import in_background

State = SmsMessage.State
_transactional = pytest.mark.django_db(transaction=True)
CONCURRENT = {"smsStrategy": 2}


def states() -> list[State]:
    return [State(state) for state in SmsMessage.objects.order_by("pk").values_list("state", flat=True)]


def test_a_message_that_did_not_arrive_in_time_is_sent_by_sms(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    push()
    at.pass_by(29)
    assert sender.send_due() == 0
    assert not sender.any_due()
    at.pass_by(2)
    assert sender.any_due()
    assert sender.send_due() == 1
    assert (dict(provider.sent), provider.texts) == ({NUMBERS[ANN]: 1}, ["Your code is 1234"])
    row = SmsMessage.objects.get()
    assert (row.state, row.due_at, row.segments, row.provider_id) == (State.SENT, None, 2, f"SM{1:032x}")
    at.pass_by(7200)
    assert sender.send_due() == 0


def test_a_message_acknowledged_in_time_is_not_sent_by_sms(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    task = push()
    outcomes.record_acknowledged([message.pk for message in task.own_messages()])
    at.pass_by(31)
    assert sender.send_due() == 0
    assert (dict(provider.sent), states()) == ({}, [State.NOT_NEEDED])


def test_a_user_with_several_devices_gets_one_sms_and_none_once_one_device_has_the_message(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    for name in (ANN, ANN, BEN, BEN):
        user(name)
    task = push(ANN, BEN)
    assert (task.message_count, SmsMessage.objects.count()) == (4, 2)
    last = task.own_messages().filter(target=BEN).order_by("pk").last()
    assert last is not None
    outcomes.record_acknowledged([last.pk])
    at.pass_by(31)
    assert sender.send_due() == 1
    assert dict(provider.sent) == {NUMBERS[ANN]: 1}
    assert states() == [State.SENT, State.NOT_NEEDED]


def test_what_a_vendor_accepted_and_did_not_report_as_arrived_is_complemented(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    task = push()
    vendor = next(channel for channel in Channel if channel.reports_arrival)
    outcomes.record([Outcome(message.pk, statuses.ACKED, vendor) for message in task.own_messages()])
    at.pass_by(31)
    assert sender.send_due() == 1


def test_beside_the_message_the_sms_is_due_at_once(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    push(sms=CONCURRENT)
    assert sender.send_due() == 1


def test_a_push_to_a_device_uses_the_number_of_its_user(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    push(user(BEN).ad_token, delivery_type=1, sms=CONCURRENT)
    assert sender.send_due() == 1
    assert dict(provider.sent) == {"+86" + NUMBERS[BEN]: 1}


def test_without_a_phone_number_none_is_sent(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    known = user()
    push(ANN, "nobody", sms=CONCURRENT)
    bindings.unbind(Device.objects.get(pk=known.id), ANN)
    assert sender.send_due() == 0
    assert states() == [State.NO_NUMBER] * 2


def test_a_revoked_message_is_not_sent_by_sms(
    account: SmsAccount, workspace: Workspace, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    task = push()
    revocations.revoke_task(workspace, task.pk)
    at.pass_by(31)
    assert sender.send_due() == 0
    assert states() == [State.WITHDRAWN]


def test_an_expired_message_is_sent_by_sms(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    task = push(sms={"smsStrategy": 1, "smsDelaySeconds": 300})
    outcomes.record([Outcome(one.pk, statuses.EXPIRED, Channel.SELF_BUILT) for one in task.own_messages()])
    at.pass_by(301)
    assert sender.send_due() == 1


def test_an_sms_that_could_not_be_sent_for_long_is_not_sent_any_more(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    push()
    at.pass_by(30 + 3601)
    assert sender.send_due() == 0
    assert (states(), SmsMessage.objects.get().code) == ([State.FAILED], "too-late")


def test_nothing_is_sent_while_acknowledgements_wait_to_be_recorded(
    account: SmsAccount, user: Callable[..., Any], push: Push, lane: RecordingLane, at: Clock
) -> None:
    user()
    push(sms=CONCURRENT)
    lane.behind = True
    assert sender.send_due() == 0
    lane.behind = False
    assert sender.send_due() == 1


@_transactional
def test_two_workers_send_each_sms_once(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push
) -> None:
    for _ in range(20):
        user(ANN)
    SmsAccount.objects.update(rate=1000)
    for number in range(20):
        push(sms=CONCURRENT, target_msgkey={ANN: f"k{number}"})
    together = threading.Barrier(2)

    def work() -> None:
        together.wait(10)
        sender.send_due()

    workers = [in_background(work) for _ in range(2)]
    for worker in workers:
        worker.join()
    assert dict(provider.sent) == {NUMBERS[ANN]: 20}
    assert set(states()) == {State.SENT}


@_transactional
def test_what_a_killed_worker_may_have_sent_is_not_sent_again_and_counted_as_unknown(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    user()
    task = push(sms=CONCURRENT)
    exchange = sender.exchange

    def killed(*arguments: Any) -> Any:
        exchange(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(sender, "exchange", killed)
    with pytest.raises(KeyboardInterrupt):
        sender.send_due()
    monkeypatch.undo()
    monkeypatch.setattr("pushcore.storage.clock.now", lambda: at.at)
    assert states() == [State.SENDING]
    assert sender.send_due() == 0
    at.pass_by(sender.LEASE.total_seconds() + 1)
    assert sender.any_due()
    assert sender.send_due() == 0
    assert states() == [State.UNKNOWN]
    assert dict(provider.sent) == {NUMBERS[ANN]: 1}
    summary = sms_complement().summary(task)
    assert summary is not None
    assert summary.counts["UNKNOWN"] == 1


@_transactional
def test_what_a_worker_leased_and_did_not_begin_is_sent_by_the_next(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    push(sms=CONCURRENT)
    sender._claim(account.workspace_id, 10, at.at + sender.LEASE)
    assert sender.send_due() == 0
    at.pass_by(sender.LEASE.total_seconds() + 1)
    assert sender.send_due() == 1


@pytest.mark.parametrize("fault", ["reset", "truncate"])
def test_a_call_that_the_provider_may_have_seen_is_not_repeated(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock, fault: str
) -> None:
    user()
    push(sms=CONCURRENT)
    provider.script.faults = [fault]
    sender.send_due()
    at.pass_by(3600)
    sender.send_due()
    assert (states(), dict(provider.sent)) == ([State.UNKNOWN], {})


def test_a_provider_that_is_away_or_asks_for_less_is_asked_again(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    push(sms=CONCURRENT)
    url = account.base_url
    SmsAccount.objects.update(base_url="http://127.0.0.1:9")
    assert sender.send_due() == 0
    SmsAccount.objects.update(base_url=url)
    provider.script.limited = 1
    for _ in range(2):
        at.pass_by(60)
        sender.send_due()
    assert (states(), SmsMessage.objects.get().attempts) == ([State.SENT], 2)
    assert dict(provider.sent) == {NUMBERS[ANN]: 1}


def test_a_refused_account_is_stopped_and_its_sms_wait_for_an_operator(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    push(sms=CONCURRENT)
    account.set_secrets({"auth_token": "wrong"})
    account.save()
    sender.send_due()
    row = SmsAccount.objects.get()
    assert (row.usable, row.stopped_reason, states()) == (False, "20003", [State.WAITING])
    row.set_secrets({"auth_token": "the-secret"})
    row.stopped_at = None
    row.save()
    at.pass_by(61)
    assert sender.send_due() == 1


def test_an_account_sends_no_more_than_its_rate(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    SmsAccount.objects.update(rate=3)
    for number in range(8):
        push(sms=CONCURRENT, target_msgkey={ANN: f"k{number}"})
    assert sender.send_due() == 3
    assert states().count(State.WAITING) == 5


def test_an_account_that_is_switched_off_sends_nothing(
    account: SmsAccount, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    push(sms=CONCURRENT)
    SmsAccount.objects.update(enabled=False)
    assert sender.send_due() == 0
    assert states() == [State.WITHDRAWN]
    with pytest.raises(ResultError, match="no SMS account"):
        push(BEN, sms=CONCURRENT)


@pytest.mark.parametrize(
    ("wish", "changes"),
    [
        ({"smsTemplateCode": "x"}, {}),
        ({"smsStrategy": 3}, {}),
        ({"smsStrategy": 1, "smsDelaySeconds": 301}, {}),
        ({"smsStrategy": 2, "smsDelaySeconds": 1}, {}),
        ({"smsStrategy": 1, "smsTemplateParam": "[1]"}, {}),
        ({"smsStrategy": 1, "smsText": "x" * 501}, {}),
        ({"smsStrategy": 1, "smsTemplateCode": "SMS_1"}, {}),
        (
            {"smsStrategy": 1},
            {"delivery_type": 6, "vendor_options": {"activityEvent": "update", "activityContentState": {"a": 1}}},
        ),
    ],
)
def test_a_wish_that_cannot_be_followed_is_refused(
    account: SmsAccount, push: Push, wish: dict[str, Any], changes: dict[str, Any]
) -> None:
    with pytest.raises(ResultError, match="sms"):
        push(sms=wish, **changes)
    assert not PushTask.objects.exists()


def test_a_push_without_sms_pays_nothing_for_it_and_one_with_it_one_statement(
    account: SmsAccount, user: Callable[..., Any], push: Push
) -> None:
    user()

    def accepted_by(sms: dict[str, Any], number: int) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            push(sms=sms, target_msgkey={ANN: f"q{number}", BEN: f"q{number}"})
        return [query["sql"] for query in captured.captured_queries]

    accepted_by({}, 0)
    assert not any("sms_" in sql for sql in accepted_by({}, 1))
    assert sum("INSERT INTO sms_smsmessage" in sql for sql in accepted_by(CONCURRENT, 2)) == 1
    assert SmsMessage.objects.count() == 2


def test_no_log_and_no_row_has_a_phone_number(
    account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push, at: Clock,
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    user()
    push(sms=CONCURRENT)
    provider.script.tokens[NUMBERS[ANN]] = "21211"
    sender.send_due()
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text FROM sms_smsmessage s")
        kept = str(cursor.fetchall())
    said = kept + caplog.text + "".join(capsys.readouterr())
    assert "138001380" not in said
    assert (states(), SmsMessage.objects.get().code) == ([State.FAILED], "21211")
    assert Message.objects.get().status == statuses.WAITING
