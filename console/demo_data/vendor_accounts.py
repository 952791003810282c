"""The demo's accounts at vendors and at a provider of SMS.

Of those at vendors most are in use, one is stopped, one switched off, and the certificate of one expires soon.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID, ObjectIdentifier

from channels_vendor.accounts import checking, in_use
from channels_vendor.accounts.app_values import enter
from channels_vendor.dispatch.rate_control import RateControl
from channels_vendor.models import VendorAccount, VendorMessage
from channels_vendor.registry import VENDORS, demo_account
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.models import Workspace
from sms.models import SmsAccount

# Nobody listens there: what is pushed in the demo never goes to a vendor. `MPS_DEMO_VENDORS` sets another.
NOBODY = "http://127.0.0.1:9"
# By the channel's name: a vendor that stopped taking our messages, and with which of its statuses; one not in use.
STOPPED, STOPPED_STATUS = "vivo", 10000
SWITCHED_OFF = "honor"
STOPPED_AGO = timedelta(days=2, hours=3)
_CERTIFICATE_DAYS = 9
_BUNDLE_ID = "com.example.shop"
# Apple's mark of push certificates for production.
_PRODUCTION = ObjectIdentifier("1.2.840.113635.100.6.3.2")


def make_accounts(workspace: Workspace, now: datetime) -> dict[Channel, datetime]:
    """Insert an account at each vendor that can be simulated.

    Returns:
        By channel until when it took messages: `now`, or before the next message stopped it. Absent: it is not in use.
    """
    used_until = {}
    for channel in VENDORS:
        values = demo_account(channel)
        if values is None:
            continue
        row = VendorAccount(workspace=workspace, channel=channel, base_url=NOBODY)
        if channel == Channel.APNS:
            values = {"environment": "production", "p12": _certificate(now), "p12_password": ""}
        enter(row, values)
        checking.note_certificate(row)
        row.enabled, used_until[channel] = True, now
        if channel.label == STOPPED:
            used_until[channel] = now - STOPPED_AGO
        elif channel.label == SWITCHED_OFF:
            row.enabled = False
            del used_until[channel]
        else:
            row.proven_for = row.configuration
        row.save()
    in_use.forget()
    return used_until


def make_sms_account(workspace: Workspace) -> None:
    """Insert an account at a provider of SMS, which is not in use: nobody is sent an SMS by the demo."""
    values = {"access_key_id": "demo", "sign_name": "Shop"}
    SmsAccount.objects.create(
        workspace=workspace, provider="alibaba", enabled=False, public_values=values, base_url=NOBODY
    )


def note_stopped(workspace: Workspace, at: datetime) -> None:
    """Note when and why the account is out of use that is stopped."""
    for channel in VENDORS:
        if channel.label == STOPPED:
            reason = statuses.lookup(STOPPED_STATUS, channel.label).label
            account = VendorAccount.objects.filter(workspace=workspace, channel=channel)
            account.update(stopped_at=at, stopped_reason=reason)
    in_use.forget()


def note_accepted(workspace: Workspace, messages: Iterable[VendorMessage]) -> None:
    """Note when each vendor last took one of the messages."""
    last: dict[int, datetime] = {}
    for message in messages:
        if message.accepted_at is not None:
            last[message.channel] = max(message.accepted_at, last.get(message.channel, message.accepted_at))
    for channel, at in last.items():
        RateControl(workspace.pk, int(channel), VENDORS[Channel(channel)].rate).note_accepted(at)


def _certificate(now: datetime) -> str:
    """Return a push certificate that expires soon, as the form keeps an uploaded file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, _BUNDLE_ID),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Apple Push Services: {_BUNDLE_ID}"),
        ]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=365))
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
        .add_extension(x509.UnrecognizedExtension(_PRODUCTION, b"\x05\x00"), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = pkcs12.serialize_key_and_certificates(b"push", key, made, None, serialization.NoEncryption())
    return base64.b64encode(file).decode()
