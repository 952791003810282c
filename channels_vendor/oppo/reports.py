"""Delivery reports of OPPO: posted to the address that came with the message."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from channels_vendor.base.contract import Account, DeliveryReport
from channels_vendor.base.references import Reference
from channels_vendor.oppo import errors
from channels_vendor.reports.parsing import each, moment_of

_ARRIVED, _INVALID = "push_arrive", "regid_invalid"


def read_reports(
    account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> list[DeliveryReport]:
    """Read `[{messageId, registrationIds "a,b", param, eventType, eventTime (ms, as text)}]`.

    Raises:
        ValueError: The body is something else.
    """
    entries = json.loads(body)
    if not isinstance(entries, list):
        raise ValueError("not a list")
    return each(account, entries, _read)


def _read(entry: dict[str, Any]) -> Iterator[DeliveryReport]:
    reference, event = Reference.parse(entry["param"]), str(entry["eventType"])
    for token in str(entry["registrationIds"]).split(","):
        yield DeliveryReport(
            reference,
            token,
            arrived=event == _ARRIVED,
            at=moment_of(entry.get("eventTime")),
            gone=event == _INVALID,
            status=int(errors.BAD_REGID) if event == _INVALID else None,
            vendor_code=event,
        )
