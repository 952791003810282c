"""Turn the records of a file into messages, block by block; each block is one transaction.

The transaction holds the claims, the COPY and the position the block ends at. So a worker may die at any moment, and
the next one continues after the last committed block; no line is lost and none is made twice. A block is parsed, and
its targets are resolved, while those before it are written: two at a time, so that one makes its claims while the other
is copied and flushed, but they commit in order. Messages are dispatched as soon as their block is committed.
"""

from __future__ import annotations

import io
import itertools
import json
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from threading import Event
from typing import Any, NamedTuple

import structlog
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from pushcore.audience import aliases
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import dispatch, expiry
from pushcore.devices import bindings
from pushcore.file_push import lease, sentences
from pushcore.file_push.blocks import lines_of
from pushcore.file_push.records import MAX_RECORD, Block, Fault, Lines, Reader, Record
from pushcore.file_push.upload import wake_loader
from pushcore.models import FileChunk, FileFault, FileImport, Message, PushTask
from pushcore.models.pushes import DeliveryType
from pushcore.ports import OutgoingMessage, online
from pushcore.push.idempotency import claim_digests
from pushcore.push.targets import ResolvedTarget, Target, of_other_platforms, resolve
from pushcore.storage import clock, ids
from pushcore.storage.valkey import ValkeyDown

log = structlog.get_logger(__name__)

MAX_FAULTS = 1000
DISPATCH_BATCH = 1000
# Blocks written concurrently.
WRITERS = 2
# Files that may fail in a run. Each stays leased meanwhile, which takes a thread and a connection.
MAX_FAILURES = 8

_NULL = "\\N"
_COPY = (
    "COPY pushcore_message (id, workspace_id, task_id, delivery_type, target, msgkey, device_id, status, channel,"
    " kind, override, expire_at, updated_at) FROM STDIN"
)


# A message to be inserted: its id, its record, and the device it goes to, if any.
NewMessage = tuple[int, Record, ResolvedTarget | None]


def load_all(*, budget_seconds: float = 20.0) -> int:
    """Load waiting files until the time is spent; return how many records became messages.

    Wakes the loader again if something is left. Safe to run concurrently with itself: files are leased.

    Raises:
        Exception: What the first file failed with that could not be loaded, after the others had their turn.
    """
    deadline = time.monotonic() + budget_seconds
    accepted, failures = 0, list[Exception]()
    # A file that fails stays leased until the end: the next one, not itself, is the oldest free file then.
    with ExitStack() as failed:
        while time.monotonic() < deadline and len(failures) < MAX_FAILURES:
            with ExitStack() as leased:
                file = leased.enter_context(lease.taken())
                if file is None:
                    break
                try:
                    accepted += _load(file, deadline)
                except TaskRevokedError:
                    _finish(file)
                except FileTakenError:
                    log.warning("file is leased by another worker", task=file.pk)
                except Exception as error:
                    log.warning("file could not be loaded; tried again", task=file.pk, error=type(error).__name__)
                    failures.append(error)
                    failed.push(leased.pop_all())
    if failures:
        raise failures[0]
    if lease.any_free():
        wake_loader()
    return accepted


def _vendor_options(task: PushTask) -> dict[str, Any]:
    """Return a task's options as the request had them (`PushRequest.vendor_options`)."""
    return {name: value for name, value in task.options.items() if name != "androidChannel"}


def _load(file: FileImport, deadline: float) -> int:
    """Continue a file until its end or the deadline; return how many records became messages."""
    task = PushTask.objects.get(pk=file.pk)
    accepted, lines = file.accepted, lines_of(file)
    # Every occurrence of a schedule pushes the same msgkeys; within one of them each counts once.
    scope = f"{task.workspace_id}/{task.pk}" if file.scheduled else task.workspace_id
    reader = Reader(scope, task.content, task.delivery_type, _vendor_options(task), file.variables)
    writing: deque[Future[None]] = deque()
    before = _CommitSlot.of_nothing()
    with _threads(1, "file-reader") as readers, _threads(WRITERS, "file-writer") as writers:
        ahead = _submit(readers, task, reader, lines)
        while ahead is not None:
            prepared = ahead.result()
            ahead = _submit(readers, task, reader, lines)
            if len(writing) == WRITERS:
                writing.popleft().result()
            slot = _CommitSlot(Event(), Event())
            writing.append(writers.submit(_write, file, task, prepared, before, slot))
            before = slot
            if time.monotonic() >= deadline:
                break
        for written in writing:
            written.result()
    if ahead is None:
        _finish(file)
    return file.accepted - accepted


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


