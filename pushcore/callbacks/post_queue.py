"""Tables that are queues of POSTs: lease due rows by endpoint, and write attempts back in bulk.

A lease is a later `next_attempt_at`, so the rows of a sender that dies come due again. Any number of senders may run.
Rows are found by their key, which names their partition.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from prometheus_client import Counter

from pushcore.backoff import jittered_backoff
from pushcore.callbacks.webhook_client import WebhookRequest, WebhookResult
from pushcore.models import Receipt
from pushcore.storage import clock
from pushcore.storage.sql import statements

LEASE = timedelta(seconds=60)
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3600.0
GIVE_UP_AFTER = timedelta(hours=24)
_MOST_ATTEMPTS = 32_767
_GIVE_UP_STEP = 5_000

_SQL = statements(__file__)


class QueuedPost(NamedTuple):
    """A row leased by this sender.

    Attributes:
        key: Names the row and its partition.
        number: What its attempts refer to it by.
        endpoint_id: Where it goes.
        kind: Posts of one kind may share a request, where the endpoint takes batches.
        body: What is sent, as JSON.
        attempts: Those made so far.
        queued_at: When it came due first; it is given up `GIVE_UP_AFTER` later.
    """

    key: int
    number: int
    endpoint_id: int
    kind: str
    body: str
    attempts: int
    queued_at: datetime


class Attempt(NamedTuple):
    """A post, its result, and when the answer came."""

    post: QueuedPost
    result: WebhookResult
    at: datetime


class Endpoint(ABC):
    """Where posts go.

    Attributes:
        url: The address.
        batch_size: How many posts one request may carry.
    """

    url: str
    batch_size: int

    @abstractmethod
    def request(self, posts: Sequence[QueuedPost]) -> WebhookRequest:
        """Return the signed request that carries posts of one kind.

        Raises:
            ValueError: The key that signs cannot be read.
        """


@dataclass(frozen=True, slots=True)
class QueueTable:
    """What differs in the statements of one table.

    Attributes:
        name: The table.
        key: Its primary key.
        endpoint: The column that names the endpoint.
        leased: The columns of a `QueuedPost`, after the key, of the row `r`.
        takes: A condition on the endpoint whose id is `{id}`: whether posts are made to it now.
    """

    name: str
    key: str
    endpoint: str
    leased: str
    takes: str = "true"


class PostQueue(ABC):
    """One table of posts.

    Attributes:
        table: How its statements name it.
        attempt_model: The model of its attempts.
        attempt_of: The column of an attempt that refers to its row.
        counter: Counts attempts by result.
    """

    table: ClassVar[QueueTable]
    attempt_model: ClassVar[type[models.Model]]
    attempt_of: ClassVar[str]
    counter: ClassVar[Counter]

    @abstractmethod
    def endpoints(self, endpoint_ids: Collection[int]) -> Mapping[int, Endpoint]:
        """Read endpoints by id; those that are gone are absent."""

    @abstractmethod
    def on_recorded(self, cursor: CursorWrapper, attempts: Sequence[Attempt]) -> None:
        """Do more in the transaction that records attempts."""

    def due_endpoints(self) -> set[int]:
        """Find the endpoints that have something to be sent now."""
        with connection.cursor() as cursor:
            cursor.execute(self._statement("due_endpoints"), {"now": clock.now()})
            return {endpoint_id for (endpoint_id,) in cursor.fetchall()}

    def lease(self, wanted: Mapping[int, int]) -> list[QueuedPost]:
        """Lease the rows due longest.

        Args:
            wanted: How many at most, by endpoint.
        """
        if not wanted:
            return []
        now = clock.now()
        with connection.cursor() as cursor:
            cursor.execute(
                self._statement("lease"),
                {
                    "endpoints": list(wanted),
                    "limits": list(wanted.values()),
                    "now": now,
                    "leased_until": now + LEASE,
                },
            )
            return sorted(map(QueuedPost._make, cursor.fetchall()))

    def release(self, posts: Sequence[QueuedPost]) -> None:
        """Make leased rows that were not posted due again."""
        with connection.cursor() as cursor:
            cursor.execute(self._statement("release"), {"now": clock.now(), "keys": sorted(post.key for post in posts)})

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Write attempts, and the new state of their rows. One transaction, two statements."""
        ordered = sorted(attempts)
        steps = [_next_step(attempt) for attempt in ordered]
        with transaction.atomic(), connection.cursor() as cursor:
            self.attempt_model._default_manager.bulk_create(
                [self._attempt_row(attempt) for attempt in ordered],
            )
            cursor.execute(
                self._statement("record"),
                {
                    "keys": [attempt.post.key for attempt in ordered],
                    "attempts": [min(attempt.post.attempts + 1, _MOST_ATTEMPTS) for attempt in ordered],
                    "states": [state for state, _ in steps],
                    "next": [next_at for _, next_at in steps],
                    "finished": [
                        None if state == Receipt.State.DUE else attempt.at
                        for attempt, (state, _) in zip(ordered, steps, strict=True)
                    ],
                },
            )
            self.on_recorded(cursor, ordered)
        for _, result, _ in ordered:
            self.counter.labels("delivered" if result.accepted else "refused").inc()

    def give_up_overdue(self, endpoint_ids: Collection[int]) -> int:
        """Fail rows that have been due for `GIVE_UP_AFTER`.

        An endpoint that is paused for days has more of them than can be tried one by one.

        Returns:
            How many rows were failed, at most one step's.
        """
        now = clock.now()
        with connection.cursor() as cursor:
            cursor.execute(
                self._statement("give_up_overdue"),
                {
                    "endpoints": list(endpoint_ids),
                    "now": now,
                    "overdue": now - GIVE_UP_AFTER,
                    "at_most": _GIVE_UP_STEP,
                },
            )
            return int(cursor.rowcount)

    def _attempt_row(self, attempt: Attempt) -> models.Model:
        values: dict[str, Any] = {
            self.attempt_of: attempt.post.number,
            "at": attempt.at,
            "http_status": attempt.result.status,
            "error": attempt.result.error[:300],
            "duration_ms": attempt.result.duration_ms,
        }
        return self.attempt_model(**values)

    def _statement(self, name: str) -> str:
        table = self.table
        return _SQL[name].format(
            table=table.name,
            key=table.key,
            endpoint=table.endpoint,
            leased=table.leased,
            takes=table.takes.format(id="due.endpoint_id"),
        )


def _next_step(attempt: Attempt) -> tuple[str, datetime]:
    """Return state and time of the next attempt: exponential backoff with jitter, failed after `GIVE_UP_AFTER`."""
    post, result, at = attempt
    if result.accepted:
        return Receipt.State.DELIVERED, at
    delay = jittered_backoff(post.attempts + 1, first=FIRST_DELAY_SECONDS, longest=LONGEST_DELAY_SECONDS)
    later = at + timedelta(seconds=delay)
    if later > post.queued_at + GIVE_UP_AFTER:
        return Receipt.State.FAILED, at
    return Receipt.State.DUE, later
