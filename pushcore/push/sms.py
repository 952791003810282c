"""SMS complement: what a push asks of it, and the messages that are handed over to be complemented.

The parameters are the cloud's (`smsStrategy`, `smsSignName`, `smsTemplateCode`, `smsTemplateParam`), and two of ours
(`smsDelaySeconds`, `smsText`). Requests keep them by these names. The rows and the sending are the package `sms`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Message, PushTask, Workspace
from pushcore.models.pushes import ACTIVITIES
from pushcore.ports import MessageToComplement, SmsWish, sms_complement
from pushcore.push.requests import AnyPush, FilePush, MultiplePush, SimplePush, TemplatePush

if TYPE_CHECKING:
    from pushcore.push.new_push import NewPush

DEFAULT_DELAY_SECONDS = 60
MAX_TEXT_LENGTH = 500
MAX_PARAM_LENGTH = 2000
_PARAMETER = re.compile("sms[A-Za-z]+")
_LONGEST = {"smsSignName": 64, "smsTemplateCode": 64, "smsTemplateParam": MAX_PARAM_LENGTH, "smsText": MAX_TEXT_LENGTH}


class SmsStrategy(IntEnum):
    """When an SMS is sent (`smsStrategy`)."""

    NONE = 0
    # Where the message did not arrive in time.
    SUPPLEMENT = 1
    # Beside the message.
    CONCURRENT = 2


def check(request: AnyPush | FilePush) -> None:
    """Check what a request says of SMS by itself.

    Raises:
        ResultError: INVALID_PARAM.
    """
    given = request.sms
    strategy = given.get("smsStrategy")
    if strategy is None:
        if given:
            raise _invalid(f"{next(iter(given))} needs smsStrategy, 1 or 2")
        return
    if strategy not in list(SmsStrategy):
        raise _invalid("smsStrategy is 0 (none), 1 (where the message does not arrive in time) or 2 (beside it)")
    if strategy == SmsStrategy.NONE:
        return
    if not isinstance(request, SimplePush | TemplatePush | MultiplePush) or request.delivery_type in ACTIVITIES:
        raise _invalid("smsStrategy: an SMS complements pushes that name users or devices")
    for name, longest in _LONGEST.items():
        if len(given.get(name) or "") > longest:
            raise _invalid(f"{name} is longer than {longest} characters")
    _check_param(given.get("smsTemplateParam") or "")
    delay = given.get("smsDelaySeconds")
    if delay is not None and strategy != SmsStrategy.SUPPLEMENT:
        raise _invalid("smsDelaySeconds needs smsStrategy 1")
    if delay is not None and not 1 <= delay <= request.expired_seconds:
        raise _invalid("smsDelaySeconds is from 1 to expiredSeconds")


def wish_of(workspace: Workspace, request: AnyPush) -> SmsWish | None:
    """Return what a checked request asks for; None where it wants no SMS.

    Raises:
        ResultError: The workspace cannot send it (INVALID_PARAM).
    """
    given = request.sms
    strategy = given.get("smsStrategy") or SmsStrategy.NONE
    if strategy == SmsStrategy.NONE:
        return None
    delay = 0
    if strategy == SmsStrategy.SUPPLEMENT:
        delay = given.get("smsDelaySeconds") or min(DEFAULT_DELAY_SECONDS, request.expired_seconds)
    names = ("smsSignName", "smsTemplateCode", "smsTemplateParam", "smsText")
    wish = SmsWish(delay, *(given.get(name) or "" for name in names))
    if problem := sms_complement().problem(workspace.pk, wish):
        raise _invalid(problem)
    return wish


def as_json(wish: SmsWish | None) -> dict[str, Any] | None:
    """Return a wish as its task keeps it."""
    return None if wish is None else wish._asdict()


def of_task(task: PushTask) -> SmsWish | None:
    """Return what a task asks for; None where it wants no SMS."""
    return None if task.sms is None else SmsWish(**task.sms)


def add(pushes: Iterable[NewPush]) -> None:
    """Hand over the messages of pushes that want SMS, in the transaction that inserts them.

    One for each recipient, however many devices it has: the first message stands for all of the recipient's.
    """
    entries = [entry for push in pushes if push.task.sms is not None for entry in _entries(push)]
    if entries:
        sms_complement().add(entries)


def _entries(push: NewPush) -> Sequence[MessageToComplement]:
    wish = of_task(push.task)
    assert wish is not None
    due_at = push.task.created_at + timedelta(seconds=wish.delay_seconds)
    return [
        MessageToComplement(message.pk, push.task.pk, push.task.workspace_id, due_at)
        for message in first_of_each(push.messages)
    ]


def first_of_each(messages: Iterable[Message]) -> list[Message]:
    """Return the first message of each recipient, which an SMS is sent for."""
    first: dict[tuple[str, str], Message] = {}
    for message in messages:
        first.setdefault((message.target, message.msgkey), message)
    return list(first.values())


def text_of(wish: SmsWish, content: Mapping[str, Any]) -> str:
    """Return the text of an SMS: the push's own for SMS, else the message's body."""
    return wish.text or str(content.get("content", ""))


def _check_param(param: str) -> None:
    """Refuse template parameters that are no JSON object of texts and numbers."""
    if not param:
        return
    try:
        values = json.loads(param)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str | int | float) for value in values.values()):
        raise _invalid("smsTemplateParam is a JSON object of texts and numbers")


def _invalid(problem: str) -> ResultError:
    """Return the refusal of what a sentence says; it begins with the parameter's name."""
    named = _PARAMETER.match(problem)
    return ResultError(ResultCode.INVALID_PARAM, problem, parameter=named[0] if named else "")
