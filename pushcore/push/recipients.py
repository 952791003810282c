"""Recipients: the targets that a push names, each with its msgkey, in the spelling they are kept in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pushcore.audience import aliases
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.target_names import clean_target
from pushcore.models import Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push.idempotency import IdempotencyKey
from pushcore.push.requests import AnyPush, AudiencePush, BroadcastPush, MultiplePush

MAX_TARGETS = 10
MAX_MULTIPLE_TARGETS = 400
MAX_MSGKEY_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Recipient(IdempotencyKey):
    """A target and its msgkey. `override`: what of the content is this recipient's own, in a multiple push."""

    override: dict[str, Any] | None = None


def recipients_of(request: AnyPush) -> list[Recipient]:
    """Return whom a push names: nobody, where it is a broadcast or goes to an audience.

    Raises:
        ResultError: Too few or too many targets, or the first that is misspelled or named twice.
    """
    if isinstance(request, BroadcastPush | AudiencePush):
        check_msgkey(request.msgkey)
        return []
    if isinstance(request, MultiplePush):
        if len(request.target_msg) > MAX_MULTIPLE_TARGETS:
            raise ResultError(ResultCode.MULTIPLE_TARGET_NUMBER_TOO_MUCH, f"at most {MAX_MULTIPLE_TARGETS}")
        recipients = _recipients(request.delivery_type, [(entry.target, entry.msgkey) for entry in request.target_msg])
        if repeated := next((one for one, count in Counter(recipients).items() if count > 1), None):
            raise ResultError(ResultCode.INVALID_PARAM, f"msgkey {repeated.msgkey!r} is named twice for one target")
        return recipients
    if len(request.target_msgkey) > MAX_TARGETS:
        raise ResultError(ResultCode.SINGLE_PUSH_TARGET_TOO_MUCH)
    recipients = _recipients(request.delivery_type, list(request.target_msgkey.items()))
    if len({recipient.target for recipient in recipients}) < len(recipients):
        raise ResultError(ResultCode.INVALID_PARAM, "a target is named twice, in two spellings")
    return recipients


def by_users(workspace: Workspace, delivery_type: int, recipients: list[Recipient]) -> list[Recipient]:
    """Put the users in the place of their aliases.

    Raises:
        ResultError: Two recipients are one user, with one msgkey (INVALID_PARAM).
    """
    if delivery_type != DeliveryType.USER:
        return recipients
    users = aliases.users_of(workspace, [recipient.target for recipient in recipients])
    if not users:
        return recipients
    recipients = [replace(one, target=users.get(one.target, one.target)) for one in recipients]
    keys = Counter((one.target, one.msgkey) for one in recipients)
    if repeated := next((key for key, count in keys.items() if count > 1), None):
        raise ResultError(
            ResultCode.INVALID_PARAM,
            f"msgkey {repeated[1]!r} is named twice for one user, of whom one name is an alias",
        )
    return recipients


def _recipients(delivery_type: int, named: Sequence[tuple[str, str]]) -> list[Recipient]:
    if not named:
        raise ResultError(ResultCode.TOKEN_OR_USERID_NULL)
    return [Recipient(check_target(delivery_type, target, msgkey), msgkey) for target, msgkey in named]


def check_target(delivery_type: int, target: str, msgkey: str) -> str:
    """Return the target as it is kept (`pushcore.devices.target_names`).

    Raises:
        ResultError: The target or its msgkey breaks a limit.
    """
    check_msgkey(msgkey)
    return clean_target(delivery_type, target)


def check_msgkey(msgkey: str) -> None:
    """Check a msgkey, the backend's own id of a message.

    Raises:
        ResultError: It is blank or too long (INVALID_PARAM).
    """
    if not msgkey.strip():
        raise ResultError(ResultCode.INVALID_PARAM, "a msgkey is empty")
    if len(msgkey) > MAX_MSGKEY_LENGTH:
        raise ResultError(ResultCode.INVALID_PARAM, f"msgkey is longer than {MAX_MSGKEY_LENGTH} characters")
