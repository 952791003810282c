"""Send receipts and webhook events: one process posts to all endpoints concurrently.

Each endpoint has a queue in memory that holds as few leased posts as it takes in a moment; a congestion window bounds
how many calls are in flight. Endpoints take turns, one call each, so one that hangs or has a million posts due holds up
its own queue and no other.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import close_old_connections

from pushcore.callbacks import receipts, sender_signals
from pushcore.callbacks.congestion import CongestionWindow
from pushcore.callbacks.post_queue import LEASE, Attempt, Endpoint, PostQueue, QueuedPost
from pushcore.callbacks.webhook_client import MAX_CONNECTIONS_PER_HOST, call_of, result_of, settings_for
from pushcore.http.calls import HttpAnswer
from pushcore.http.stream import CallStream
from pushcore.security import endpoints
from pushcore.storage import clock
from pushcore.storage.retry import OutageBackoff, run_until_stopped
from pushcore.storage.valkey import ValkeyDown
from pushcore.webhooks import deliveries

log = structlog.get_logger(__name__)

# Calls in flight to all endpoints together.
MAX_IN_FLIGHT = 512
# Queues kept in memory, with what was learnt about their endpoints.
MAX_QUEUES = 10_000
# Attempts are written in batches of this size, or once the oldest is this old.
WRITE_BATCH, WRITE_SECONDS = 100, 0.2
# How long an answer or a signal is waited for at a time.
WAIT_SECONDS = 0.05
# How long an idle sender waits for a signal at a time; a request to stop is seen after it.
IDLE_SECONDS = 0.25
# Due rows are polled this often without a signal, for no more than a tenth of the time (1 / POLL_SHARE).
POLL_SECONDS, POLL_SHARE = 1.0, 10.0
HEARTBEAT_SECONDS = sender_signals.ALIVE_SECONDS / 5
GIVE_UP_SECONDS = 60.0
# A changed URL takes effect after this time.
ENDPOINT_SECONDS = 2.0
# A post that waited longer is not sent; its lease runs out. A call and the write need the rest of the lease.
STALE_SECONDS = LEASE.total_seconds() / 2
# Posts leased for one endpoint at a time, where it takes batches.
MAX_LEASED = 2_000
NO_KEY = "not sent: the key that signs cannot be read"
GONE = "not sent: the endpoint is no more"
FINISH_SECONDS = 6.0


# What is posted.
QUEUES: tuple[PostQueue, ...] = (receipts.QUEUE, deliveries.QUEUE)


class _Key(NamedTuple):
    """An endpoint: the place of its table among `QUEUES`, and its id there."""

    place: int
    endpoint_id: int


@dataclass(slots=True)
class EndpointQueue:
    """One endpoint's leased posts, and what is known of the endpoint.

    `waiting` holds posts with the time of their lease; `read_at` is when the endpoint was read.
    """

    key: _Key
    window: CongestionWindow = field(default_factory=CongestionWindow)
    waiting: deque[tuple[QueuedPost, float]] = field(default_factory=deque)
    in_flight: int = 0
    endpoint: Endpoint | None = None
    origin: str = ""
    read_at: float = float("-inf")

    @property
    def batch_size(self) -> int:
        """How many posts one call may carry."""
        return self.endpoint.batch_size if self.endpoint else 1

    def read(self, endpoint: Endpoint | None, now: float) -> None:
        """Take over what was read of the endpoint; another URL is learnt anew."""
        if endpoint and (self.endpoint is None or endpoint.url != self.endpoint.url):
            self.origin, self.window = endpoints.origin(endpoint.url), CongestionWindow()
        self.endpoint, self.read_at = endpoint, now

    def pop_call(self) -> list[QueuedPost]:
        """Take the posts of the next call: the first, and others of its kind where the endpoint takes batches."""
        first, _ = self.waiting.popleft()
        posts, others = [first], deque[tuple[QueuedPost, float]]()
        while self.waiting and len(posts) < self.batch_size:
            post, leased_at = self.waiting.popleft()
            if post.kind == first.kind:
                posts.append(post)
            else:
                others.append((post, leased_at))
        self.waiting.extendleft(reversed(others))
        return posts


class _CallInFlight(NamedTuple):
    """Posts of one call that was not answered yet. `started_at` is monotonic."""

    queue: EndpointQueue
    posts: Sequence[QueuedPost]
    started_at: float


class Sender:
    """Post due receipts from one thread. Any number of processes may run one."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._calls = CallStream(settings_for(allow_private=settings.RECEIPT_ALLOW_PRIVATE))
        self._numbers = itertools.count()
        # By the number each was started with.
        self._in_flight: dict[int, _CallInFlight] = {}
        self._queues: OrderedDict[_Key, EndpointQueue] = OrderedDict()
        # Queues with posts waiting, the next in turn first.
        self._round_robin: OrderedDict[_Key, EndpointQueue] = OrderedDict()
        self._at_origin: Counter[str] = Counter()
        # Endpoints known to have more due.
        self._due: set[_Key] = set()
        # By the place of their table.
        self._unwritten: defaultdict[int, list[Attempt]] = defaultdict(list)
        self._oldest_unwritten = 0.0
        # When these are next due (monotonic). A signal brings the poll forward, though not before `_poll_not_before`.
        self._poll_at = self._poll_not_before = self._signals_at = self._heartbeat_at = self._give_up_at = 0.0
        self._signals_backoff = OutageBackoff("signals of receipts")
        self._collected_at = time.monotonic()
        self._unseen_seconds = 0.0
        self.posted = 0

    def stop(self) -> None:
        """End `run` once calls in flight are answered. Safe from other threads and from signal handlers."""
        self._stop.set()

    def run(self) -> None:
        """Send until stopped. Waits out outages of the database and of Valkey."""
        try:
            run_until_stopped(self._poll_and_step, self._stop, work="receipts", on_failure=self._discard_leases)
        finally:
            self._finish()

    def _poll_and_step(self) -> None:
        self._poll_signals()
        if not self._step():
            self._wait()

    def _wait(self) -> None:
        """Wait for a signal while no call is in flight; shortly where an endpoint is paused or holds posts."""
        seconds = WAIT_SECONDS if self._due or self._round_robin else IDLE_SECONDS
        seconds = min(seconds, self._poll_at - time.monotonic())
        is_away = self._signals_at > time.monotonic() + WAIT_SECONDS
        if is_away or seconds < WAIT_SECONDS:
            self._stop.wait(WAIT_SECONDS)
            return
        try:
            if sender_signals.wait_for_wake(seconds):
                self._poll_at = min(self._poll_at, self._poll_not_before)
        except ValkeyDown as error:
            self._signals_at = time.monotonic() + self._signals_backoff.failed(error)

    def drain(self, budget_seconds: float) -> int:
        """Send what is due until nothing is left or the time is spent; return how many posts were made."""
        deadline = time.monotonic() + budget_seconds
        try:
            self._due = _due_endpoints()
            while time.monotonic() < deadline and self._step():
                pass
        finally:
            self._finish()
        return self.posted

    def _step(self) -> bool:
        """Lease, start calls, handle answers and write attempts; return whether anything was in flight."""
        self._lease()
        self._start()
        busy = bool(self._in_flight)
        if busy:
            self._handle_answers(self._collect_answers())
        late = time.monotonic() - self._oldest_unwritten >= WRITE_SECONDS
        if self._unwritten and (late or self._unwritten_count() >= WRITE_BATCH or not self._in_flight):
            self._write()
        return busy

    def _collect_answers(self) -> Mapping[int, HttpAnswer]:
        """Collect answers.

        Answers that were there at once arrived while the sender was busy, which is no time on the wire:
        `_unseen_seconds` bounds it.
        """
        began = time.monotonic()
        answers = self._calls.answers(WAIT_SECONDS)
        ended = time.monotonic()
        self._unseen_seconds = began - self._collected_at if ended - began < WAIT_SECONDS / 50 else 0.0
        self._collected_at = ended
        return answers

    def _poll_signals(self) -> None:
        """Poll due endpoints when signalled and each second; write the heartbeat."""
        now = time.monotonic()
        if now >= self._signals_at:
            self._signals_at = now + WAIT_SECONDS
            try:
                if now >= self._heartbeat_at:
                    sender_signals.heartbeat()
                    self._heartbeat_at = now + HEARTBEAT_SECONDS
                if sender_signals.was_woken():
                    self._poll_at = min(self._poll_at, self._poll_not_before)
                self._signals_backoff.succeeded()
            except ValkeyDown as error:  # posts are made without signals
                self._signals_at = now + self._signals_backoff.failed(error)
        if now >= self._poll_at:
            close_old_connections()
            self._due = _due_endpoints()
            took = time.monotonic() - now
            self._poll_at = now + max(POLL_SECONDS, POLL_SHARE * took)
            self._poll_not_before = now + POLL_SHARE * took
        if now >= self._give_up_at:
            self._give_up_at = now + GIVE_UP_SECONDS
            for place, failing in _by_table(q.key for q in self._queues.values() if q.window.is_failing).items():
                QUEUES[place].give_up_overdue(failing)

    def _lease(self) -> None:
        """Lease two rounds of posts for endpoints that hold fewer than they take now."""
        now = time.monotonic()
        wanted: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for key in self._due:
            queue = self._queue_of(key)
            if queue.window.available(queue.in_flight, now) * queue.batch_size > len(queue.waiting):
                calls = 1 if queue.window.is_failing else 2 * int(queue.window.size)
                wanted[key.place][key.endpoint_id] = min(calls * queue.batch_size, max(MAX_LEASED, calls))
        for place, at_most in wanted.items():
            leased = QUEUES[place].lease(at_most)
            for post in leased:
                queue = self._queue_of(_Key(place, post.endpoint_id))
                queue.waiting.append((post, now))
                self._round_robin.setdefault(queue.key, queue)
            got = Counter(post.endpoint_id for post in leased)
            self._due -= {_Key(place, endpoint_id) for endpoint_id, most in at_most.items() if got[endpoint_id] < most}
            self._read_endpoints(place, got, now)

    def _queue_of(self, key: _Key) -> EndpointQueue:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = EndpointQueue(key)
            if len(self._queues) > MAX_QUEUES:
                oldest = next(one for one in self._queues.values() if not (one.in_flight or one.waiting))
                del self._queues[oldest.key]
                return self._queues.setdefault(key, queue)
        return queue

    def _read_endpoints(self, place: int, endpoint_ids: Iterable[int], now: float) -> None:
        """Read the endpoints of one table that were not read lately."""
        queues = [self._queues[_Key(place, endpoint_id)] for endpoint_id in endpoint_ids]
        old = [queue for queue in queues if now - queue.read_at >= ENDPOINT_SECONDS]
        there = QUEUES[place].endpoints([queue.key.endpoint_id for queue in old]) if old else {}
        for queue in old:
            queue.read(there.get(queue.key.endpoint_id), now)

    def _start(self) -> None:
        """Start one call of each queue in turn until no queue may start another."""
        passed = 0
        while passed < len(self._round_robin) and len(self._in_flight) < MAX_IN_FLIGHT:
            key, queue = next(iter(self._round_robin.items()))
            self._round_robin.move_to_end(key)
            if self._start_next(queue):
                passed = 0
            else:
                passed += 1
            if not queue.waiting:
                del self._round_robin[key]

    def _start_next(self, queue: EndpointQueue) -> bool:
        """Start the queue's next call, if its window allows one; return whether it did."""
        now = time.monotonic()
        while queue.waiting and now - queue.waiting[0][1] > STALE_SECONDS:
            queue.waiting.popleft()  # its lease runs out
        is_full = self._at_origin[queue.origin] >= MAX_CONNECTIONS_PER_HOST
        if is_full or not queue.waiting or not queue.window.available(queue.in_flight, now):
            return False
        posts = queue.pop_call()
        number = next(self._numbers)
        self._in_flight[number] = _CallInFlight(queue, posts, now)
        queue.in_flight += 1
        self._at_origin[queue.origin] += 1
        if queue.endpoint is None:
            self._calls.fail(number, GONE)
            return True
        try:
            request = queue.endpoint.request(posts)
        except ValueError:
            self._calls.fail(number, NO_KEY)
        else:
            self._calls.start(number, call_of(request))
        return True

    def _handle_answers(self, answers: Mapping[int, HttpAnswer]) -> None:
        """Record what was answered, and update the endpoints' windows."""
        now, at = time.monotonic(), clock.now()
        released: defaultdict[int, list[QueuedPost]] = defaultdict(list)
        for number, answer in answers.items():
            call = self._in_flight.pop(number)
            queue = call.queue
            if not self._unwritten:
                self._oldest_unwritten = now
            result = result_of(answer)
            self._unwritten[queue.key.place] += [Attempt(post, result, at) for post in call.posts]
            self.posted += len(call.posts)
            self._update_window(call, answer, now)
            queue.in_flight -= 1
            self._at_origin[queue.origin] -= 1
            # The leases of an endpoint that is paused are released.
            while queue.window.is_failing and queue.waiting:
                released[queue.key.place].append(queue.waiting.popleft()[0])
        self._at_origin = +self._at_origin
        for place, posts in released.items():
            QUEUES[place].release(posts)

    def _update_window(self, call: _CallInFlight, answer: HttpAnswer, now: float) -> None:
        """Update the endpoint's window. A refusal (4xx) is the answer of a healthy backend too."""
        window, status = call.queue.window, answer.status or 0
        if answer.error or status == 429 or status >= 500:
            window.on_failure(call.started_at, now, answer.retry_after or 0.0)
        else:
            window.on_answer(answer.duration_ms / 1000, call.queue.in_flight, now, self._unseen_seconds)

    def _write(self) -> None:
        while self._unwritten:
            place, attempts = self._unwritten.popitem()
            QUEUES[place].record(attempts)

    def _unwritten_count(self) -> int:
        return sum(map(len, self._unwritten.values()))

    def _finish(self) -> None:
        """Wait a little for calls in flight, write what was answered, and release what was not sent."""
        deadline = time.monotonic() + FINISH_SECONDS
        try:
            while self._in_flight and time.monotonic() < deadline:
                self._handle_answers(self._collect_answers())
            if self._unwritten:
                self._write()
            waiting: defaultdict[int, list[QueuedPost]] = defaultdict(list)
            for queue in self._round_robin.values():
                waiting[queue.key.place] += [post for post, _ in queue.waiting]
            for place, posts in waiting.items():
                QUEUES[place].release(posts)
        finally:
            self._calls.close()

    def _discard_leases(self) -> None:
        """Drop everything held after a failed write; the leases run out."""
        self._unwritten.clear()
        for queue in self._round_robin.values():
            queue.waiting.clear()
        self._round_robin.clear()


def _by_table(keys: Iterable[_Key]) -> Mapping[int, list[int]]:
    """Return the ids of endpoints by the place of their table; each table is there."""
    ids: dict[int, list[int]] = {place: [] for place in range(len(QUEUES))}
    for place, endpoint_id in keys:
        ids[place].append(endpoint_id)
    return ids


def _due_endpoints() -> set[_Key]:
    return {_Key(place, one) for place, queue in enumerate(QUEUES) for one in queue.due_endpoints()}


def send_due(*, budget_seconds: float = 20.0) -> int:
    """Post what is due now; return how many posts were made."""
    return Sender().drain(budget_seconds)
