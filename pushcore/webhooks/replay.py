"""Post events again, one or those of a time range; post a test event."""

from __future__ import annotations

import json
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from pushcore.callbacks import sender_signals
from pushcore.callbacks.post_queue import GIVE_UP_AFTER, LEASE, Attempt, QueuedPost
from pushcore.callbacks.webhook_client import WebhookResult, post
from pushcore.models import WebhookDelivery, WebhookEndpoint
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements
from pushcore.webhooks import event_types
from pushcore.webhooks.deliveries import QUEUE, UNSIGNED

_SQL = statements(__file__)

# What one call replays at most; who needs more calls again with a later start.
MAX_REPLAYED = 100_000
_STEP = 5_000


def replay(delivery: WebhookDelivery) -> None:
    """Post one event again, whatever became of it. It keeps its ID."""
    now = clock.now()
    with transaction.atomic():
        WebhookDelivery.objects.filter(pk=delivery.pk).update(
            state=WebhookDelivery.State.DUE, queued_at=now, next_attempt_at=now, finished_at=None, attempt_count=0
        )
        transaction.on_commit(sender_signals.wake_sender)


def replay_range(endpoint: WebhookEndpoint, since: datetime, until: datetime, *, failed_only: bool = True) -> int:
    """Post an endpoint's events of a time range again, in steps; those that wait anyway are left alone.

    Args:
        endpoint: The endpoint.
        since: The first time.
        until: The time after the last.
        failed_only: Only those that were given up, not those that were delivered.

    Returns:
        How many will be posted again, at most `MAX_REPLAYED`, the earliest.
    """
    states = [WebhookDelivery.State.FAILED] if failed_only else [WebhookDelivery.State.FAILED, "delivered"]
    position, last, replayed = ids.first_id_at(since) - 1, ids.first_id_at(until), 0
    while replayed < MAX_REPLAYED:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                _SQL["replay"],
                {
                    "endpoint": endpoint.pk,
                    "after": position,
                    "before": last,
                    "states": [str(state) for state in states],
                    "now": clock.now(),
                    "at_most": min(_STEP, MAX_REPLAYED - replayed),
                },
            )
            found = [key for (key,) in cursor.fetchall()]
            transaction.on_commit(sender_signals.wake_sender)
        if not found:
            break
        replayed, position = replayed + len(found), max(found)
    return replayed


def send_test(endpoint: WebhookEndpoint) -> WebhookResult:
    """Post an event of type `webhook.test` once, wait for the answer, and note it in the endpoint's log."""
    now = clock.now()
    [key] = ids.new_ids(1)
    data = json.dumps({"endpoint": endpoint.description or "webhook"}, ensure_ascii=False)
    # Leased, so that no sender takes it, and never repeated: its time is over.
    WebhookDelivery.objects.create(
        pk=key,
        workspace_id=endpoint.workspace_id,
        endpoint=endpoint,
        event_type=event_types.TEST,
        data=data,
        queued_at=now - GIVE_UP_AFTER,
        next_attempt_at=now + LEASE,
    )
    leased = QueuedPost(key, key, endpoint.pk, event_types.TEST, data, 0, now - GIVE_UP_AFTER)
    try:
        request = QUEUE.endpoints([endpoint.pk])[endpoint.pk].request([leased])
    except ValueError:
        result = WebhookResult(None, UNSIGNED, 0)
    else:
        result = post([request], allow_private=settings.RECEIPT_ALLOW_PRIVATE)[0]
    QUEUE.record([Attempt(leased, result, clock.now())])
    return result
