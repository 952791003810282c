"""Receipts of HONOR: posted to the address set up in its console, not signed.

Names and the code for delivered are those that a service which receives them reads (doopush/doopush on GitHub, "by the
real format"): Huawei's shape. HONOR's own page was not to be had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from channels_vendor.base.contract import Account, VendorReceipt
from channels_vendor.base.references import Reference
from channels_vendor.huawei.receipts import entries_of
from channels_vendor.reports.entries import each, moment_of

# What is called delivered: Huawei's 0, and the code that HONOR's own answers were seen with.
_DELIVERED = frozenset({0, 40000002})


def read_receipts(
    account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> list[VendorReceipt]:
    """`{"statuses": [{biTag, token, status, timestamp (ms)}]}`. Raises `ValueError`."""
    return each(account, entries_of(body), _read)


def _read(entry: dict[str, Any]) -> Iterator[VendorReceipt]:
    yield VendorReceipt(
        Reference.parse(entry["biTag"]),
        str(entry["token"]),
        arrived=int(entry["status"]) in _DELIVERED,
        at=moment_of(entry.get("timestamp")),
        vendor_code=str(entry["status"]),
    )
