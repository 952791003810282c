"""The queue of webhook events, by endpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import structlog
from cryptography.fernet import InvalidToken
from django.db import models
from django.db.backends.utils import CursorWrapper
from prometheus_client import Counter

from pushcore.callbacks.post_queue import Attempt, Endpoint, PostQueue, QueuedPost, QueueTable
from pushcore.callbacks.webhook_client import WebhookRequest
from pushcore.models import WebhookAttempt, WebhookEndpoint
from pushcore.storage import clock, ids
from pushcore.webhooks import endpoints, signing

log = structlog.get_logger(__name__)

UNSIGNED = "not sent: the secret that signs cannot be read"


@dataclass(frozen=True, slots=True)
class SignedEndpoint(Endpoint):
    """An endpoint as the sender needs it. Without secrets events cannot be signed."""

    url: str
    batch_size: int
    secrets: tuple[str, ...]

    def request(self, posts: Sequence[QueuedPost]) -> WebhookRequest:
        """Return the signed request that carries events of one type."""
        if not self.secrets:
            raise ValueError(UNSIGNED)
        body = (_batch(posts) if self.batch_size > 1 else _single(posts[0])).encode()
        return WebhookRequest(
            self.url, body, signing.headers(_identifier(posts), int(clock.time()), body, self.secrets)
        )


def _single(post: QueuedPost) -> str:
    return f'{{"type":"{post.kind}","timestamp":"{_timestamp(post)}","data":{post.body}}}'


def _batch(posts: Sequence[QueuedPost]) -> str:
    """Return the payload of a batch, which lists its events; a batch of one looks alike."""
    events = ",".join(
        f'{{"id":"{event_id(post.key)}","timestamp":"{_timestamp(post)}","data":{post.body}}}' for post in posts
    )
    return f'{{"type":"{posts[0].kind}","timestamp":"{_timestamp(posts[-1])}","data":{{"events":[{events}]}}}}'


def event_id(key: int) -> str:
    """Return the name of an event in payloads and headers."""
    return f"evt_{key}"


def _identifier(posts: Sequence[QueuedPost]) -> str:
    """Return the `webhook-id`: the event's, or one that the same batch has each time it is posted."""
    if len(posts) == 1:
        return event_id(posts[0].key)
    digest = hashlib.blake2b(",".join(str(post.key) for post in posts).encode(), digest_size=12)
    return f"batch_{digest.hexdigest()}"


def _timestamp(post: QueuedPost) -> str:
    return iso(ids.created_at(post.key))


def iso(moment: datetime) -> str:
    """Return a time as payloads say it: ISO 8601 in UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class WebhookQueue(PostQueue):
    """Events, by endpoint."""

    table = QueueTable(
        name="pushcore_webhookdelivery",
        key="id",
        endpoint="endpoint_id",
        leased="r.id, r.endpoint_id, r.event_type, r.data, r.attempt_count, r.queued_at",
        takes="EXISTS (SELECT FROM pushcore_webhookendpoint e WHERE e.id = {id} AND e.enabled)",
    )
    attempt_model: ClassVar[type[models.Model]] = WebhookAttempt
    attempt_of = "delivery_id"
    counter = Counter("mps_webhook_attempts_total", "Webhook events posted to endpoints, by result.", ["result"])

    def endpoints(self, endpoint_ids: Collection[int]) -> Mapping[int, Endpoint]:
        """Read endpoints with their secrets."""
        return {
            endpoint.pk: SignedEndpoint(endpoint.url, endpoint.batch_size, _secrets(endpoint))
            for endpoint in WebhookEndpoint.objects.filter(pk__in=endpoint_ids)
        }

    def on_recorded(self, cursor: CursorWrapper, attempts: Sequence[Attempt]) -> None:
        """Note which endpoints accept nothing."""
        endpoints.note_attempts(cursor, attempts)

    def give_up_overdue(self, endpoint_ids: Collection[int]) -> int:
        """Do as all queues; also for endpoints that are disabled or deleted, and disable those that are dead."""
        given_up = super().give_up_overdue([*endpoint_ids, *endpoints.without_posts()])
        endpoints.disable_dead()
        return given_up


def _secrets(endpoint: WebhookEndpoint) -> tuple[str, ...]:
    """Return the secrets that sign now; none where they cannot be decrypted."""
    try:
        return tuple(endpoint.secrets(clock.now()))
    except InvalidToken:
        log.error("webhook secret cannot be decrypted", endpoint=endpoint.pk)
        return ()


QUEUE = WebhookQueue()
