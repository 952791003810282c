"""Google FCM: HTTP v1 with a service account; the legacy API with a server key, which Google has shut down."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

from channels_vendor.base import sentences
from channels_vendor.base.contract import (
    Account,
    Adapter,
    CannotAuthorise,
    CredentialSource,
    VendorDescription,
)
from channels_vendor.base.signing_keys import rsa_key
from channels_vendor.fcm import payload
from channels_vendor.fcm.client import FcmAdapter, service_account
from channels_vendor.fcm.legacy import LegacyFcmAdapter
from channels_vendor.fcm.payload import as_texts
from channels_vendor.fcm.statuses import DEAD_TOKEN_STATUSES, STATUSES
from pushcore.channels import Platform
from pushcore.http.client import HttpClient
from pushcore.security.account_fields import AccountField


def _open(account: Account, client: HttpClient, credentials: CredentialSource) -> Adapter:
    is_legacy = bool(account.get("server_key")) and not account.get("service_account")
    return (LegacyFcmAdapter if is_legacy else FcmAdapter)(account, client, credentials)


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    if values.get("server_key") and not values.get("service_account"):
        return {}
    try:
        rsa_key(service_account(values.get("service_account", ""))["private_key"])
    except CannotAuthorise as error:
        return {"service_account": str(error)}
    except ValueError as error:
        return {"service_account": sentences.ITS_PRIVATE_KEY % {"reason": error}}
    return {}


VENDOR = VendorDescription(
    number=6,
    name=_("fcm"),
    analysis_name="FCM",
    title=_("Google FCM"),
    company=_("Google"),
    platform=Platform.ANDROID,
    statuses=STATUSES,
    dead_token_statuses=DEAD_TOKEN_STATUSES,
    encode_transparent=as_texts,
    fields=(
        AccountField(
            "service_account",
            _("Firebase service account key (JSON)"),
            secret=True,
            multiline=True,
            required=False,
            help_text=_("The JSON key file of a service account with the role Firebase Cloud Messaging API Admin."),
        ),
        AccountField(
            "server_key",
            _("Server key (shut down by Google)"),
            secret=True,
            required=False,
            help_text=_(
                "Of the legacy API. Used only without a service account, with an address that still speaks it."
            ),
        ),
    ),
    open=_open,
    shown=payload.shown,
    # 600,000 requests a minute and project.
    rate=10_000,
    console_url="https://console.firebase.google.com/project/_/settings/serviceaccounts/adminsdk",
    console_path=_("Project settings > Service accounts > Generate new private key"),
    http2=True,
    connections=4,
    validate=_validate,
    closed_note=_(
        "Google shut the legacy API down in 2024: a server key works only with another address that speaks it."
    ),
)
