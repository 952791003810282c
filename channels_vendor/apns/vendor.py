"""Apple Push Notification service."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

from channels_vendor.apns import certificate, payload
from channels_vendor.apns.client import URLS, ApnsAdapter
from channels_vendor.apns.statuses import DEAD_TOKEN_STATUSES, STATUSES
from channels_vendor.base import sentences
from channels_vendor.base.contract import CertificateSummary, VendorDescription
from channels_vendor.base.signing_keys import p256_key
from pushcore.channels import Platform
from pushcore.security.account_fields import AccountField

# "A 10-character Key ID", "the 10-character Team ID"
# (developer.apple.com, Establishing a token-based connection to APNs).
_ID = re.compile("[A-Z0-9]{10}")


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    if values.get("p12"):
        return _wrong_certificate(values)
    names = ("p8", "key_id", "team_id", "bundle_id")
    missing = {name: sentences.NEEDED_WITH_KEY for name in names if not values.get(name)}
    if len(missing) == len(names):
        return {"p12": sentences.CERTIFICATE_OR_KEY}
    return missing | _wrong_key(values)


def _wrong_key(values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the given values of a key, by field."""
    wrong = {}
    if text := values.get("p8"):
        try:
            p256_key(text)
        except ValueError as error:
            wrong["p8"] = str(error)
    for name in ("key_id", "team_id"):
        if not _ID.fullmatch(values.get(name) or "A" * 10):
            wrong[name] = sentences.APPLE_ID
    return wrong


def _wrong_certificate(values: Mapping[str, str]) -> dict[str, str]:
    try:
        parsed = certificate.parse(values["p12"], values.get("p12_password", ""))
    except ValueError as error:
        return {"p12": str(error)}
    if parsed.expired:
        return {"p12": sentences.EXPIRED % {"day": f"{parsed.expires_at:%Y-%m-%d}"}}
    if (values.get("environment") or parsed.environments[0]) not in parsed.environments:
        return {"environment": sentences.IS_FOR % {"what": ", ".join(parsed.environments)}}
    if (values.get("bundle_id") or parsed.bundle_id) != parsed.bundle_id:
        return {"bundle_id": sentences.IS_FOR % {"what": parsed.bundle_id}}
    return {}


def _certificate(values: Mapping[str, str]) -> tuple[bytes, bytes]:
    if not values.get("p12"):
        return b"", b""
    parsed = certificate.parse(values["p12"], values.get("p12_password", ""))
    return parsed.certificate, parsed.key


def _describe_certificate(values: Mapping[str, str]) -> CertificateSummary | None:
    try:
        parsed = certificate.parse(values["p12"], values.get("p12_password", ""))
    except (KeyError, ValueError):
        return None
    stated = {"environment": parsed.environments[0], "bundle_id": parsed.bundle_id}
    subject = f"{parsed.subject} ({', '.join(parsed.environments)})"
    return CertificateSummary(subject, parsed.expires_at, stated)


VENDOR = VendorDescription(
    number=2,
    name=_("apns"),
    analysis_name="IOS",
    title=_("Apple APNs"),
    company=_("Apple"),
    platform=Platform.IOS,
    statuses=STATUSES,
    dead_token_statuses=DEAD_TOKEN_STATUSES,
    fields=(
        AccountField(
            "environment",
            _("Environment"),
            required=False,
            choices=("", *URLS),
            help_text=_(
                "Sandbox is for apps built by developers. Empty: read from the certificate; production with a key."
            ),
        ),
        AccountField("bundle_id", _("Bundle ID"), required=False, help_text=_("Empty: read from the certificate.")),
        AccountField("p12", _("Certificate (.p12)"), secret=True, required=False, file=True),
        AccountField("p12_password", _("Certificate password"), secret=True, required=False),
        AccountField(
            "p8",
            _("Key (.p8)"),
            secret=True,
            required=False,
            multiline=True,
            help_text=_("Instead of a certificate: the key's text."),
        ),
        AccountField("key_id", _("Key ID"), required=False),
        AccountField("team_id", _("Team ID"), required=False),
    ),
    open=ApnsAdapter,
    shown=payload.shown,
    # Apple publishes no figure.
    rate=10_000,
    console_url="https://developer.apple.com/account/resources",
    console_path=_("Keys (Key ID), Certificates, Identifiers (Bundle ID); Team ID under Membership details"),
    http2=True,
    connections=4,
    validate=_validate,
    certificate=_certificate,
    describe_certificate=_describe_certificate,
)
