"""Delivery reports of Huawei, for both of its systems.

They are verified by HMAC where a user name and a key are set up there.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from channels_vendor.base.contract import Account, DeliveryReport
from channels_vendor.base.references import Reference
from channels_vendor.huawei import errors
from channels_vendor.reports.parsing import each, moment_of

HEADER = "x-huawei-callback-id"
# Older ones, or ones from so far ahead, may be repeats of what somebody saw.
MAX_AGE_SECONDS = 900
# What results mean, of those whose number operators will not know.
_WORDS = {
    2: "app not installed",
    5: "token not on this device",
    6: "notifications switched off",
    10: "device inactive for 30 days",
    15: "overwritten by later messages",
    102: "frequency control",
    201: "sending is controlled",
    256: "frequency control",
    259: "rejected",
}


def read_reports(
    account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> list[DeliveryReport]:
    """Read a call's reports.

    Raises:
        ValueError: The body is none, or forged.
    """
    if account.get("callback_key"):
        _verify(headers.get(HEADER, ""), account.get("callback_user"), account.get("callback_key"))
    return each(account, entries_of(body), _read)


def entries_of(body: bytes) -> list[dict[str, Any]]:
    """Return the list in `{"statuses": [...]}`.

    Raises:
        ValueError: There is none.
    """
    entries = json.loads(body)["statuses"]
    if not isinstance(entries, list):
        raise ValueError("the statuses are no list")
    return entries


def _read(entry: dict[str, Any]) -> Iterator[DeliveryReport]:
    """Read one report. HarmonyOS puts result and time into an object of their own."""
    delivery_status = entry.get("deliveryStatus") or {"result": entry["status"], "timestamp": entry.get("timestamp")}
    result = int(delivery_status["result"])
    status, gone = errors.REPORTED.get(result, (None, False))
    yield DeliveryReport(
        Reference.parse(entry["biTag"]),
        str(entry["token"]),
        arrived=result == 0,
        at=moment_of(delivery_status.get("timestamp")),
        gone=gone,
        status=status,
        vendor_code=f"{result} {_WORDS.get(result, '')}".strip(),
    )


def _verify(header: str, user: str, key: str) -> None:
    """Verify `timestamp=<ms>; nonce=<uuid>; value=<base64 of HMAC-SHA256(key, timestamp + nonce + user)>`.

    Raises:
        ValueError: The time is too far away, or the signature is wrong.
    """
    parts = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    stamp, nonce, value = (parts.get(name, "") for name in ("timestamp", "nonce", "value"))
    if not stamp.isdigit() or abs(time.time() - int(stamp) / 1000) > MAX_AGE_SECONDS:
        raise ValueError("the report's time is missing or too far away")
    message = f"{stamp}{nonce}{user}".encode()
    for secret in _keys(key):
        signature = base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode()
        if hmac.compare_digest(signature, value):
            return
    raise ValueError("the report's signature is wrong")


def _keys(key: str) -> list[bytes]:
    """Return the keys that may have signed: newer configurations hold the secret in base64, older ones as it is."""
    secrets = [key.encode()]
    with contextlib.suppress(binascii.Error):
        secrets.append(base64.b64decode(key, validate=True))
    return secrets
