"""Web Push: browsers by the push services of Google, Mozilla, Apple and Microsoft, with one VAPID key pair."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

from channels_vendor.base import sentences
from channels_vendor.base.contract import VendorDescription
from channels_vendor.base.options import as_named
from channels_vendor.webpush import payload, vapid
from channels_vendor.webpush.client import WebPushAdapter
from channels_vendor.webpush.statuses import DEAD_TOKEN_STATUSES, STATUSES
from channels_vendor.webpush.subscription import MAX_LENGTH, kept_spelling
from pushcore.channels import Platform
from pushcore.security import endpoints
from pushcore.security.account_fields import AccountField


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    wrong = {}
    try:
        vapid.read_private_key(values.get("private_key", ""))
    except ValueError as error:
        wrong["private_key"] = str(error)
    contact = values.get("contact", "")
    is_mail = contact.startswith("mailto:") and "@" in contact and contact.isascii() and " " not in contact
    if not is_mail and endpoints.problem(contact, https_only=True):
        wrong["contact"] = sentences.CONTACT
    return wrong


def _app_values(values: Mapping[str, str]) -> dict[str, str]:
    try:
        return {"webPushKey": vapid.public_key(vapid.read_private_key(values.get("private_key", "")))}
    except ValueError:
        return {}


VENDOR = VendorDescription(
    # Ours: the cloud reaches no browsers.
    number=20,
    name=_("webpush"),
    analysis_name="WEBPUSH",
    title=_("Web Push"),
    company=_("the push service"),
    platform=Platform.WEB,
    statuses=STATUSES,
    dead_token_statuses=DEAD_TOKEN_STATUSES,
    levels=as_named(*payload.URGENCIES),
    read_token=kept_spelling,
    max_token_length=MAX_LENGTH,
    fields=(
        AccountField(
            "contact",
            _("Contact"),
            help_text=_(
                "Push services write here if messages cause trouble: mailto:push@example.com, or an https address."
            ),
        ),
        AccountField(
            "private_key",
            _("Private key (VAPID)"),
            secret=True,
            help_text=_(
                "Made with the account. Enter another only for browsers that subscribed with it elsewhere: with a "
                "new key all browsers have to subscribe again."
            ),
        ),
    ),
    new_values=lambda: {"private_key": vapid.new_private_key()},
    app_values=_app_values,
    open=WebPushAdapter,
    shown=payload.shown,
    # The services publish no figure; encryption takes a core about 0.1 ms a message.
    rate=2_000,
    http2=True,
    connections=4,
    validate=_validate,
)
