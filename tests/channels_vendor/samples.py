"""The vendors the contract suite runs for. A new one joins by one line in `SAMPLES`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from channels_vendor.apns.adapter import VENDOR as APNS
from channels_vendor.contract import Vendor
from channels_vendor.fcm.adapter import VENDOR as FCM
from channels_vendor.simulator.apns import ApnsDesk
from channels_vendor.simulator.desk import Desk
from channels_vendor.simulator.fcm import FcmDesk
from pushcore import crypto


@dataclass(frozen=True)
class Sample:
    """A vendor as the suite needs it.

    `gone`: the vendor's error for a dead token, and the status a message gets from it. `values`: an account's fields.
    `auth_path`: of the simulator's token endpoint. `rows`: the vendor's errors by token that the desk can give, with
    the status and the verdict's name each leads to. `batching`: several tokens travel in one request.
    """

    vendor: Vendor
    desk: type[Desk]
    values: Callable[[], Mapping[str, str]]
    token: Callable[[int], str]
    gone: tuple[str, int]
    rows: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    auth_path: str = ""
    renews: bool = True
    batching: bool = False

    @property
    def name(self) -> str:
        return str(self.vendor.channel.label)


@lru_cache
def _service_account() -> dict[str, str]:
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


@lru_cache
def _apns_key() -> dict[str, str]:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"p8": pem.decode(), "key_id": "ABCDE12345", "team_id": "TEAM123456", "bundle_id": "com.example.shop"}


_FCM = Sample(
    FCM,
    FcmDesk,
    _service_account,
    lambda number: f"fcm-token:{number}",
    gone=("UNREGISTERED", 90000003),
    rows={
        "UNREGISTERED": (90000003, "GONE"),
        "INVALID_ARGUMENT:message.token": (90000002, "GONE"),
        "INVALID_ARGUMENT:message.android.ttl": (90000009, "REJECTED"),
        "INVALID_ARGUMENT:message.android.restricted_package_name": (90000004, "REJECTED"),
        "INVALID_ARGUMENT:message.data[0].key": (99999999, "REJECTED"),
        "SENDER_ID_MISMATCH": (90000401, "REJECTED"),
        "PERMISSION_DENIED": (90000401, "MISCONFIGURED"),
        "THIRD_PARTY_AUTH_ERROR": (90000401, "MISCONFIGURED"),
        "UNAUTHENTICATED": (90000401, "MISCONFIGURED"),
        "QUOTA_EXCEEDED": (99999999, "RETRY"),
        "INTERNAL": (90000011, "RETRY"),
        "UNAVAILABLE": (90000011, "RETRY"),
    },
    auth_path="/fcm-oauth/token",
)

_APNS = Sample(
    APNS,
    ApnsDesk,
    _apns_key,
    lambda number: f"{number:064x}",
    gone=("Unregistered", 2011),
    rows={
        "PayloadEmpty": (2001, "REJECTED"),
        "PayloadTooLarge": (2002, "REJECTED"),
        "BadTopic": (2003, "MISCONFIGURED"),
        "TopicDisallowed": (2004, "MISCONFIGURED"),
        "BadExpirationDate": (2006, "REJECTED"),
        "BadPriority": (2007, "REJECTED"),
        "BadDeviceToken": (2009, "GONE"),
        "DeviceTokenNotForTopic": (2010, "REJECTED"),
        "Unregistered": (2011, "GONE"),
        "ExpiredToken": (2011, "GONE"),
        "BadCertificateEnvironment": (2013, "MISCONFIGURED"),
        "BadCertificate": (2014, "MISCONFIGURED"),
        "Forbidden": (2015, "MISCONFIGURED"),
        "BadPath": (2016, "REJECTED"),
        "MethodNotAllowed": (2017, "REJECTED"),
        "TooManyRequests": (2018, "RETRY"),
        "Shutdown": (2020, "RETRY"),
        "InternalServerError": (2021, "RETRY"),
        "ServiceUnavailable": (2022, "RETRY"),
        "MissingTopic": (2023, "MISCONFIGURED"),
        "BadCollapseId": (99999999, "REJECTED"),
        "InvalidPushType": (99999999, "REJECTED"),
        "InvalidProviderToken": (99999999, "MISCONFIGURED"),
        "ExpiredProviderToken": (99999999, "MISCONFIGURED"),
        "TooManyProviderTokenUpdates": (99999999, "RETRY"),
    },
)

SAMPLES: list[Sample] = [
    _APNS,
    _FCM,
]  # fmt: skip
