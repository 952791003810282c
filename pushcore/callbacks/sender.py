"""Send receipts: one process posts to all endpoints concurrently.

Each workspace has a queue that holds as few leased receipts as its endpoint takes in a moment; a congestion window
bounds how many are in flight. Queues take turns, one call each, so an endpoint that hangs or has a million receipts due
holds up its own queue and no other.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import close_old_connections

from pushcore.callbacks import receipts, sender_signals
from pushcore.callbacks.congestion import CongestionWindow
from pushcore.callbacks.signing import signed_request
from pushcore.callbacks.webhook_client import MAX_CONNECTIONS_PER_HOST, call_of, result_of, settings_for
from pushcore.http.calls import HttpAnswer
from pushcore.http.stream import CallStream
from pushcore.models import Workspace
from pushcore.security import endpoints, keys
from pushcore.storage import clock
from pushcore.storage.retry import OutageBackoff, run_until_stopped
from pushcore.storage.valkey import ValkeyDown

log = structlog.get_logger(__name__)

# Calls in flight to all endpoints together.
MAX_IN_FLIGHT = 512
# Queues kept in memory, with what was learnt about their endpoints.
MAX_QUEUES = 10_000
# Attempts are written in batches of this size, or once the oldest is this old.
WRITE_BATCH, WRITE_SECONDS = 100, 0.2
# How long an answer or a signal is waited for at a time.
WAIT_SECONDS = 0.05
# Due rows are polled this often without a signal, for no more than a tenth of the time (1 / POLL_SHARE).
POLL_SECONDS, POLL_SHARE = 1.0, 10.0
HEARTBEAT_SECONDS = sender_signals.ALIVE_SECONDS / 5
GIVE_UP_SECONDS = 60.0
# A changed callback URL takes effect after this time.
WORKSPACE_SECONDS = 2.0
# A receipt that waited longer is not sent; its lease runs out. A call and the write need the rest of the lease.
STALE_SECONDS = receipts.LEASE.total_seconds() / 2
NO_KEY = "not sent: the workspace's callback key cannot be read"
FINISH_SECONDS = 6.0


@dataclass(slots=True)
class EndpointQueue:
    """One workspace's leased receipts, and what is known of its endpoint.

    `waiting` holds receipts with the time of their lease; `read_at` is when URL and key were read. Without a key the
    receipts cannot be signed.
    """

    workspace_id: int
    window: CongestionWindow = field(default_factory=CongestionWindow)
    waiting: deque[tuple[receipts.LeasedReceipt, float]] = field(default_factory=deque)
    in_flight: int = 0
    url: str = ""
    origin: str = ""
    private_pem: str = ""
    read_at: float = float("-inf")


class _CallInFlight(NamedTuple):
    """A receipt that was posted and not answered yet. `started_at` is monotonic."""

    queue: EndpointQueue
    receipt: receipts.LeasedReceipt
    started_at: float


class Sender:
    """Post due receipts from one thread. Any number of processes may run one."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._calls = CallStream(settings_for(allow_private=settings.RECEIPT_ALLOW_PRIVATE))
        self._numbers = itertools.count()
        # By the number each was started with.
        self._in_flight: dict[int, _CallInFlight] = {}
        self._queues: OrderedDict[int, EndpointQueue] = OrderedDict()
        # Queues with receipts waiting, the next in turn first.
        self._round_robin: OrderedDict[int, EndpointQueue] = OrderedDict()
        self._at_origin: Counter[str] = Counter()
        # Workspaces known to have more due.
        self._due: set[int] = set()
        self._unwritten: list[receipts.Attempt] = []
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
        self._step()

    def drain(self, budget_seconds: float) -> int:
        """Send what is due until nothing is left or the time is spent; return how many receipts were posted."""
        deadline = time.monotonic() + budget_seconds
        try:
            self._due = receipts.due_workspaces()
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
        else:
            self._stop.wait(WAIT_SECONDS)
        late = time.monotonic() - self._oldest_unwritten >= WRITE_SECONDS
        if self._unwritten and (late or len(self._unwritten) >= WRITE_BATCH or not self._in_flight):
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
        """Poll due workspaces when signalled and each second; write the heartbeat."""
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
            except ValkeyDown as error:  # receipts are sent without signals
                self._signals_at = now + self._signals_backoff.failed(error)
        if now >= self._poll_at:
            close_old_connections()
            self._due = receipts.due_workspaces()
            took = time.monotonic() - now
            self._poll_at = now + max(POLL_SECONDS, POLL_SHARE * took)
            self._poll_not_before = now + POLL_SHARE * took
        if now >= self._give_up_at:
            self._give_up_at = now + GIVE_UP_SECONDS
            receipts.give_up_overdue([queue.workspace_id for queue in self._queues.values() if queue.window.is_failing])

    def _lease(self) -> None:
        """Lease two rounds of receipts for queues that hold less than their endpoints take now."""
        now = time.monotonic()
        wanted: dict[int, int] = {}
        for workspace_id in self._due:
            queue = self._queue_of(workspace_id)
            if queue.window.available(queue.in_flight, now) > len(queue.waiting):
                wanted[workspace_id] = 1 if queue.window.is_failing else 2 * int(queue.window.size)
        leased = receipts.lease(wanted)
        for receipt in leased:
            queue = self._queue_of(receipt.workspace_id)
            queue.waiting.append((receipt, now))
            self._round_robin.setdefault(queue.workspace_id, queue)
        got = Counter(receipt.workspace_id for receipt in leased)
        self._due -= {workspace_id for workspace_id, most in wanted.items() if got[workspace_id] < most}
        self._read_workspaces([self._queues[workspace_id] for workspace_id in got], now)

    def _queue_of(self, workspace_id: int) -> EndpointQueue:
        queue = self._queues.get(workspace_id)
        if queue is None:
            queue = self._queues[workspace_id] = EndpointQueue(workspace_id)
            if len(self._queues) > MAX_QUEUES:
                oldest = next(one for one in self._queues.values() if not (one.in_flight or one.waiting))
                del self._queues[oldest.workspace_id]
                return self._queues.setdefault(workspace_id, queue)
        return queue

    def _read_workspaces(self, queues: Sequence[EndpointQueue], now: float) -> None:
        """Read the callback URLs and signing keys of workspaces."""
        old = {queue.workspace_id: queue for queue in queues if now - queue.read_at >= WORKSPACE_SECONDS}
        for workspace in Workspace.objects.filter(pk__in=list(old)) if old else ():
            queue = old[workspace.pk]
            queue.read_at = now
            if workspace.callback_url != queue.url:
                queue.url, queue.origin, queue.window = (
                    workspace.callback_url,
                    endpoints.origin(workspace.callback_url),
                    CongestionWindow(),
                )
            try:
                queue.private_pem = keys.callback_key(workspace).private_pem
            except InvalidToken:
                log.error("callback key cannot be decrypted", workspace=workspace.pk)
                queue.private_pem = ""

    def _start(self) -> None:
        """Start one call of each queue in turn until no queue may start another."""
        passed = 0
        while passed < len(self._round_robin) and len(self._in_flight) < MAX_IN_FLIGHT:
            workspace_id, queue = next(iter(self._round_robin.items()))
            self._round_robin.move_to_end(workspace_id)
            if self._start_next(queue):
                passed = 0
            else:
                passed += 1
            if not queue.waiting:
                del self._round_robin[workspace_id]

    def _start_next(self, queue: EndpointQueue) -> bool:
        """Start the queue's next call, if its window allows one; return whether it did."""
        now = time.monotonic()
        while queue.waiting and now - queue.waiting[0][1] > STALE_SECONDS:
            queue.waiting.popleft()  # its lease runs out
        is_full = self._at_origin[queue.origin] >= MAX_CONNECTIONS_PER_HOST
        if is_full or not queue.waiting or not queue.window.available(queue.in_flight, now):
            return False
        receipt, _ = queue.waiting.popleft()
        number = next(self._numbers)
        self._in_flight[number] = _CallInFlight(queue, receipt, now)
        queue.in_flight += 1
        self._at_origin[queue.origin] += 1
        try:
            request = signed_request(queue.url, receipt.body, queue.private_pem)
        except ValueError:
            self._calls.fail(number, NO_KEY)
        else:
            self._calls.start(number, call_of(request))
        return True

    def _handle_answers(self, answers: Mapping[int, HttpAnswer]) -> None:
        """Record what was answered, and update the endpoints' windows."""
        now, at = time.monotonic(), clock.now()
        released: list[receipts.LeasedReceipt] = []
        for number, answer in answers.items():
            call = self._in_flight.pop(number)
            queue = call.queue
            if not self._unwritten:
                self._oldest_unwritten = now
            self._unwritten.append(receipts.Attempt(call.receipt, result_of(answer), at))
            self._update_window(call, answer, now)
            queue.in_flight -= 1
            self._at_origin[queue.origin] -= 1
            # The leases of an endpoint that is paused are released.
            while queue.window.is_failing and queue.waiting:
                released.append(queue.waiting.popleft()[0])
        self.posted += len(answers)
        self._at_origin = +self._at_origin
        if released:
            receipts.release(released)

    def _update_window(self, call: _CallInFlight, answer: HttpAnswer, now: float) -> None:
        """Update the endpoint's window. A refusal (4xx) is the answer of a healthy backend too."""
        window, status = call.queue.window, answer.status or 0
        if answer.error or status == 429 or status >= 500:
            window.on_failure(call.started_at, now, answer.retry_after or 0.0)
        else:
            window.on_answer(answer.duration_ms / 1000, call.queue.in_flight, now, self._unseen_seconds)

    def _write(self) -> None:
        attempts, self._unwritten = self._unwritten, []
        receipts.record(attempts)

    def _finish(self) -> None:
        """Wait a little for calls in flight, write what was answered, and release what was not sent."""
        deadline = time.monotonic() + FINISH_SECONDS
        try:
            while self._in_flight and time.monotonic() < deadline:
                self._handle_answers(self._collect_answers())
            if self._unwritten:
                self._write()
            if waiting := [receipt for queue in self._round_robin.values() for receipt, _ in queue.waiting]:
                receipts.release(waiting)
        finally:
            self._calls.close()

    def _discard_leases(self) -> None:
        """Drop everything held after a failed write; the leases run out."""
        self._unwritten.clear()
        for queue in self._round_robin.values():
            queue.waiting.clear()
        self._round_robin.clear()


def send_due(*, budget_seconds: float = 20.0) -> int:
    """Post what is due now; return how many receipts were posted."""
    return Sender().drain(budget_seconds)
