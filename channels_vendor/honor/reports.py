"""Delivery reports of HONOR: posted to the address set up in its console, not signed.

Names and the code for delivered are those that a service which receives them reads (doopush/doopush on GitHub, "by the
real format"): Huawei's shape. HONOR's own page was not to be had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from channels_vendor.base.contract import Account, DeliveryReport
from channels_vendor.base.references import Reference
from channels_vendor.huawei.reports import entries_of
from channels_vendor.reports.parsing import each, moment_of

# What is called delivered: Huawei's 0, and the code that HONOR's own answers were seen with.
_DELIVERED = frozenset({0, 40000002})


def read_reports(
    account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> list[DeliveryReport]:
    """Read `{"statuses": [{biTag, token, status, timestamp (ms)}]}`.

    Raises:
        ValueError: The body is something else.
    """
    return each(account, entries_of(body), _read)


def _read(entry: dict[str, Any]) -> Iterator[DeliveryReport]:
    yield DeliveryReport(
        Reference.parse(entry["biTag"]),
        str(entry["token"]),
        arrived=int(entry["status"]) in _DELIVERED,
        at=moment_of(entry.get("timestamp")),
        vendor_code=str(entry["status"]),
    )