def _submit(
    pool: ThreadPoolExecutor, task: PushTask, reader: Reader, lines: Iterator[Lines]
) -> Future[_Prepared] | None:
    """Prepare the next block in a thread of the pool, which has its own connection; None at the file's end."""
    following = next(lines, None)
    return None if following is None else pool.submit(_prepare, task, reader, following)


class _Prepared(NamedTuple):
    """A block, its messages, and their rows in COPY's text format."""

    block: Block
    messages: list[NewMessage]
    rows: bytes


def _prepare(task: PushTask, reader: Reader, lines: Lines) -> _Prepared:
    block = reader.read(lines)
    if task.delivery_type == DeliveryType.USER:
        users = aliases.users_of(task.workspace, [record.target for record in block.records])
        if users:
            reader.rename(block, users)
    messages = _messages_of(task, block)
    return _Prepared(block, messages, _rows(task, messages))


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


def _write(file: FileImport, task: PushTask, prepared: _Prepared, before: _CommitSlot, slot: _CommitSlot) -> None:
    """Write a block's messages and the position in one transaction, then dispatch the messages."""
    try:
        with transaction.atomic():
            before.claimed.wait()
            messages = _insert(file, task, prepared, slot, before)
    finally:
        slot.end()
    _deliver(task, messages)


def _insert(
    file: FileImport, task: PushTask, prepared: _Prepared, slot: _CommitSlot, before: _CommitSlot
) -> list[NewMessage]:
    """Claim the keys of a block and insert its messages; return those whose keys nobody had claimed before.

    Raises:
        FileTakenError: Another worker has continued the file, or the block before was not committed.
        TaskRevokedError: The push was revoked.
    """
    block, messages, rows = prepared
    now = clock.now()
    repeated = _claim(task, block.records, now)
    slot.claimed.set()
    if repeated:
        lines = {fault.line for fault in repeated}
        messages = [entry for entry in messages if entry[1].line not in lines]
        rows = _rows(task, messages)
    _copy(rows)
    before.ended.wait()
    accepted = file.accepted + len(block.records) - len(repeated)
    rejected = file.rejected + len(block.faults) + len(repeated)
    moved = FileImport.objects.filter(pk=file.pk, position=block.lines.start).update(
        position=block.lines.end, line=block.lines.last, accepted=accepted, rejected=rejected
    )
    if not moved:
        raise FileTakenError(f"file {file.pk} is read by another worker")
    _keep_faults(file, sorted([*block.faults, *repeated]))
    file.accepted, file.rejected = accepted, rejected
    counted = PushTask.objects.filter(pk=task.pk, revoked_at__isnull=True)
    if not counted.update(**PushTask.grown_by([message_id for message_id, _, _ in messages])):
        raise TaskRevokedError
    return messages


class TaskRevokedError(Exception):
    """The push was revoked: the rest of its file becomes no messages."""


class FileTakenError(Exception):
    """Another worker continued the file."""


def _claim(task: PushTask, records: Sequence[Record], now: datetime) -> list[Fault]:
    """Claim every record's target and msgkey; return a fault for each claimed before."""
    taken = claim_digests([record.digest for record in records], task_id=task.pk, now=now)
    return [_fault(record, sentences.USED) for record in records if record.digest in taken]


def _fault(record: Record, reason: str) -> Fault:
    """Make the fault of a record that was read well and becomes no message."""
    return Fault(record.line, reason, f"{record.target},{record.msgkey}"[:MAX_RECORD])


def _messages_of(task: PushTask, block: Block) -> list[NewMessage]:
    """Make a message for each device of each record's target, or one without a device if there is none.

    Records of devices of another platform, which would never get theirs, become faults of the block.
    """
    targets = list({record.target for record in block.records})
    resolved = resolve(task.workspace, DeliveryType(task.delivery_type), targets) if targets else {}
    _refuse_other_platforms(task, block, {target for target in targets if target not in resolved})
    wanted = [(record, device) for record in block.records for device in resolved.get(record.target) or (None,)]
    message_ids = ids.new_ids(len(wanted)) if wanted else []
    return [(message_id, *pair) for message_id, pair in zip(message_ids, wanted, strict=True)]


