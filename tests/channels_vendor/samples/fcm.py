"""FCM for the contract suite."""

from __future__ import annotations

import json

from channels_vendor.fcm.simulator import SimulatedFcm, SimulatedLegacyFcm
from channels_vendor.fcm.vendor import VENDOR as FCM
from pushcore.security import crypto
from tests.channels_vendor.samples.sample import Sample, made_once


def _new_service_account() -> dict[str, str]:
    """Make an account with a new key at each call."""
    private, _ = crypto.new_rsa_key()
    return {
        "service_account": json.dumps(
            {
                "project_id": "shop-1",
                "client_email": "push@shop-1.iam.gserviceaccount.com",
                "private_key": private,
                "private_key_id": "k1",
            }
        )
    }


_HTTP_V1 = Sample(
    FCM,
    SimulatedFcm,
    made_once(_new_service_account),
    lambda number: f"fcm-token:{number}",
    gone=("UNREGISTERED", 90000003),
    wrong=_new_service_account,
    rows={
        "UNREGISTERED": (90000003, "GONE"),
        "INVALID_ARGUMENT:message.token": (90000002, "GONE"),
        "INVALID_ARGUMENT:message.android.ttl": (90000009, "REJECTED"),
        "INVALID_ARGUMENT:message.android.restricted_package_name": (90000004, "REJECTED"),
        "INVALID_ARGUMENT:message.data[0].key": (99999999, "REJECTED"),
        "INVALID_ARGUMENT:message.data.token": (99999999, "REJECTED"),
        "INVALID_ARGUMENT:message.data.ttl": (99999999, "REJECTED"),
        "INVALID_ARGUMENT:size": (90000007, "REJECTED"),
        "NOT_FOUND": (90000401, "MISCONFIGURED"),
        "APNS_AUTH_ERROR": (90000401, "REJECTED"),
        "RESOURCE_EXHAUSTED": (99999999, "RETRY"),
        "QUOTA_EXCEEDED:device": (99999999, "RETRY"),
        "SENDER_ID_MISMATCH": (90000401, "REJECTED"),
        "PERMISSION_DENIED": (90000401, "MISCONFIGURED"),
        "THIRD_PARTY_AUTH_ERROR": (90000401, "REJECTED"),
        "UNAUTHENTICATED": (90000401, "MISCONFIGURED"),
        "QUOTA_EXCEEDED": (99999999, "RETRY"),
        "INTERNAL": (90000011, "RETRY"),
        "UNAVAILABLE": (90000011, "RETRY"),
    },
    auth_path="/fcm-oauth/token",
)

_LEGACY = Sample(
    FCM,
    SimulatedLegacyFcm,
    lambda: {"server_key": "secret"},
    lambda number: f"fcm-token:{number}",
    gone=("NotRegistered", 90000003),
    wrong=lambda: {"server_key": "other"},
    rows={
        "NotRegistered": (90000003, "GONE"),
        "InvalidRegistration": (90000002, "GONE"),
        "InvalidPackageName": (90000004, "REJECTED"),
        "MismatchSenderId": (90000401, "REJECTED"),
        "MissingRegistration": (99999999, "REJECTED"),
        "InvalidParameters": (99999999, "REJECTED"),
        "InvalidDataKey": (99999999, "REJECTED"),
        "MessageTooBig": (90000007, "REJECTED"),
        "InvalidTtl": (90000009, "REJECTED"),
        "Unavailable": (90000011, "RETRY"),
        "InternalServerError": (90000011, "RETRY"),
        "DeviceMessageRateExceeded": (99999999, "RETRY"),
        "TopicsMessageRateExceeded": (99999999, "RETRY"),
        "SomethingNew": (99999999, "REJECTED"),
    },
    renews=False,
    batching=True,
    variant="-legacy",
)

SAMPLES = [_HTTP_V1, _LEGACY]
