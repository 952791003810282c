"""What a device gets: the JSON `{"k", "bData"}`, message ID and content (source document, 4.1.1)."""

from __future__ import annotations

import json
from typing import Any

from pushcore import ids
from pushcore.ports import Outgoing

# `json.dumps` with options would make an encoder for each value.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class PayloadEncoder:
    """Encodes messages for the self-built channel. Of a batch's contents, which tasks share, each is encoded once."""

    def __init__(self) -> None:
        # By identity, with the content itself, so that it lives as long as its identity is remembered.
        self._contents: dict[int, tuple[dict[str, Any], str]] = {}

    def encode(self, outgoing: Outgoing) -> bytes:
        """UTF-8 JSON. `k` is text, for ids exceed what a JavaScript number holds; times: milliseconds since 1970."""
        return (
            f'{{"k":"{outgoing.message_id}","bData":{{{self._content(outgoing.content)}'
            f'"msgKey":{_json(outgoing.msgkey)},"taskId":"{outgoing.task_id}","pushType":{_json(outgoing.kind)},'
            f'"createdAt":{ids.created_at_ms(outgoing.message_id)},'
            f'"expireAt":{int(outgoing.expire_at.timestamp() * 1000)}}}}}'
        ).encode()

    def _content(self, content: dict[str, Any]) -> str:
        """Its members, each followed by a comma."""
        known = self._contents.get(id(content))
        if known is None:
            members = _json(content)[1:-1]
            known = self._contents[id(content)] = content, f"{members}," if members else ""
        return known[1]


def device_payload(outgoing: Outgoing) -> bytes:
    """Encode one message for the self-built channel."""
    return PayloadEncoder().encode(outgoing)
