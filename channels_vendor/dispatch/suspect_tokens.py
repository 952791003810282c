"""Give up tokens that a vendor refuses without saying why, once it has refused them again and again.

HONOR's `failTokens` and MiPush's 20301 may be a token's end or only a bad day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection

from channels_vendor.base.outcomes import SendOutcome
from channels_vendor.base.references import token_hash
from pushcore.channels import Channel
from pushcore.storage import ids
from pushcore.storage.sql import statements

_SQL = statements(__file__)

TASKS = 3
SPAN = timedelta(hours=24)


def given_up(
    workspace_id: int, channel: Channel, results: Sequence[SendOutcome], now: datetime
) -> set[tuple[int, str]]:
    """Return (device, token) of the tokens refused in this batch, whose outcomes are written, that are at their end.

    Since a token was reported, and since it was last accepted, it has been refused with the same code in at least
    `TASKS` tasks, the first of them made `SPAN` ago. One query, and none where no token is suspect.
    """
    suspects = [one for one in results if one.suspect]
    if not suspects:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["given_up"],
            {
                "devices": [one.delivery.device_id for one in suspects],
                "tokens": [one.delivery.token for one in suspects],
                "token_hashes": [token_hash(one.delivery.token) for one in suspects],
                "codes": [one.vendor_code.partition(" ")[0] for one in suspects],
                "workspace": workspace_id,
                "channel": int(channel),
                "epoch": ids.EPOCH,
                "epoch_seconds": int(ids.EPOCH.timestamp()),
                "sequence_bits": ids.SEQUENCE_BITS,
                "tasks": TASKS,
                "span": ids.first_id_at(now - SPAN),
            },
        )
        return set(cursor.fetchall())
