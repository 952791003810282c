"""Say what is wrong with an account, in a sentence: for operators, before a message finds out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.conf import settings

from channels_vendor.base import sentences
from channels_vendor.base.contract import VendorDescription
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.outcomes import SendOutcome, Verdict
from channels_vendor.dispatch import open_adapters, refused_tokens
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from channels_vendor.reports.reports import report_url_problem
from pushcore.channels import Channel
from pushcore.devices import registry
from pushcore.security import endpoints
from pushcore.storage import clock, ids

log = structlog.get_logger(__name__)

# The columns that decide where an account's secrets go, and who is believed to be there.
DESTINATION = ("base_url", "auth_url", "ca_pem")


def problems(row: VendorAccount) -> list[str]:
    """Return what keeps the account from working, and what soon will.

    Asks the vendor, with a token that no device has.
    """
    vendor = VENDORS.get(Channel(row.channel))
    if vendor is None:
        return [sentences.NO_SUCH_CHANNEL]
    warnings = []
    if not row.enabled:
        warnings.append(sentences.SWITCHED_OFF)
    if row.stopped_at is not None:
        said = sentences.STOPPED_AFTER if row.stopped_after else sentences.STOPPED
        values = {"at": f"{row.stopped_at:%Y-%m-%d %H:%M}", "count": row.stopped_after, "reason": row.stopped_reason}
        warnings.append(said % values)
    if row.expires_soon:
        warnings.append(sentences.EXPIRES % {"day": f"{row.certificate_expires_at:%Y-%m-%d}"})
    if problem := report_url_problem(row):
        warnings.append(problem)
    entered = dict(row.public_values) | row.secrets()
    wrong = wrong_values(vendor, {name: value for name, value in entered.items() if value})
    wrong |= wrong_destination(row.base_url, row.auth_url, row.ca_pem)
    if wrong:
        return [*warnings, *(f"{name}: {reason}" for name, reason in wrong.items())]
    adapter = open_adapters.open_adapter(row)
    try:
        refused = adapter.check()
    finally:
        adapter.close()
    return [*warnings, refused] if refused else warnings


def wrong_values(vendor: VendorDescription, values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the values entered for a vendor, by field name."""
    missing = {
        entry.name: sentences.IS_NEEDED for entry in vendor.fields if entry.required and not values.get(entry.name)
    }
    return missing or dict(vendor.validate(values))


def wrong_entries(vendor: VendorDescription, values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with those values that are entered: an account may be half filled in."""
    return {name: reason for name, reason in vendor.validate(values).items() if values.get(name)}


def wrong_destination(base_url: str, auth_url: str, ca_pem: str) -> dict[str, str]:
    """Return what is wrong with where an account's secrets would go, by column.

    Plain HTTP is for simulators, where `MPS_VENDOR_ALLOW_PRIVATE` allows these.
    """
    https_only = not settings.VENDOR_ALLOW_PRIVATE
    found = {
        "base_url": endpoints.problem(base_url, https_only=https_only, is_base=True) if base_url else "",
        "auth_url": endpoints.problem(auth_url, https_only=https_only) if auth_url else "",
        "ca_pem": endpoints.authority_problem(ca_pem),
    }
    return {name: reason for name, reason in found.items() if reason}


def note_certificate(row: VendorAccount) -> None:
    """Set what operators are shown of the account's client certificate, unsaved; nothing where it has none."""
    row.certificate_subject, row.certificate_expires_at = "", None
    values = dict(row.public_values) | row.secrets()
    if (summary := VENDORS[Channel(row.channel)].describe_certificate(values)) is not None:
        row.certificate_subject, row.certificate_expires_at = summary.subject[:200], summary.expires_at
        entered = {name: value for name, value in row.public_values.items() if value}
        row.public_values = row.public_values | dict(summary.settings) | entered


def send_test_notification(row: VendorAccount, token: str) -> SendOutcome:
    """Send one notification to a token, outside any task.

    Raises:
        ValueError: The account cannot be used; the message says why.
    """
    values = {name: value for name, value in (dict(row.public_values) | row.secrets()).items() if value}
    if wrong := wrong_values(VENDORS[Channel(row.channel)], values):
        raise ValueError("; ".join(f"{name}: {reason}" for name, reason in wrong.items()))
    task_id = ids.first_id_at(clock.now())
    notification = Notification(
        task_id=task_id,
        kind="test",
        title="Test",
        body="A test of this vendor account.",
        expire_at=clock.now() + timedelta(minutes=10),
    )
    adapter = open_adapters.open_adapter(row)
    try:
        [outcome] = adapter.send([Delivery(task_id, 0, token, "test", notification)])
    finally:
        adapter.close()
    if outcome.verdict is Verdict.ACCEPTED:
        registry.drop_third_tokens(refused_tokens.note_accepted(row))
    return outcome


def warn_of_expiry() -> int:
    """Log an error for each certificate about to expire; return how many there are."""
    soon = [row for row in VendorAccount.objects.filter(enabled=True) if row.expires_soon]
    for row in soon:
        log.error(
            "push certificate expires soon", workspace=row.workspace_id, expires_at=str(row.certificate_expires_at)
        )
    return len(soon)
