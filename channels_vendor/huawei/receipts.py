"""Receipts of Huawei, for both of its systems: verified by HMAC where a user name and a key are set up there."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from channels_vendor.contract import Account, VendorReceipt
from channels_vendor.huawei import errors

HEADER = "x-huawei-callback-id"
# Older ones, or ones from so far ahead, may be repeats of what somebody saw.
MAX_AGE_SECONDS = 900


def read_receipts(
    account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> list[VendorReceipt]:
    """Raises `ValueError` for a body that is none, or forged."""
    if account.get("callback_key"):
        _verify(headers.get(HEADER, ""), account.get("callback_user"), account.get("callback_key"))
    return [_receipt(entry) for entry in json.loads(body)["statuses"]]


def _receipt(entry: dict[str, Any]) -> VendorReceipt:
    result = int((entry.get("deliveryStatus") or {}).get("result", entry.get("status", 14)))
    status, gone = errors.RECEIPTS.get(result, (None, False))
    return VendorReceipt(
        token=str(entry["token"]),
        arrived=result == 0,
        gone=gone,
        task_id=int(entry["biTag"]),
        status=status,
        vendor_code=str(result),
    )


def _verify(header: str, user: str, key: str) -> None:
    """`timestamp=<ms>; nonce=<uuid>; value=<base64 of HMAC-SHA256(key, timestamp + nonce + user)>`."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    stamp, nonce, value = (parts.get(name, "") for name in ("timestamp", "nonce", "value"))
    if not stamp.isdigit() or abs(time.time() - int(stamp) / 1000) > MAX_AGE_SECONDS:
        raise ValueError("the receipt's time is missing or too far away")
    message = f"{stamp}{nonce}{user}".encode()
    for secret in _keys(key):
        made = base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode()
        if hmac.compare_digest(made, value):
            return
    raise ValueError("the receipt's signature is wrong")


def _keys(key: str) -> list[bytes]:
    """Newer configurations hold the secret in base64, older ones as it is."""
    found = [key.encode()]
    with contextlib.suppress(binascii.Error):
        found.append(base64.b64decode(key, validate=True))
    return found
