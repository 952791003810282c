"""Dry runs of files: the whole file is read and its lines are checked; the devices of its first records are met."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction

from pushcore.file_push import upload
from pushcore.file_push.inspection import Inspection, inspect
from pushcore.file_push.records import Record
from pushcore.file_push.upload import FileContent, Read
from pushcore.loading import pace
from pushcore.models import PushTask, Workspace
from pushcore.push import limits
from pushcore.push.dry_run import add_devices, of_named, would_end
from pushcore.push.new_push import NewPush
from pushcore.push.recipients import Recipient
from pushcore.push.requests import FilePush
from pushcore.push.targets import Target
from pushcore.storage import clock


def dry_run(workspace: Workspace, request: FilePush, read: Read) -> dict[str, Any]:
    """Find out what would become of a file's push; the file is deleted again.

    Returns:
        As `pushcore.push.dry_run.DryRun.as_data`, of the first records, `sampled` of them; `records`, `faults` and
        `firstFaults` are of the whole file.

    Raises:
        ResultError: As `upload.receive` would.
    """
    limits.check(request)
    content = upload.content_of(workspace, request)
    file = upload.keep(workspace, read, sha256=request.sha256)
    try:
        inspection = inspect(file, content.shared, request.delivery_type, content.variables)
    finally:
        upload.discard(file)
    push = _push_of(workspace, request, content, inspection.sample)
    with transaction.atomic():
        add_devices(push, refuse_other_platforms=False)  # such lines are reported while a file is loaded
        ended = would_end(push)
        transaction.set_rollback(True)
    return of_named(push, ended).as_data() | _of_file(inspection, request)


def _push_of(workspace: Workspace, request: FilePush, content: FileContent, sample: Sequence[Record]) -> NewPush:
    """Make a push of some of the file's records."""
    now = clock.now()
    task = PushTask(
        workspace=workspace,
        kind=PushTask.Kind.MULTIPLE,
        delivery_type=request.delivery_type,
        content=content.shared,
        options={"androidChannel": request.android_channel, **content.vendor_options},
        expire_at=now + timedelta(seconds=request.expired_seconds),
        created_at=now,
        message_category=content.message_category,
        device_rules=content.device_rules,
    )
    recipients = [
        Recipient(record.target, record.msgkey, json.loads(record.override) if record.override else None)
        for record in sample
    ]
    targets = [Target(workspace.pk, request.delivery_type, recipient.target) for recipient in recipients]
    return NewPush(task, (), recipients, targets)


def _of_file(inspection: Inspection, request: FilePush) -> dict[str, Any]:
    return {
        "records": inspection.records,
        "faults": inspection.faults,
        "firstFaults": [
            {"line": fault.line, "reason": fault.reason, "record": fault.record} for fault in inspection.first_faults
        ],
        "paceSeconds": pace.seconds_for(
            inspection.records, messages_per_second=request.messages_per_second, over_seconds=request.over_seconds
        ),
        "sampled": len(inspection.sample),
    }
