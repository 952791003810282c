"""What a device gets: the JSON `{"k", "bData"}`, message ID and content (source document, 4.1.1)."""

from __future__ import annotations

import json
from typing import Any

from pushcore import ids
from pushcore.ports import Outgoing


def device_payload(outgoing: Outgoing) -> bytes:
    """Encode a message for the self-built channel, UTF-8 JSON.

    `k` is text, for ids exceed what a JavaScript number holds; times are milliseconds since 1970.
    """
    data: dict[str, Any] = dict(outgoing.content)
    data["msgKey"] = outgoing.msgkey
    data["taskId"] = str(outgoing.task_id)
    data["pushType"] = outgoing.kind
    data["createdAt"] = int(ids.created_at(outgoing.message_id).timestamp() * 1000)
    data["expireAt"] = int(outgoing.expire_at.timestamp() * 1000)
    return json.dumps(
        {"k": str(outgoing.message_id), "bData": data}, ensure_ascii=False, separators=(",", ":")
    ).encode()
