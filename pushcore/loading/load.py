"""Make the messages of tasks, block by block; each block is one transaction.

The transaction holds the claims, the COPY and the position the block ends at. So a worker may die at any moment, and
the next one continues after the last committed block; nothing is lost and nothing is made twice. A block is prepared
while those before it are written: two at a time, so that one makes its claims while the other is copied and flushed,
but they commit in order. Messages are dispatched as soon as their block is committed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Any, NamedTuple

import structlog
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from pushcore.audience.waves import source_of
from pushcore.file_push.source import FileSource
from pushcore.loading import lease, messages, pace
from pushcore.loading.messages import NewMessage
from pushcore.loading.source import Block, Source, TakenError
from pushcore.loading.wake import wake_asker, wake_loader
from pushcore.models import AudienceWalk, FileImport, PushTask, TaskLoad
from pushcore.storage import clock
from pushcore.webhooks import events as webhook_events

log = structlog.get_logger(__name__)

# Blocks written concurrently.
WRITERS = 2
# Loads that may fail in a run. Each stays leased meanwhile, which takes a thread and a connection.
MAX_FAILURES = 8

# What is loaded, by the table that keeps how far it is.
SOURCES: dict[type[TaskLoad], Callable[[Any], Source[Any, Any]]] = {
    FileImport: FileSource,
    AudienceWalk: source_of,
}


class TaskRevokedError(Exception):
    """The push was revoked: the rest of it becomes no messages."""


def any_waiting() -> bool:
    """Tell whether a load waits for a loader."""
    return lease.any_free(list(SOURCES))


def load_all(*, budget_seconds: float = 20.0) -> int:
    """Load what waits until the time is spent; return how many messages were made.

    Wakes the loader again if something is left. Safe to run concurrently with itself: loads are leased.

    Raises:
        Exception: What the first load failed with, after the others had their turn.
    """
    deadline = time.monotonic() + budget_seconds
    kinds = list(SOURCES)
    made, failures = 0, list[Exception]()
    # A load that fails stays leased until the end: the next one, not itself, is the oldest free one then.
    with ExitStack() as failed:
        while time.monotonic() < deadline and len(failures) < MAX_FAILURES:
            with ExitStack() as leased:
                load = leased.enter_context(lease.taken(kinds))
                if load is None:
                    break
                try:
                    made += _load(load, deadline)
                except TakenError:
                    log.warning("load is leased by another worker", task=load.pk)
                except Exception as error:
                    log.warning("messages could not be made; tried again", task=load.pk, error=type(error).__name__)
                    failures.append(error)
                    failed.push(leased.pop_all())
            if load.pace_url:
                wake_asker()
    if failures:
        raise failures[0]
    if lease.any_free(kinds):
        wake_loader()
    return made


def _load(load: TaskLoad, deadline: float) -> int:
    """Continue a load until its end or the deadline; return how many messages were made."""
    source = SOURCES[type(load)](load)
    try:
        return _load_at_pace(source, deadline) if pace.is_paced(load) else _load_from(source, deadline)
    except TaskRevokedError:
        _finish(source, source.abandon)
        return 0


def _load_from(source: Source[Any, Any], deadline: float) -> int:
    blocks = source.read()
    writing: deque[Future[int]] = deque()
    made, before = 0, _CommitSlot.of_nothing()
    with _threads(1, "load-reader") as readers, _threads(WRITERS, "load-writer") as writers:
        ahead = _submit(readers, source, blocks)
        while ahead is not None:
            prepared = ahead.result()
            ahead = _submit(readers, source, blocks)
            if len(writing) == WRITERS:
                made += writing.popleft().result()
            slot = _CommitSlot(Event(), Event())
            writing.append(writers.submit(_write, source, prepared, before, slot))
            before = slot
            if time.monotonic() >= deadline:
                break
        for written in writing:
            made += written.result()
    if ahead is None:
        _finish(source, source.finish)
    return made


def _load_at_pace(source: Source[Any, Any], deadline: float) -> int:
    """Continue a load as `_load_from` does, one block after the other, for as long as its pace allows."""
    made = 0
    while time.monotonic() < deadline:
        read = next(source.read(), None)
        if read is None:
            _finish(source, source.finish)
            break
        if not pace.allows_more(source.load, clock.now()):
            break
        made += _write(source, source.prepare(read), _CommitSlot.of_nothing(), _CommitSlot(Event(), Event()))
        source.load.refresh_from_db()
    return made


def _finish(source: Source[Any, Any], note: Callable[[], None]) -> None:
    """Note that messages are made, or shall not be; they may all have their final status already."""
    with transaction.atomic(), connection.cursor() as cursor:
        note()
        webhook_events.tasks_finished(cursor, [source.load.pk], clock.now())


@contextmanager
def _threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Run a thread pool whose database connections are closed with it."""
    opened: list[Any] = []
    with ThreadPoolExecutor(
        count, thread_name_prefix=name, initializer=lambda: opened.append(connections[DEFAULT_DB_ALIAS])
    ) as pool:
        try:
            yield pool
        finally:
            pool.shutdown()
            for database in opened:
                database.inc_thread_sharing()
                database.close()


def _submit(pool: ThreadPoolExecutor, source: Source[Any, Any], blocks: Iterator[Any]) -> Future[Block] | None:
    """Prepare the next block in a thread of the pool, which has its own connection; None at the source's end."""
    following = next(blocks, None)
    return None if following is None else pool.submit(source.prepare, following)


class _CommitSlot(NamedTuple):
    """The progress of a block among those being written: its claims are made; its transaction has ended."""

    claimed: Event
    ended: Event

    @classmethod
    def of_nothing(cls) -> _CommitSlot:
        """Return the slot before the first block, which is waited for no longer."""
        slot = cls(Event(), Event())
        slot.end()
        return slot

    def end(self) -> None:
        self.claimed.set()
        self.ended.set()


def _write(source: Source[Any, Any], block: Block, before: _CommitSlot, slot: _CommitSlot) -> int:
    """Write a block's messages and the position in one transaction, then dispatch the messages; return how many."""
    try:
        with transaction.atomic():
            before.claimed.wait()
            made = _insert(source, block, slot, before)
    finally:
        slot.end()
    messages.deliver(source.task, made)
    return len(made)


def _insert(source: Source[Any, Any], block: Block, slot: _CommitSlot, before: _CommitSlot) -> Sequence[NewMessage]:
    """Claim the keys of a block and insert its messages; return those whose keys nobody had claimed before.

    Raises:
        TakenError: Another worker has continued the source, or the block before was not committed.
        TaskRevokedError: The push was revoked.
    """
    block = source.claim(block, clock.now())
    slot.claimed.set()
    if block.rows:
        messages.copy(block.rows)
    before.ended.wait()
    source.advance(block)
    counted = PushTask.objects.filter(pk=source.task.pk, revoked_at__isnull=True)
    if not counted.update(**PushTask.grown_by([message_id for message_id, _, _ in block.messages])):
        raise TaskRevokedError
    pace.spend(source.load, block, clock.now())
    # After the block before has committed: blocks that waited for each other's counts would wait here for ever.
    messages.admit(source.task, block.messages)
    return block.messages
