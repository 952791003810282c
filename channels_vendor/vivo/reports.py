"""Delivery reports of vivo: posted to the address that came with the message.

Names as two services read them that receive some (doopush/doopush and a quick-app backend on GitHub).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from channels_vendor.base.contract import Account, DeliveryReport
from channels_vendor.base.references import Reference
from channels_vendor.reports.parsing import each, moment_of


def read_reports(
    account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> list[DeliveryReport]:
    """Read vivo's task ID to {targets "a,b", param, ackType, ackTime (ms)}; ackType 0 (or none) says arrived.

    Raises:
        ValueError: The body is something else.
    """
    return each(account, json.loads(body).values(), _read)


def _read(entry: dict[str, Any]) -> Iterator[DeliveryReport]:
    reference, kind = Reference.parse(entry["param"]), str(entry.get("ackType", "0"))
    for token in str(entry["targets"]).split(","):
        yield DeliveryReport(
            reference, token, arrived=kind == "0", at=moment_of(entry.get("ackTime")), vendor_code=f"ack {kind}"
        )
