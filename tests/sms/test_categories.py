"""What a message's category keeps back is not sent by SMS either, and what waits for the end of quiet hours waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest

from pushcore.models import Device, MessageCategory, QuietHours, Workspace
from sms.dispatch import sender
from sms.models import SmsAccount, SmsMessage
from tests.sms.conftest import ANN, Clock, Push

State = SmsMessage.State
CONCURRENT = {"smsStrategy": 2}


def states() -> list[int]:
    return list(SmsMessage.objects.order_by("pk").values_list("state", flat=True))


def test_what_a_cap_holds_back_is_not_sent(
    workspace: Workspace, account: SmsAccount, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    user()
    MessageCategory.objects.create(workspace=workspace, name="offers", daily_cap=1)
    for number in range(2):
        push(sms=CONCURRENT, message_category="offers", target_msgkey={ANN: f"k{number}"})
    assert sender.send_due() == 1
    assert states() == [State.SENT, State.WITHDRAWN]


def test_marketing_goes_to_nobody_who_refused_it(
    workspace: Workspace, account: SmsAccount, user: Callable[..., Any], push: Push, at: Clock
) -> None:
    known = user()
    Device.objects.filter(pk=known.id).update(marketing_consent=False)
    MessageCategory.objects.create(workspace=workspace, name="offers", is_marketing=True)
    push(sms=CONCURRENT, message_category="offers")
    assert sender.send_due() == 0
    assert states() == [State.WITHDRAWN]


@pytest.mark.parametrize("is_bound", [True, False])
def test_in_quiet_hours_an_sms_waits_for_their_end(
    workspace: Workspace, account: SmsAccount, user: Callable[..., Any], push: Push, at: Clock, is_bound: bool
) -> None:
    at.at = at.at.replace(hour=12, minute=0, second=0)
    QuietHours.objects.create(workspace=workspace, starts=time(11), ends=time(13), time_zone="UTC", walked_until=at.at)
    MessageCategory.objects.create(workspace=workspace, name="offers", keeps_quiet_hours=True)
    if is_bound:
        user()
    push(sms=CONCURRENT, message_category="offers", expired_seconds=7200)
    if not is_bound:
        user()
    assert sender.send_due() == 0
    assert states() == [State.WAITING]
    at.pass_by(timedelta(hours=1, minutes=2).total_seconds())
    assert sender.send_due() == 1
