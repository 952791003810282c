"""Live Activities of iOS, kept as rows of the device table because each has a push token of its own.

`activity_id` tells them from devices: it is the app's ID of the activity, reported with its token (PushReport) and
named by deliveryType 6; empty where a backend gave only the token (deliveryType 5). Nothing binds to an activity,
connects as one or broadcasts to one. Its token may change while it lasts; the ID stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.target_names import apns_spelling
from pushcore.devices.tokens import lock_key
from pushcore.models import Device, Workspace
from pushcore.storage import clock

MAX_ID_LENGTH = 128
# They may be longer than a device's.
_PUSH_TOKEN = re.compile(r"(?:[0-9a-f]{2}){32,256}")
_SEEN_AGAIN = timedelta(days=1)


def report(workspace: Workspace, activity_id: str, push_token: str) -> None:
    """Keep an activity's push token, which the app reports whenever it changes.

    Raises:
        ResultError: INVALID_PARAM for an unusable ID or token.
    """
    activity_id, push_token = activity_id.strip(), push_token.strip()
    if not activity_id or len(activity_id) > MAX_ID_LENGTH:
        raise ResultError(ResultCode.INVALID_PARAM, f"activityId is empty or longer than {MAX_ID_LENGTH} characters")
    push_token = apns_spelling(push_token)
    if not _PUSH_TOKEN.fullmatch(push_token):
        raise ResultError(ResultCode.INVALID_PARAM, "activityPushToken is 64 to 512 hexadecimal digits")
    with transaction.atomic(), connection.cursor() as cursor:
        # Two reports at the same time make one row.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key(f"activity:{workspace.pk}:{activity_id}")])
        _keep(workspace, activity_id, push_token)


def _keep(workspace: Workspace, activity_id: str, push_token: str) -> None:
    known, now = Device.objects.filter(workspace=workspace, activity_id=activity_id), clock.now()
    if not known.update(third_token=push_token, third_channel=Channel.APNS, third_reported_at=now, last_seen_at=now):
        _row(workspace.pk, push_token, activity_id).save()


def make_known(tokens: Iterable[tuple[int, str]]) -> None:
    """Create activities that are known by their tokens only, given as (workspace id, token). One INSERT."""
    Device.objects.bulk_create([_row(workspace_id, token, "") for workspace_id, token in sorted(set(tokens))])


def note_pushed(device_ids: Collection[int]) -> None:
    """Note that activities are in use. Writes at most once a day for each."""
    now = clock.now()
    Device.objects.filter(pk__in=device_ids, last_seen_at__lt=now - _SEEN_AGAIN).update(last_seen_at=now)


def past() -> QuerySet[Device]:
    """Select activities that are over, messages included.

    An activity lasts for hours, its push-to-start token for months, its messages for the time of retention.
    """
    oldest = clock.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS) - 2 * _SEEN_AGAIN
    return Device.objects.filter(activity_id__isnull=False, last_seen_at__lt=oldest)


def _row(workspace_id: int, token: str, activity_id: str) -> Device:
    now = clock.now()
    return Device(
        workspace_id=workspace_id,
        platform=Platform.IOS,
        third_channel=Channel.APNS,
        third_token=token,
        third_reported_at=now,
        last_seen_at=now,
        activity_id=activity_id,
    )
