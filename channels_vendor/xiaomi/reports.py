"""Delivery reports of MiPush.

A form with one field, posted about once a second to the address that came with the message.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from channels_vendor.base.contract import Account, DeliveryReport
from channels_vendor.base.references import Reference
from channels_vendor.reports.parsing import each, moment_of
from channels_vendor.xiaomi.errors import (
    DELIVERED,
    EXPIRED,
    FILTERED,
    INVALID,
    INVALID_STATUS,
    OVER_QUOTA,
    SWITCHED_OFF,
)

# The types that are asked for (a bit each), and what they mean.
REPORT_TYPES: dict[int, str] = {
    DELIVERED: "delivered",
    INVALID: "invalid target",
    SWITCHED_OFF: "notifications switched off",
    FILTERED: "filtered out",
    OVER_QUOTA: "over the quota",
    # Since 2024 (dev.mi.com, pId 1854).
    EXPIRED: "expired",
}


def read_reports(
    account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> list[DeliveryReport]:
    """Read `data`: message ID to {param, type, targets "a,b", timestamp (ms), replaceTarget {old: new}}.

    Raises:
        ValueError: The body is something else.
    """
    [data] = parse_qs(body.decode(), strict_parsing=True)["data"]
    return each(account, json.loads(data).values(), _read)


def _read(entry: dict[str, Any]) -> Iterator[DeliveryReport]:
    reference, kind = Reference.parse(entry["param"]), int(entry["type"])
    replaced = entry.get("replaceTarget") or {}
    for token in str(entry["targets"]).split(","):
        yield DeliveryReport(
            reference,
            token,
            arrived=kind == DELIVERED,
            at=moment_of(entry.get("timestamp")),
            gone=kind == INVALID,
            replaced_by=str(replaced.get(token) or ""),
            status=INVALID_STATUS if kind == INVALID else None,
            vendor_code=f"{kind} {REPORT_TYPES.get(kind, '')}".strip(),
        )