def _refuse_other_platforms(task: PushTask, block: Block, unmet: Collection[str]) -> None:
    found = of_other_platforms(Target(task.workspace_id, task.delivery_type, target) for target in unmet)
    if not found:
        return
    others = {target.name for target in found}
    refused = [record for record in block.records if record.target in others]
    block.records = [record for record in block.records if record.target not in others]
    block.faults += [_fault(record, sentences.OTHER_PLATFORM) for record in refused]


def _rows(task: PushTask, messages: Sequence[NewMessage]) -> bytes:
    """Return messages in COPY's text format."""
    unresolved = statuses.NO_BIND_INFO if task.delivery_type == DeliveryType.USER else statuses.WAITING
    common = f"\t{task.workspace_id}\t{task.pk}\t{task.delivery_type}\t"
    ends = f"\t{task.expire_at.isoformat()}\t{clock.now().isoformat()}\n"
    constant = f"{Channel.SELF_BUILT}\t{int(Message.Kind.of(task))}\t"
    bound = f"\t{statuses.WAITING}\t{constant}"
    unbound = f"{_NULL}\t{unresolved}\t{constant}"
    return "".join(
        [
            f"{message_id}{common}{_escaped(record.target)}\t{_escaped(record.msgkey)}\t"
            f"{f'{device.device_id}{bound}' if device else unbound}{_escaped(record.override)}{ends}"
            for message_id, record, device in messages
        ]
    ).encode()


def _copy(rows: bytes) -> None:
    with connection.cursor() as cursor:
        cursor.copy_expert(_COPY, io.BytesIO(rows), 1 << 18)


def _escaped(text: str | None) -> str:
    """Escape text for COPY; a record holds no line feed, JSON no control character."""
    if text is None:
        return _NULL
    if "\\" in text or not text.isprintable():
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\r", "\\r")
    return text


def _keep_faults(file: FileImport, faults: Sequence[Fault]) -> None:
    room = max(0, MAX_FAULTS - file.rejected)
    FileFault.objects.bulk_create(
        [FileFault(file=file, line=fault.line, reason=fault.reason, record=fault.record) for fault in faults[:room]]
    )


def _deliver(task: PushTask, messages: Sequence[NewMessage]) -> None:
    """Make the first attempt for the messages of a block that is committed; those made too late expire."""
    if task.expire_at <= clock.now():
        expiry.expire([message_id for message_id, _, _ in messages])
        return
    _dispatch_reachable(task, messages)
    if task.delivery_type == DeliveryType.USER:
        unbound = [record.target for _, record, device in messages if device is None]
        bindings.attach_bound_meanwhile(task.workspace_id, unbound)


def _dispatch_reachable(task: PushTask, messages: Sequence[NewMessage]) -> None:
    """Dispatch the messages to devices that are connected, or that a vendor may reach."""
    try:
        here = online(list({device.device_id for _, _, device in messages if device is not None}))
    except ValkeyDown:
        log.warning("Valkey is unavailable; the sweeper will dispatch the messages", task=task.pk)
        return
    ready = (
        _outgoing(task, message_id, record, device)
        for message_id, record, device in messages
        if device is not None and (device.device_id in here or device.third_token)
    )
    while batch := list(itertools.islice(ready, DISPATCH_BATCH)):
        dispatch.to_lanes(batch)


def _outgoing(task: PushTask, message_id: int, record: Record, device: ResolvedTarget) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=message_id,
        workspace_id=task.workspace_id,
        task_id=task.pk,
        kind=task.kind,
        target=record.target,
        msgkey=record.msgkey,
        expire_at=task.expire_at,
        content=task.content | json.loads(record.override) if record.override else task.content,
        options=task.options,
        device_id=device.device_id,
        platform=device.platform,
        third_channel=device.third_channel,
        third_token=device.third_token,
    )


def _finish(file: FileImport) -> None:
    """Note that the whole file is loaded, and delete its bytes."""
    FileImport.objects.filter(pk=file.pk).update(finished_at=clock.now())
    FileChunk.objects.filter(file_id=file.pk).delete()
    log.info("file read", task=file.pk, accepted=file.accepted, rejected=file.rejected)
