"""Receive a file in chunks, and turn it into a push task once it is whole. Memory holds one chunk.

The API does both in one request (`receive`). The console keeps a file, shows what is in it, and pushes it once an
operator confirms.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from pushcore.categories.catalog import CategoryRules
from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push import blocks
from pushcore.loading.wake import wake_loader
from pushcore.models import FileChunk, FileImport, Occurrence, PushTask, Schedule, Workspace
from pushcore.models.pushes import DeviceRules
from pushcore.push import content, limits, templates
from pushcore.push.idempotency import WINDOW
from pushcore.push.requests import FilePush
from pushcore.storage import clock, ids

log = structlog.get_logger(__name__)

# Files of a workspace that are being received or loaded at one time.
MAX_OPEN = 20
# A file that was not completed in this time is abandoned, unless a schedule pushes it later.
ABANDONED = timedelta(hours=2)

# Bytes by which an encoding is detected.
_HEAD = 4

Read = Callable[[int], bytes]


def receive(workspace: Workspace, request: FilePush, read: Read, *, source: PushTask.Source, author: str) -> PushTask:
    """Receive a file and accept its push.

    Args:
        workspace: The workspace that pushes.
        request: The push, without its targets.
        read: Returns the next bytes, at most as many as asked for; none at the end.
        source: Where the push comes from.
        author: Who pushes.

    Returns:
        The task; for the same file with the same parameters within 24 hours the first one.

    Raises:
        ResultError: The limits of a multiple push; NEED_FILE for an empty file; REQUEST_SHOULD_BE_UTF8;
            MSG_PAYLOAD_TOO_LONG; SIGNATURE_MISMATCH if the bytes are not those of `request.sha256`.
    """
    limits.check(request)
    content_of(workspace, request)
    return push(workspace, request, keep(workspace, read, sha256=request.sha256), source=source, author=author)


class FileContent(NamedTuple):
    """What the messages of a file have in common, of one version of the template.

    Attributes:
        shared: The task's content, with the template's placeholders in it.
        variables: The names of the placeholders (`Template.variables`).
        vendor_options: What vendors are told beside it.
        message_category: The name of their category; empty for none.
        device_rules: What of devices decides whether they get it now.
    """

    shared: dict[str, Any]
    variables: list[str] | None
    vendor_options: Mapping[str, Any]
    message_category: str
    device_rules: DeviceRules


def content_of(workspace: Workspace, request: FilePush) -> FileContent:
    """Return the content of a file's push.

    Raises:
        ResultError: The template or the category is unknown, or the content is too long.
    """
    template = templates.named(workspace, request.template_name)
    category = CategoryRules.of(workspace, request, template.message_category)
    shared = content.as_it_stands(template, request)
    limits.check_payload(shared, category.vendor_options)
    return FileContent(shared, template.variables, category.vendor_options, category.name, category.device_rules)


def keep(workspace: Workspace, read: Read, *, sha256: str = "") -> FileImport:
    """Receive and keep a file without pushing it; it is deleted after `ABANDONED` if it is never pushed.

    Args:
        workspace: The file's workspace.
        read: As for `receive`.
        sha256: The digest the file must have, in hexadecimal; empty if nobody signed it.

    Raises:
        ResultError: As `receive`.
    """
    unread = FileImport.objects.filter(workspace=workspace, finished_at__isnull=True)
    if unread.exclude(pk__in=scheduled_files()).count() >= MAX_OPEN:
        raise ResultError(
            ResultCode.INVALID_PARAM, f"{MAX_OPEN} files are being read at this time already", parameter="files"
        )
    [task_id] = ids.new_ids(1)
    file = FileImport.objects.create(id=task_id, workspace=workspace, sha256=sha256, created_at=clock.now())
    try:
        _keep(file, read)
    except BaseException:
        discard(file)
        raise
    return file


def _keep(file: FileImport, read: Read) -> None:
    """Write the bytes in chunks of `CHUNK`, each committed by itself, and validate them as they arrive."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    number, chunk, head, last = 0, bytearray(), b"", b"\n"
    while data := read(1 << 16):
        if len(head) < _HEAD:
            head += data[:_HEAD]
            _check_encoding(head)
        file.size += len(data)
        if file.size > settings.MAX_FILE_BYTES:
            raise ResultError(
                ResultCode.MSG_PAYLOAD_TOO_LONG,
                f"a file has at most {settings.MAX_FILE_BYTES} bytes",
                parameter="file",
            )
        digest.update(data)
        file.lines += _line_ends(data) - (last == b"\r" and data.startswith(b"\n"))
        last = data[-1:]
        _check_text(decoder, data)
        chunk += data
        while len(chunk) >= blocks.CHUNK:
            FileChunk.objects.create(file=file, number=number, data=bytes(chunk[: blocks.CHUNK]))
            del chunk[: blocks.CHUNK]
            number += 1
    _check_text(decoder, b"", final=True)
    if chunk:
        FileChunk.objects.create(file=file, number=number, data=bytes(chunk))
    if not file.size:
        raise ResultError(ResultCode.NEED_FILE)
    if file.sha256 and digest.hexdigest() != file.sha256:
        raise ResultError(ResultCode.SIGNATURE_MISMATCH, "the file is not the one that was signed (sha256)")
    file.sha256 = digest.hexdigest()
    file.lines += last not in (b"\r", b"\n")
    file.save(update_fields=["sha256", "size", "lines"])


