"""An erased user gets no SMS, and none of theirs keeps what it said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pushcore.models import PushTask, Workspace
from pushcore.ports import sms_complement
from pushcore.privacy import erasure
from sms.dispatch import sender
from sms.models import SmsAccount, SmsMessage
from tests.sms.conftest import ANN, Clock, Push
from tests.sms.simulated import SimulatedProvider


def test_an_erased_user_gets_no_sms_and_what_it_said_is_gone(
    workspace: Workspace, account: SmsAccount, provider: SimulatedProvider, user: Callable[..., Any], push: Push,
    at: Clock, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(erasure, "wake_task", lambda *_arguments, **_options: True)
    user()
    task = push(sms={"smsStrategy": 1, "smsDelaySeconds": 30, "smsText": "Dear Ann"})
    erasure.erase(workspace, ANN, source=PushTask.Source.RPC, author="test")
    erasure.work_off_all()
    at.pass_by(31)
    assert sender.send_due() == 0
    assert (dict(provider.sent), SmsMessage.objects.get().state) == ({}, SmsMessage.State.WITHDRAWN)
    task.refresh_from_db()
    assert task.sms == {"delay_seconds": 30}
    summary = sms_complement().summary(task)
    assert summary is not None
    assert summary.counts["WITHDRAWN"] == 1
