"""Give up tokens that a vendor refuses without saying why, once it has refused them again and again.

HONOR's `failTokens` and MiPush's 20301 may be a token's end or only a bad day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection

from channels_vendor.base.contract import SendOutcome
from channels_vendor.base.references import token_hash
from pushcore.channels import Channel
from pushcore.storage import ids

TASKS = 3
SPAN = timedelta(hours=24)


def given_up(
    workspace_id: int, channel: Channel, results: Sequence[SendOutcome], now: datetime
) -> set[tuple[int, str]]:
    """Return (device, token) of the tokens refused in this batch, whose outcomes are written, that are at their end.

    Since a token was reported, and since it was last accepted, it has been refused in the same word in at least `TASKS`
    tasks, the first of them made `SPAN` ago. One query, and none where no token is suspect.
    """
    suspects = [one for one in results if one.suspect]
    if not suspects:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH told AS ("
            " SELECT said.device_id, said.token, v.message_id, v.task_id, v.accepted_at IS NOT NULL AS accepted,"
            " split_part(v.vendor_code, ' ', 1) = said.word AS refused"
            " FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[]) AS said(device_id, token, hash, word)"
            " JOIN pushcore_device d ON d.id = said.device_id AND d.third_token = said.token"
            " JOIN channels_vendor_vendormessage v ON v.token_hash = said.hash AND v.device_id = said.device_id"
            " AND v.workspace_id = %s AND v.channel = %s AND v.message_id >="
            " ((extract(epoch FROM coalesce(d.third_reported_at, %s)) - %s) * 1000)::bigint << %s"
            "), accepted AS (SELECT device_id, max(message_id) AS last FROM told WHERE accepted GROUP BY device_id)"
            " SELECT told.device_id, told.token FROM told LEFT JOIN accepted USING (device_id)"
            " WHERE told.refused AND told.message_id > coalesce(accepted.last, 0)"
            " GROUP BY told.device_id, told.token"
            " HAVING count(DISTINCT told.task_id) >= %s AND min(told.message_id) <= %s",
            [
                [one.delivery.device_id for one in suspects],
                [one.delivery.token for one in suspects],
                [token_hash(one.delivery.token) for one in suspects],
                [one.vendor_code.partition(" ")[0] for one in suspects],
                workspace_id,
                int(channel),
                ids.EPOCH,
                int(ids.EPOCH.timestamp()),
                ids.SEQUENCE_BITS,
                TASKS,
                ids.first_id_at(now - SPAN),
            ],
        )
        return set(cursor.fetchall())
