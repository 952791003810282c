"""What of new messages is sent: consent, then frequency caps.

It is decided once, in the transaction that inserts the messages, and written as any other outcome.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Q

from pushcore.categories import caps
from pushcore.categories.caps import Wish
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.models import Device, MessageCategory, PushTask
from pushcore.models.pushes import DeliveryType, DeviceRules
from pushcore.ports import Outcome
from pushcore.storage import clock


class Candidate(NamedTuple):
    """A new message. `device_id`: None where it waits for a device."""

    message_id: int
    task: PushTask
    target: str
    msgkey: str
    device_id: int | None


def decide(candidates: Sequence[Candidate]) -> list[Outcome]:
    """Decide which new messages are not sent, and count the others towards their caps.

    Part of the transaction that inserts the messages. Of a push to a user all messages, one a device, count as one.
    Three statements at most, whatever the number.

    Returns:
        The outcomes of those that are not sent.
    """
    candidates = [candidate for candidate in candidates if candidate.task.message_category]
    if not candidates:
        return []
    refused = _refused(candidates)
    ended = [Outcome(candidate.message_id, statuses.NO_CONSENT) for candidate in refused]
    ids = {candidate.message_id for candidate in refused}
    return ended + _held_back([candidate for candidate in candidates if candidate.message_id not in ids])


def admit(candidates: Sequence[Candidate]) -> None:
    """Decide as `decide`, and record it: for messages that have just been inserted, in the same transaction."""
    outcomes.record(decide(candidates))


def _refused(candidates: Iterable[Candidate]) -> list[Candidate]:
    asked = [one for one in candidates if one.device_id and one.task.device_rules & DeviceRules.CONSENT]
    if not asked:
        return []
    refusing = set(
        Device.objects.filter(pk__in={candidate.device_id for candidate in asked}, marketing_consent=False).values_list(
            "pk", flat=True
        )
    )
    return [candidate for candidate in asked if candidate.device_id in refusing]


def _held_back(candidates: Sequence[Candidate]) -> list[Outcome]:
    capped = _capped({(one.task.workspace_id, one.task.message_category) for one in candidates}) if candidates else {}
    # Messages of one push to one target are sent together, or not at all.
    together: dict[tuple[Wish, int, str, str], list[int]] = defaultdict(list)
    for one in candidates:
        category = capped.get((one.task.workspace_id, one.task.message_category))
        if category is not None and (subject := _subject(one)):
            wish = Wish(category.pk, subject, category.today)
            together[wish, one.task.pk, one.target, one.msgkey].append(one.message_id)
    granted = caps.take(wish for wish, *_ in together)
    held = list[Outcome]()
    for (wish, *_), message_ids in together.items():
        if granted[wish]:
            granted[wish] -= 1
        else:
            held += [Outcome(message_id, statuses.HELD_BACK) for message_id in message_ids]
    return held


class _Capped(NamedTuple):
    """A category that has caps, and the day that it is in its workspace."""

    pk: int
    today: date


def _capped(names: Iterable[tuple[int, str]]) -> dict[tuple[int, str], _Capped]:
    """Return those of the categories that have caps, by workspace and name."""
    wanted, now = Q(), clock.now()
    for workspace_id, name in names:
        wanted |= Q(workspace_id=workspace_id, name=name)
    rows = MessageCategory.objects.filter(wanted, Q(daily_cap__isnull=False) | Q(weekly_cap__isnull=False))
    return {
        (workspace_id, name): _Capped(pk, now.astimezone(ZoneInfo(zone)).date())
        for pk, workspace_id, name, zone in rows.values_list("pk", "workspace_id", "name", "workspace__time_zone")
    }


def _subject(candidate: Candidate) -> str:
    """Return whom a message counts for; empty for a device that nobody has met, which gets none."""
    if candidate.task.delivery_type == DeliveryType.USER:
        return caps.subject_of_user(candidate.target)
    return f"d{candidate.device_id}" if candidate.device_id else ""
