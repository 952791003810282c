"""APNs for the contract suite."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from channels_vendor.apns.simulator import SimulatedApns
from channels_vendor.apns.vendor import VENDOR as APNS
from tests.channels_vendor import push_certificates
from tests.channels_vendor.samples.sample import Sample


def _new_key() -> dict[str, str]:
    """Make an account with a new key at each call."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"p8": pem.decode(), "key_id": "ABCDE12345", "team_id": "TEAM123456", "bundle_id": "com.example.shop"}


@lru_cache
def _certificate() -> dict[str, str]:
    made = push_certificates.p12("Apple Push Services: shop", push_certificates.PRODUCTION)
    return {"p12": made, "p12_password": push_certificates.PASSWORD, "bundle_id": push_certificates.BUNDLE_ID}


_BY_KEY = Sample(
    APNS,
    SimulatedApns,
    lru_cache(_new_key),
    lambda number: f"a{number:063x}",
    gone=("Unregistered", 2011),
    wrong=lambda: {"p8": _new_key()["p8"]},
    rows={
        "PayloadEmpty": (2001, "REJECTED"),
        "PayloadTooLarge": (2002, "REJECTED"),
        "BadTopic": (2003, "MISCONFIGURED"),
        "TopicDisallowed": (2004, "MISCONFIGURED"),
        "BadMessageId": (2005, "REJECTED"),
        "BadExpirationDate": (2006, "REJECTED"),
        "BadPriority": (2007, "REJECTED"),
        "MissingDeviceToken": (2008, "REJECTED"),
        "BadDeviceToken": (2009, "GONE"),
        "DeviceTokenNotForTopic": (2010, "REJECTED"),
        "Unregistered": (2011, "GONE"),
        "ExpiredToken": (2011, "GONE"),
        "DuplicateHeaders": (2012, "REJECTED"),
        "BadCertificateEnvironment": (2013, "MISCONFIGURED"),
        "BadCertificate": (2014, "MISCONFIGURED"),
        "Forbidden": (2015, "MISCONFIGURED"),
        "BadPath": (2016, "REJECTED"),
        "MethodNotAllowed": (2017, "REJECTED"),
        "TooManyRequests": (2018, "RETRY"),
        "IdleTimeout": (2019, "RETRY"),
        "Shutdown": (2020, "RETRY"),
        "InternalServerError": (2021, "RETRY"),
        "ServiceUnavailable": (2022, "RETRY"),
        "MissingTopic": (2023, "MISCONFIGURED"),
        "BadCollapseId": (99999999, "REJECTED"),
        "InvalidPushType": (99999999, "REJECTED"),
        "InvalidProviderToken": (99999999, "MISCONFIGURED"),
        "MissingProviderToken": (99999999, "MISCONFIGURED"),
        "UnrelatedKeyIdInToken": (99999999, "MISCONFIGURED"),
        "BadEnvironmentKeyIdInToken": (99999999, "MISCONFIGURED"),
        "ExpiredProviderToken": (99999999, "MISCONFIGURED"),
        "TooManyProviderTokenUpdates": (99999999, "RETRY"),
    },
)

_BY_CERTIFICATE = replace(
    _BY_KEY,
    values=_certificate,
    # Of the other environment.
    wrong=lambda: {"p12": push_certificates.p12("Apple Push Services: shop", push_certificates.SANDBOX)},
    renews=False,
    variant="-certificate",
)

SAMPLES = [_BY_KEY, _BY_CERTIFICATE]
