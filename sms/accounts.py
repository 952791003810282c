"""Say what is wrong with an SMS account, in a sentence: for operators, before an SMS finds out."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from pushcore.security import endpoints
from sms.base import sentences
from sms.base.contract import ProviderDescription, Verdict
from sms.dispatch import sender
from sms.models import SmsAccount

# The columns that decide where an account's secrets go, and who is believed to be there.
DESTINATION = ("base_url", "ca_pem")


def problems(row: SmsAccount) -> list[str]:
    """Return what keeps the account from working.

    Asks the provider, where it has a call that sends nothing.
    """
    warnings = []
    if not row.enabled:
        warnings.append(sentences.SWITCHED_OFF)
    if row.stopped_at is not None:
        values = {"at": f"{row.stopped_at:%Y-%m-%d %H:%M}", "reason": row.stopped_reason}
        warnings.append(sentences.STOPPED % values)
    wrong = wrong_values(row.description, row.values()) | wrong_destination(row.base_url, row.ca_pem)
    if row.description.base_url == "" and not row.base_url:
        wrong["base_url"] = sentences.IS_NEEDED
    if wrong:
        return [*warnings, *(f"{name}: {reason}" for name, reason in wrong.items())]
    return [*warnings, *_refused(row)]


def _refused(row: SmsAccount) -> list[str]:
    """Ask the provider, and return why it does not take the account."""
    check = row.description.check
    if check is None:
        return []
    [answer] = sender.exchange(row, [check(row.account())])
    if answer.error or answer.status is None or answer.status >= 500:
        return [sentences.UNREACHABLE]
    result = row.description.read(answer)
    return [sentences.REFUSES % {"code": result.code}] if result.verdict is Verdict.MISCONFIGURED else []


def wrong_values(provider: ProviderDescription, values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the values entered for a provider, by field name."""
    missing = {
        entry.name: sentences.IS_NEEDED for entry in provider.fields if entry.required and not values.get(entry.name)
    }
    return missing or dict(provider.validate(values))


def wrong_entries(provider: ProviderDescription, values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with those values that are entered: an account may be half filled in."""
    return {name: reason for name, reason in provider.validate(values).items() if values.get(name)}


def wrong_destination(base_url: str, ca_pem: str) -> dict[str, str]:
    """Return what is wrong with where an account's secrets would go, by column.

    Plain HTTP is for tests, where `MPS_VENDOR_ALLOW_PRIVATE` allows it.
    """
    https_only = not settings.VENDOR_ALLOW_PRIVATE
    found = {
        "base_url": endpoints.problem(base_url, https_only=https_only) if base_url else "",
        "ca_pem": endpoints.authority_problem(ca_pem),
    }
    return {name: reason for name, reason in found.items() if reason}
