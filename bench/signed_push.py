"""Signed PushSimple requests for the RPC API (version 2019-08-21, signature version 1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

CONTENT = "x" * 100
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class SignedPush:
    """A request as the 2019 package sends it, with system parameters and signature in the query."""

    query: str
    body: bytes

    def http(self, host: str) -> bytes:
        """Return the request's bytes for a keep-alive connection."""
        head = (
            f"POST /?{self.query} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n"
            f"Content-Type: {_FORM}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


class Signer:
    """Signs pushes to the devices of the demo workspace, one device after the other; nonces and msgkeys are unique."""

    def __init__(self, demo: Mapping[str, str], ad_tokens: Sequence[str]) -> None:
        self._demo = demo
        self._tokens: Iterator[str] = itertools.cycle(ad_tokens)

    def push(self, targets: int) -> SignedPush:
        """Sign a push to so many devices."""
        run = uuid.uuid4().hex
        body = {
            "AppId": self._demo["app_id"],
            "WorkspaceId": self._demo["workspace_id"],
            "TaskName": "bench",
            "Title": "Push API",
            "Content": CONTENT,
            "DeliveryType": "1",
            "ExpiredSeconds": "600",
            "TargetMsgkey": json.dumps({next(self._tokens): f"{run}-{number}" for number in range(targets)}),
        }
        query = {
            "Action": "PushSimple",
            "Version": "2019-08-21",
            "Format": "JSON",
            "RegionId": "cn-hongkong",
            "AccessKeyId": self._demo["access_key_id"],
            "SignatureMethod": "HMAC-SHA1",
            "SignatureType": "",
            "SignatureVersion": "1.0",
            "SignatureNonce": run,
            "Timestamp": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        query["Signature"] = self._signature(query | body)
        return SignedPush(urlencode(query), urlencode(body).encode())

    def _signature(self, parameters: Mapping[str, str]) -> str:
        canonical = urlencode(sorted(parameters.items()), quote_via=quote, safe="~")
        text = f"POST&%2F&{quote(canonical, safe='~')}"
        key = f"{self._demo['access_key_secret']}&".encode()
        return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha1).digest()).decode()
