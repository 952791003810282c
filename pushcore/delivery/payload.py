"""The bytes that a device gets: the JSON `{"k", "bData"}`, message ID and content (source document, 4.1.1).

What the content consists of is decided when a push is accepted (`pushcore.push.content`).
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from pushcore.ports import OutgoingMessage
from pushcore.storage import ids

# `json.dumps` with options would make an encoder for each value.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class _Shared(NamedTuple):
    """What messages of a task with the same content have in common: the text before, between and after their own.

    `content` is kept so that it lives as long as it is known by its identity.
    """

    before_key: str
    before_time: str
    end: str
    expire_at_ms: int
    content: dict[str, Any]


class PayloadEncoder:
    """Encodes messages for the self-built channel. Of a batch, what messages share is encoded once."""

    def __init__(self) -> None:
        self._shared: dict[tuple[int, int], _Shared] = {}

    def encode(self, outgoing: OutgoingMessage) -> tuple[bytes, int]:
        """Encode a message; what was encoded of its task before is used again.

        Returns:
            UTF-8 JSON, and when the message expires, in milliseconds since 1970 as all times in it. `k` is text, for
            ids exceed what a JavaScript number holds.
        """
        key = outgoing.task_id, id(outgoing.content)
        shared = self._shared.get(key) or self._shared.setdefault(key, _share(outgoing))
        before_key, before_time, end, expire_at_ms, _ = shared
        message_id = outgoing.message_id
        text = (
            f'{{"k":"{message_id}{before_key}{encode_basestring(outgoing.msgkey)}'
            f"{before_time}{ids.created_at_ms(message_id)}{end}"
        )
        return text.encode(), expire_at_ms


def _share(outgoing: OutgoingMessage) -> _Shared:
    expire_at_ms = int(outgoing.expire_at.timestamp() * 1000)
    members = _json(outgoing.content)[1:-1]
    return _Shared(
        f'","bData":{{{members}{"," if members else ""}"msgKey":',
        f',"taskId":"{outgoing.task_id}","pushType":{_json(outgoing.kind)},"createdAt":',
        f',"expireAt":{expire_at_ms}}}}}',
        expire_at_ms,
        outgoing.content,
    )


def device_payload(outgoing: OutgoingMessage) -> bytes:
    """Encode one message for the self-built channel."""
    return PayloadEncoder().encode(outgoing)[0]
