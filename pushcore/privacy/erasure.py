"""Erase what is kept of a user.

At once go the user's bindings, profile and aliases, so nothing is delivered to the user any more. Messages follow in
steps: what waits is revoked, and then each message loses its target, msgkey and own content. Their rows stay, for they
are counted. A message whose receipt is still to be sent keeps its target until it was sent or given up, at most a day;
so does an event of a webhook.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet

from pushcore.categories import caps
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.devices.changes import tell_changed
from pushcore.devices.target_names import clean_user_id
from pushcore.inbox.owners import InboxOwner
from pushcore.models import (
    AudienceProfile,
    Binding,
    CapCount,
    Erasure,
    FileFault,
    InboxMark,
    Message,
    OpenHours,
    PushTask,
    UserAlias,
    Workspace,
)
from pushcore.models.pushes import DeliveryType
from pushcore.ports import Outcome
from pushcore.privacy import schedules
from pushcore.storage import clock
from pushcore.storage.sql import statements
from pushcore.storage.wake import wake_task

_SQL = statements(__file__)

# Messages erased by one transaction.
STEP = 1000
# Events of webhooks looked at by one transaction.
EVENTS_STEP = 10_000
# Done before the caller is answered; the worker does the rest.
INLINE_SECONDS = 1.0


def erase(workspace: Workspace, user_id: str, *, source: PushTask.Source, author: str) -> Erasure:
    """Erase what is kept of a user; an erasure of the user that is not finished goes on.

    Whatever names the user afterwards, such as a push or a bind, is kept as that of any other.

    Raises:
        ResultError: No user ID (NEED_USERID), or one too long (INVALID_PARAM).
    """
    user = clean_user_id(user_id)
    with transaction.atomic():
        erasure, _ = Erasure.objects.get_or_create(
            workspace=workspace,
            user_id=user,
            finished_at=None,
            defaults={"source": source, "author": author[:150], "requested_at": clock.now()},
        )
        _erase_what_identifies(erasure)
    if not work_off(erasure.pk, budget_seconds=INLINE_SECONDS):
        wake_task("pushcore.erase_users")
    erasure.refresh_from_db()
    return erasure


def _erase_what_identifies(erasure: Erasure) -> None:
    """Delete the user's bindings, profile, aliases and histogram of opens, and take the user out of schedules."""
    workspace, user = erasure.workspace, erasure.user_id
    aliases = list(UserAlias.objects.filter(workspace=workspace, user_id=user).values_list("alias", flat=True))
    bound = Binding.objects.select_for_update().filter(workspace=workspace, user_id=user).order_by("pk")
    bindings = list(bound.values_list("pk", "device_id", "unbound_at"))
    Binding.objects.filter(pk__in=[pk for pk, _, _ in bindings]).delete()
    AudienceProfile.objects.filter(workspace=workspace, user_id=user, device__isnull=True).delete()
    UserAlias.objects.filter(workspace=workspace, user_id=user).delete()
    InboxMark.objects.filter(workspace=workspace, owner=InboxOwner(workspace.pk, user_id=user).of_user).delete()
    OpenHours.objects.filter(workspace=workspace, user_id=user).delete()
    CapCount.objects.filter(category__workspace=workspace, subject=caps.subject_of_user(user)).delete()
    schedules.take_out(workspace, {user, *aliases})
    Erasure.objects.filter(pk=erasure.pk).update(bindings=F("bindings") + len(bindings))
    tell_changed([device_id for _, device_id, unbound_at in bindings if unbound_at is None])


def any_unfinished() -> bool:
    """Return whether an erasure is not finished."""
    return Erasure.objects.filter(finished_at__isnull=True).exists()


def work_off_all(*, budget_seconds: float = 20.0) -> None:
    """Go on with erasures that are not finished, until the time is spent. Called periodically."""
    deadline = time.monotonic() + budget_seconds
    for erasure_id in (
        Erasure.objects.filter(finished_at__isnull=True).order_by("pk").values_list("pk", flat=True)[:1000]
    ):
        left = deadline - time.monotonic()
        if left <= 0:
            return
        work_off(erasure_id, budget_seconds=left)


def work_off(erasure_id: int, *, budget_seconds: float) -> bool:
    """Erase the messages of a user. Safe to run at once with itself and to be cut off: a step is one transaction.

    Returns:
        Whether nothing is left.
    """
    deadline = time.monotonic() + budget_seconds
    while (erased := _erase_step(erasure_id)) is not None:
        if not erased or time.monotonic() >= deadline:
            return False
    return True


def _erase_step(erasure_id: int) -> int | None:
    """Erase the next messages; returns how many, None once the erasure is finished."""
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update().filter(pk=erasure_id, finished_at__isnull=True).first()
        if erasure is None:
            return None
        waiting = _messages_of(erasure).filter(status__in=statuses.PENDING)
        revoked = list(waiting.order_by("pk").values_list("pk", flat=True)[:STEP])
        if revoked:
            return outcomes.record([Outcome(message_id, statuses.REVOKED) for message_id in revoked])
        with connection.cursor() as cursor:
            cursor.execute(_SQL["erase"], _parameters(erasure) | {"at_most": STEP})
            erased: int = cursor.rowcount
        Erasure.objects.filter(pk=erasure_id).update(messages=F("messages") + erased)
        if erased or _messages_of(erasure).exists():
            return erased
        return _erase_events(erasure)


def _erase_events(erasure: Erasure) -> int | None:
    """Take the user out of the next events of webhooks, or wait while one is still to be posted.

    Returns:
        How many events were looked at, 0 where one is waited for; None once that was the last and all is finished.
    """
    parameters = _parameters(erasure) | {"after": erasure.position, "at_most": EVENTS_STEP}
    with connection.cursor() as cursor:
        cursor.execute(_SQL["erase_events"], parameters)
        looked_at, last, due = cursor.fetchone()
    if due:
        return 0
    if looked_at == EVENTS_STEP:
        Erasure.objects.filter(pk=erasure.pk).update(position=last)
        return int(looked_at)
    _finish(erasure)
    return None


def _finish(erasure: Erasure) -> None:
    """Delete what reports of files quote of the user, and the user's ID from the erasure itself."""
    files = FileFault.objects.filter(file__workspace=erasure.workspace_id)
    files.filter(record__startswith=f"{erasure.user_id},").delete()
    Erasure.objects.filter(pk=erasure.pk).update(user_id="", finished_at=clock.now())


def _messages_of(erasure: Erasure) -> QuerySet[Message]:
    return Message.objects.filter(
        workspace=erasure.workspace_id, target=erasure.user_id, delivery_type=DeliveryType.USER
    )


def _parameters(erasure: Erasure) -> dict[str, Any]:
    return {
        "workspace": erasure.workspace_id,
        "user": erasure.user_id,
        "to_users": DeliveryType.USER.value,
        "own_content": [PushTask.Kind.SIMPLE.value, PushTask.Kind.TEMPLATE.value],
    }
