"""Google FCM, HTTP v1. The legacy API with a server key was shut down by Google in 2024 and is not offered."""

from __future__ import annotations

from collections.abc import Mapping

from channels_vendor.contract import CannotAuthorise, Field, Vendor
from channels_vendor.fcm.client import FcmAdapter, service_account
from pushcore.channels import Channel


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    try:
        service_account(values.get("service_account", ""))
    except CannotAuthorise as error:
        return {"service_account": str(error)}
    return {}


VENDOR = Vendor(
    channel=Channel.FCM,
    label="Google FCM",
    fields=(
        Field(
            "service_account",
            "Service account",
            secret=True,
            help_text="The JSON key file of a service account with the role Firebase Cloud Messaging API Admin.",
        ),
    ),
    open=FcmAdapter,
    # 600,000 requests a minute and project.
    rate=10_000,
    http2=True,
    connections=4,
    validate=_validate,
    closed_note="The server key of the legacy API no longer works: Google shut that API down in 2024.",
)
