"""SMS in the server API: the wish, the dry run, and the counters of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pushcore.models import PushTask, Schedule
from pushcore.ports import sms_complement
from pushcore.storage import clock
from sms.dispatch import sender
from sms.models import SmsAccount, SmsMessage
from tests.pushcore.api.callers import Rest, Rpc2020
from tests.pushcore.api.samples import REQUESTS, SCOPE
from tests.pushcore.conftest import RecordingLane
from tests.sms.conftest import ANN, NUMBERS, Clock
from tests.sms.simulated import SimulatedProvider

WISH = {"smsStrategy": 1, "smsDelaySeconds": 30, "smsSignName": "Shop"}
SIMPLE = REQUESTS["PushSimple"] | {"deliveryType": 3, "targetMsgkey": {ANN: "k1"}, "content": "Your code is 1234"}


def test_both_apis_take_the_wish_and_tell_what_became_of_it(
    rest: Rest, rpc2020: Rpc2020, account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any],
    lane: RecordingLane, at: Clock,
) -> None:  # fmt: skip
    user()
    assert rest.answer("PushSimple", SIMPLE | WISH) == "100"
    assert rpc2020.answer("PushSimple", SIMPLE | WISH | {"targetMsgkey": {ANN: "k2"}}) == "100"
    assert SmsMessage.objects.count() == 2
    at.pass_by(31)
    assert sender.send_due() == 2
    assert (dict(provider.sent), set(provider.texts)) == ({NUMBERS[ANN]: 2}, {"[Shop] Your code is 1234"})
    task = PushTask.objects.order_by("pk").first()
    assert task is not None
    said = rest.call("analysis/task", SCOPE | {"taskId": str(task.pk)})["data"]["sms"]
    assert (said["sent"], said["segments"], said["waiting"], said["costs"]) == (1, 2, 0, {})


def test_a_task_without_sms_says_nothing_of_it(rest: Rest, account: SmsAccount, lane: RecordingLane) -> None:
    assert rest.answer("PushSimple", SIMPLE | {"smsStrategy": 0}) == "100"
    task = PushTask.objects.get()
    assert "sms" not in rest.call("analysis/task", SCOPE | {"taskId": str(task.pk)})["data"]
    assert sms_complement().summary(task) is None


def test_a_dry_run_shows_the_text_and_sends_nothing(
    rest: Rest, account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], lane: RecordingLane
) -> None:
    user()
    user()
    said = rest.call("push/simple", SIMPLE | WISH | {"dryRun": True})["data"]
    assert said["sms"] == {
        "messages": 1, "afterSeconds": 30, "texts": [{"target": ANN, "text": "[Shop] Your code is 1234"}]
    }  # fmt: skip
    assert not SmsMessage.objects.exists()
    assert "sms" not in rest.call("push/simple", SIMPLE | {"dryRun": True})["data"]


def test_a_schedule_keeps_the_wish(rest: Rest, account: SmsAccount) -> None:
    tomorrow = int((clock.time() + 86_400) * 1000)
    later = {"strategyType": 1, "strategyContent": {"fixedTime": tomorrow}}
    answer = rest.call("push/simple", SIMPLE | WISH | later)
    assert answer["code"] == "100", answer
    assert Schedule.objects.get().request["sms"] == WISH