def _line_ends(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _check_encoding(head: bytes) -> None:
    """Refuse a file that begins as UTF-16 or UTF-32: with a byte order mark, or with every other byte zero.

    Raises:
        ResultError: REQUEST_SHOULD_BE_UTF8, naming the encoding.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) or (
        len(head) >= _HEAD and (head[1:4:2] == b"\0\0" or head[0:4:2] == b"\0\0")
    ):
        raise ResultError(ResultCode.REQUEST_SHOULD_BE_UTF8, "the file is UTF-16 or UTF-32: save it as UTF-8")


def _check_text(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> None:
    try:
        decoder.decode(data, final)
    except UnicodeDecodeError:
        raise ResultError(ResultCode.REQUEST_SHOULD_BE_UTF8, "the file is not UTF-8") from None


def push(
    workspace: Workspace, request: FilePush, file: FileImport, *, source: PushTask.Source, author: str
) -> PushTask:
    """Accept the push of a kept file.

    Returns:
        The task. If the same file was pushed with the same parameters within 24 hours, that task, and the file is
        deleted.

    Raises:
        ResultError: The limits, which leave the file as it is; INVALID_PARAM for a file that was pushed or deleted.
    """
    limits.check(request)
    common = content_of(workspace, request)
    now = clock.now()
    with transaction.atomic():
        # The workspace's row serialises the search for an earlier push.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        task = _earlier(workspace, request)
        if task is None:
            free = FileImport.objects.filter(pk=file.pk, workspace=workspace, accepted_at__isnull=True)
            free = free.exclude(pk__in=scheduled_files())
            if not free.update(
                accepted_at=now,
                variables=common.variables,
                messages_per_second=request.messages_per_second,
                over_seconds=request.over_seconds,
                pace_url=request.pace_url,
            ):
                raise ResultError(
                    ResultCode.INVALID_PARAM,
                    "the file was pushed already, or is not kept any more",
                    parameter="file",
                )
            task = _create_task(workspace, request, file.pk, common, now, source=source, author=author)
    if task.pk != file.pk:
        discard(file)
    else:
        wake_loader()
    return task


def _earlier(workspace: Workspace, request: FilePush) -> PushTask | None:
    same = FileImport.objects.filter(
        workspace=workspace, sha256=request.sha256, accepted_at__gt=clock.now() - WINDOW, scheduled=False
    )
    return PushTask.objects.filter(pk__in=same.values("pk"), fingerprint=request.fingerprint()).first()


def _create_task(
    workspace: Workspace,
    request: FilePush,
    file_id: int,
    common: FileContent,
    now: datetime,
    *,
    source: PushTask.Source,
    author: str,
) -> PushTask:
    return PushTask.objects.create(
        id=file_id,
        last_message_id=file_id,
        workspace=workspace,
        name=request.task_name,
        kind=PushTask.Kind.MULTIPLE,
        delivery_type=request.delivery_type,
        source=source,
        author=author[:150],
        content=common.shared,
        options={"androidChannel": request.android_channel, **common.vendor_options},
        fingerprint=request.fingerprint(),
        expire_at=now + timedelta(seconds=request.expired_seconds),
        created_at=now,
        message_category=common.message_category,
        inbox=request.inbox,
        device_rules=common.device_rules,
    )


def push_copy(
    workspace: Workspace, request: FilePush, file_id: int, *, source: PushTask.Source, author: str
) -> PushTask:
    """Accept the push of a copy of a schedule's file, in the caller's transaction; the caller wakes the loader then.

    Raises:
        ResultError: The limits; INVALID_PARAM for a file that is not kept any more.
    """
    limits.check(request)
    common = content_of(workspace, request)
    now = clock.now()
    kept = FileImport.objects.filter(pk=file_id, workspace=workspace, accepted_at__isnull=True).first()
    if kept is None:
        raise ResultError(ResultCode.INVALID_PARAM, "the file is not kept any more", parameter="file")
    [task_id] = ids.new_ids(1)
    FileImport.objects.create(
        id=task_id,
        workspace=workspace,
        sha256=kept.sha256,
        size=kept.size,
        lines=kept.lines,
        variables=common.variables,
        messages_per_second=request.messages_per_second,
        over_seconds=request.over_seconds,
        pace_url=request.pace_url,
        scheduled=True,
        created_at=now,
        accepted_at=now,
    )
    blocks.copy(file_id, task_id)
    return _create_task(workspace, request, task_id, common, now, source=source, author=author)


def scheduled_files() -> QuerySet[Schedule, int | None]:
    """Return the ids of the files that schedules will still push."""
    waiting = Occurrence.objects.filter(schedule=OuterRef("pk"), status=Occurrence.Status.PENDING)
    return Schedule.objects.filter(Exists(waiting), file_id__isnull=False).values_list("file_id", flat=True)


def discard(file: FileImport) -> None:
    """Delete a file that was not pushed and that no schedule will push."""
    unused = FileImport.objects.filter(pk=file.pk, accepted_at__isnull=True).exclude(pk__in=scheduled_files())
    with transaction.atomic():
        if unused.select_for_update().exists():
            FileChunk.objects.filter(file_id=file.pk).delete()
            FileImport.objects.filter(pk=file.pk).delete()


def discard_abandoned() -> int:
    """Delete abandoned files, and those that no schedule will push any more; return how many."""
    gone = FileImport.objects.filter(accepted_at__isnull=True, created_at__lt=clock.now() - ABANDONED)
    files = list(gone.exclude(pk__in=scheduled_files())[:100])
    for file in files:
        discard(file)
    return len(files)
