"""Receipts are queued in the transaction that makes a message's status final."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from pushcore.callbacks import sender_signals
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.models import Receipt
from pushcore.storage.partitions import RECEIPTS
from pushcore.storage.sql import statements

_SQL = statements(__file__)


class _ReceiptContent(NamedTuple):
    """What a receipt says: a row of the statement `contents`."""

    message_id: int
    workspace_id: int
    target: str
    msgkey: str
    status: int
    channel: int
    ad_token: str
    platform: int | None
    third_token: str


def enqueue(cursor: CursorWrapper, message_ids: Sequence[int], now: datetime) -> None:
    """Insert the receipts of messages; their sender is woken once, after the commit.

    Messages are kept longer than their receipts, and one may become final so late (where the service was away for
    weeks): it gets none.
    """
    first_kept = RECEIPTS.first_kept(now)
    kept = [message_id for message_id in message_ids if message_id >= first_kept]
    if not kept:
        return
    cursor.execute(_SQL["contents"], {"ids": f"{{{','.join(map(str, kept))}}}"})
    Receipt.objects.bulk_create(
        [
            Receipt(
                workspace_id=content.workspace_id,
                message_id=content.message_id,
                target=content.target,
                body=_body(content),
                created_at=now,
                next_attempt_at=now,
            )
            for content in map(_ReceiptContent._make, cursor.fetchall())
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )
    transaction.on_commit(sender_signals.wake_sender)


def _body(content: _ReceiptContent) -> str:
    """Return the JSON that a backend gets (source document, 6.8, configure callback API).

    iOS devices go by their APNs token, which a device may have lost since: it is the target then, where it was pushed
    to by it.
    """
    device = (content.third_token or content.ad_token) if content.platform == Platform.IOS else content.ad_token
    return json.dumps(
        {
            "extInfo": {
                "adToken": device,
                "osType": "" if content.platform is None else Platform(content.platform).api_name,
            },
            "msgId": content.msgkey,
            "pushSuccess": content.status == statuses.ACKED,
            "statusCode": str(content.status),
            "statusDesc": statuses.lookup(content.status, Channel(content.channel).label).label,
            "targetId": content.target,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
