"""The sender of receipts: a process of its own that posts to all endpoints side by side.

Each workspace has a lane: its receipts wait in it, as few as its endpoint takes in a moment, and its pace says how many
are under way. Lanes have their turns one call at a time, so an endpoint that hangs, or has a million receipts due,
holds its own lane and nothing else.
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

from pushcore.callbacks import receipts, waking
from pushcore.callbacks.pace import Pace
from pushcore.callbacks.signing import signed_posting
from pushcore.http.client import Answer
from pushcore.http.posting import MAX_CONNECTIONS_PER_HOST, call_of, result_of, settings_for
from pushcore.http.stream import CallStream
from pushcore.models import Workspace
from pushcore.security import endpoints, keys
from pushcore.storage import clock
from pushcore.storage.outages import DatabaseFault
from pushcore.storage.valkey import ValkeyDown

log = structlog.get_logger(__name__)

# Calls under way to all endpoints together.
MOST_UNDER_WAY = 512
# Lanes that are kept in mind, with what was learnt of their endpoints.
MOST_LANES = 10_000
# Attempts are written once there are so many, or the oldest is so old.
WRITE_AT, WRITE_SECONDS = 100, 0.2
# How long an answer, or a word that receipts have become due, is waited for at a time.
PATIENCE_SECONDS = 0.05
# The rows are looked at so often without a word, and for no more than a tenth of the time.
LOOK_SECONDS, LOOK_SHARE = 1.0, 10.0
SHOW_SECONDS = waking.ALIVE_SECONDS / 5
GIVE_UP_SECONDS = 60.0
# A changed callback URL is seen after so long.
WORKSPACE_SECONDS = 2.0
# A receipt that waited longer is left to its lease: a call and the writing take the rest of it.
STALE_SECONDS = receipts.LEASE.total_seconds() / 2
RETRY_SECONDS = 1.0
NO_KEY = "not sent: the workspace's callback key cannot be read"
FINISH_SECONDS = 6.0


@dataclass(slots=True)
class Lane:
    """A workspace's receipts on their way. `waiting`: leased, with the time of the lease. `read_at`: when its URL and
    key were read; without a key its receipts cannot be signed."""

    workspace_id: int
    pace: Pace = field(default_factory=Pace)
    waiting: deque[tuple[receipts.Leased, float]] = field(default_factory=deque)
    under_way: int = 0
    url: str = ""
    origin: str = ""
    private_pem: str = ""
    read_at: float = float("-inf")


class _Posted(NamedTuple):
    lane: Lane
    receipt: receipts.Leased
    started_at: float


class Sender:
    """Of one thread; any number of processes may have one."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._calls = CallStream(settings_for(allow_private=settings.RECEIPT_ALLOW_PRIVATE))
        self._numbers = itertools.count()
        self._posted: dict[int, _Posted] = {}
        self._lanes: OrderedDict[int, Lane] = OrderedDict()
        # Those that have receipts waiting, the next in turn first.
        self._turns: OrderedDict[int, Lane] = OrderedDict()
        self._at_origin: Counter[str] = Counter()
        # Workspaces known to have more due.
        self._due: set[int] = set()
        self._unwritten: list[receipts.Attempt] = []
        self._oldest_unwritten = 0.0
        # When these are next due (monotonic); a word brings the look at the rows forward, but not before "enough".
        self._look_at = self._looked_enough_at = self._listen_at = self._show_at = self._give_up_at = 0.0
        self._looked_at = time.monotonic()
        self._unseen_seconds = 0.0
        self.posted = 0

    def stop(self) -> None:
        """End `run` once what is under way has been answered. For another thread, or for a signal's handler."""
        self._stop.set()

    def run(self) -> None:
        """Send until told to stop. The database or Valkey being away is waited out."""
        try:
            while not self._stop.is_set():
                try:
                    self._notice()
                    self._step()
                except DatabaseFault:
                    log.exception("receipts could not be read or written; they come due again")
                    self._forget()
                    self._stop.wait(RETRY_SECONDS)
        finally:
            self._finish()

    def drain(self, budget_seconds: float) -> int:
        """Send what is due now, until nothing is or the time is spent; returns how many were posted."""
        deadline = time.monotonic() + budget_seconds
        try:
            self._due = receipts.due_workspaces()
            while time.monotonic() < deadline and self._step():
                pass
        finally:
            self._finish()
        return self.posted

    def _step(self) -> bool:
        """Lease, start, and take in what was answered; whether anything was under way."""
        self._lease()
        self._start()
        busy = bool(self._posted)
        if busy:
            self._take_in(self._look())
        else:
            self._stop.wait(PATIENCE_SECONDS)
        late = time.monotonic() - self._oldest_unwritten >= WRITE_SECONDS
        if self._unwritten and (late or len(self._unwritten) >= WRITE_AT or not self._posted):
            self._write()
        return busy

    def _look(self) -> Mapping[int, Answer]:
        """What has been answered. Answers that were there already came while the sender did something else, which is no
        time on the wire: `_unseen_seconds`."""
        began = time.monotonic()
        answers = self._calls.answers(PATIENCE_SECONDS)
        ended = time.monotonic()
        self._unseen_seconds = began - self._looked_at if ended - began < PATIENCE_SECONDS / 50 else 0.0
        self._looked_at = ended
        return answers

    def _notice(self) -> None:
        """Look for due receipts when told of some, and each second; show a sign of life."""
        now = time.monotonic()
        if now >= self._listen_at:
            self._listen_at = now + PATIENCE_SECONDS
            try:
                if now >= self._show_at:
                    waking.show_alive()
                    self._show_at = now + SHOW_SECONDS
                if waking.was_woken():
                    self._look_at = min(self._look_at, self._looked_enough_at)
            except ValkeyDown:
                log.warning("Valkey unavailable; receipts go on without it")
                self._listen_at = now + RETRY_SECONDS
        if now >= self._look_at:
            close_old_connections()
            self._due = receipts.due_workspaces()
            took = time.monotonic() - now
            self._look_at = now + max(LOOK_SECONDS, LOOK_SHARE * took)
            self._looked_enough_at = now + LOOK_SHARE * took
        if now >= self._give_up_at:
            self._give_up_at = now + GIVE_UP_SECONDS
            receipts.give_up_overdue([lane.workspace_id for lane in self._lanes.values() if lane.pace.fails])

    def _lease(self) -> None:
        """Lease for the lanes that have less waiting than their endpoints take now: what they take in two rounds."""
        now = time.monotonic()
        wanted: dict[int, int] = {}
        for workspace_id in self._due:
            lane = self._lane_of(workspace_id)
            if lane.pace.room(lane.under_way, now) > len(lane.waiting):
                wanted[workspace_id] = 1 if lane.pace.fails else 2 * int(lane.pace.window)
        leased = receipts.lease(wanted)
        for receipt in leased:
            lane = self._lane_of(receipt.workspace_id)
            lane.waiting.append((receipt, now))
            self._turns.setdefault(lane.workspace_id, lane)
        got = Counter(receipt.workspace_id for receipt in leased)
        self._due -= {workspace_id for workspace_id, most in wanted.items() if got[workspace_id] < most}
        self._read_workspaces([self._lanes[workspace_id] for workspace_id in got], now)

    def _lane_of(self, workspace_id: int) -> Lane:
        lane = self._lanes.get(workspace_id)
        if lane is None:
            lane = self._lanes[workspace_id] = Lane(workspace_id)
            if len(self._lanes) > MOST_LANES:
                oldest = next(one for one in self._lanes.values() if not (one.under_way or one.waiting))
                del self._lanes[oldest.workspace_id]
                return self._lanes.setdefault(workspace_id, lane)
        return lane

    def _read_workspaces(self, lanes: Sequence[Lane], now: float) -> None:
        """Where their receipts go, and the keys that sign them."""
        old = {lane.workspace_id: lane for lane in lanes if now - lane.read_at >= WORKSPACE_SECONDS}
        for workspace in Workspace.objects.filter(pk__in=list(old)) if old else ():
            lane = old[workspace.pk]
            lane.read_at = now
            if workspace.callback_url != lane.url:
                lane.url, lane.origin, lane.pace = (
                    workspace.callback_url,
                    endpoints.origin(workspace.callback_url),
                    Pace(),
                )
            try:
                lane.private_pem = keys.callback_key(workspace).private_pem
            except InvalidToken:
                log.error("a workspace's callback key cannot be decrypted", workspace=workspace.pk)
                lane.private_pem = ""

    def _start(self) -> None:
        """Start a call of each lane in turn, until none may have another."""
        passed = 0
        while passed < len(self._turns) and len(self._posted) < MOST_UNDER_WAY:
            workspace_id, lane = next(iter(self._turns.items()))
            self._turns.move_to_end(workspace_id)
            if self._start_of(lane):
                passed = 0
            else:
                passed += 1
            if not lane.waiting:
                del self._turns[workspace_id]

    def _start_of(self, lane: Lane) -> bool:
        """Start the lane's next call, where its endpoint may have one."""
        now = time.monotonic()
        while lane.waiting and now - lane.waiting[0][1] > STALE_SECONDS:
            lane.waiting.popleft()  # its lease runs out
        is_full = self._at_origin[lane.origin] >= MAX_CONNECTIONS_PER_HOST
        if is_full or not lane.waiting or not lane.pace.room(lane.under_way, now):
            return False
        receipt, _ = lane.waiting.popleft()
        number = next(self._numbers)
        self._posted[number] = _Posted(lane, receipt, now)
        lane.under_way += 1
        self._at_origin[lane.origin] += 1
        try:
            posting = signed_posting(lane.url, receipt.body, lane.private_pem)
        except ValueError:
            self._calls.fail(number, NO_KEY)
        else:
            self._calls.start(number, call_of(posting))
        return True

    def _take_in(self, answers: Mapping[int, Answer]) -> None:
        """Note what was answered, and what it says of the endpoints."""
        now, at = time.monotonic(), clock.now()
        given_back: list[receipts.Leased] = []
        for number, answer in answers.items():
            posted = self._posted.pop(number)
            lane = posted.lane
            if not self._unwritten:
                self._oldest_unwritten = now
            self._unwritten.append(receipts.Attempt(posted.receipt, result_of(answer), at))
            self._learn(posted, answer, now)
            lane.under_way -= 1
            self._at_origin[lane.origin] -= 1
            # An endpoint that is left alone for now keeps nobody's lease.
            while lane.pace.fails and lane.waiting:
                given_back.append(lane.waiting.popleft()[0])
        self.posted += len(answers)
        self._at_origin = +self._at_origin
        if given_back:
            receipts.give_back(given_back)

    def _learn(self, posted: _Posted, answer: Answer, now: float) -> None:
        """A backend that is well answers, be it with a refusal; one that is not says so, or nothing."""
        pace, status = posted.lane.pace, answer.status or 0
        if answer.error or status == 429 or status >= 500:
            pace.failed(posted.started_at, now, _retry_after(answer))
        else:
            pace.answered(answer.duration_ms / 1000, posted.lane.under_way, now, self._unseen_seconds)

    def _write(self) -> None:
        attempts, self._unwritten = self._unwritten, []
        receipts.record(attempts)

    def _finish(self) -> None:
        """Wait for what is under way, but not for long; write what was answered and give back what was not sent."""
        deadline = time.monotonic() + FINISH_SECONDS
        try:
            while self._posted and time.monotonic() < deadline:
                self._take_in(self._look())
            if self._unwritten:
                self._write()
            if waiting := [receipt for lane in self._turns.values() for receipt, _ in lane.waiting]:
                receipts.give_back(waiting)
        finally:
            self._calls.close()

    def _forget(self) -> None:
        """Of what could not be written nothing is kept: its leases run out."""
        self._unwritten.clear()
        for lane in self._turns.values():
            lane.waiting.clear()
        self._turns.clear()
        close_old_connections()


def send_due(*, budget_seconds: float = 20.0) -> int:
    """Post what is due, with a sender of its own; returns how many were posted."""
    return Sender().drain(budget_seconds)


def _retry_after(answer: Answer) -> float:
    """Seconds the backend asks to be left alone for (RFC 9110, 10.2.3), 0 where it names none."""
    value = answer.header("retry-after")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0.0
