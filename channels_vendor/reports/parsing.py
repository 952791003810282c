"""Read what vendors post, entry by entry: one call holds those of many messages, and of others' too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import structlog

from channels_vendor.base.contract import Account, DeliveryReport

log = structlog.get_logger(__name__)

# Milliseconds: from 2001 to 2286.
_MOMENTS = range(10**12, 10**13)


def each(
    account: Account, entries: Iterable[Any], read: Callable[[Any], Iterable[DeliveryReport]]
) -> list[DeliveryReport]:
    """Return the reports of all entries.

    One that cannot be read (sent by another service with the same app) is passed over, or the vendor would post the
    others again and again.
    """
    reports: list[DeliveryReport] = []
    foreign = 0
    for entry in entries:
        try:
            reports += map(_storable, read(entry))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            foreign += 1
    if foreign:
        log.info(
            "delivery reports about unknown messages skipped",
            channel=account.channel.label,
            workspace=account.workspace_id,
            entries=foreign,
            read=len(reports),
        )
    return reports


def _storable(report: DeliveryReport) -> DeliveryReport:
    """Check that columns can hold the texts: no NUL, no half of a surrogate pair. Raises `ValueError`."""
    if b"\0" in f"{report.token}{report.replaced_by}{report.vendor_code}".encode():
        raise ValueError("a NUL")
    return report


def moment_of(milliseconds: object) -> datetime | None:
    """Return when the vendor says it happened; None where it does not, or nobody can tell."""
    text = str(milliseconds)
    if not (text.isascii() and text.isdigit() and len(text) <= 13 and int(text) in _MOMENTS):
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)
