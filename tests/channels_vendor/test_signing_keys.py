"""Signing keys are accepted if they can sign, and refused with a reason otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from channels_vendor.apns.provider_token import provider_token
from channels_vendor.apns.vendor import VENDOR as APNS
from channels_vendor.base.contract import CannotAuthorise
from channels_vendor.base.signing_keys import p256_key, rsa_key
from channels_vendor.fcm.vendor import VENDOR as FCM
from channels_vendor.harmonyos.vendor import VENDOR as HARMONYOS
from channels_vendor.huawei.vendor import VENDOR as HUAWEI
from tests.channels_vendor import push_certificates
from tests.channels_vendor.samples import SAMPLES


def pem(key: Any, password: bytes = b"") -> str:
    sealing = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing).decode()


P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
PUBLIC = P256.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
CERTIFICATE = push_certificates.authority()[0].public_bytes(serialization.Encoding.PEM)
WRONG = {
    "an RSA key": (pem(RSA), "this is an RSA key; an elliptic curve key (P-256) is needed"),
    "of P-384": (pem(ec.generate_private_key(ec.SECP384R1())), "of the curve secp384r1; one of P-256 is needed"),
    "of secp256k1": (pem(ec.generate_private_key(ec.SECP256K1())), "of the curve secp256k1; one of P-256"),
    "of Ed25519": (pem(ed25519.Ed25519PrivateKey.generate()), "a key of another kind"),
    "with a password": (pem(P256, b"x"), "protected by a password"),
    "a public key": (PUBLIC.decode(), "this is a public key; the private one is needed"),
    "a certificate": (CERTIFICATE.decode(), "this is a certificate; the private key is needed"),
    "cut off": (pem(P256)[:80], "no private key in PEM form"),
    "nonsense": ("nonsense", "no private key in PEM form"),
    "a name of a file": ("AuthKey_ABCDE12345.p8", "no private key in PEM form"),
}
APNS_VALUES = next(dict(sample.values()) for sample in SAMPLES if sample.name == "apns")


@pytest.mark.parametrize("name", WRONG)
def test_an_apns_key_that_cannot_sign_es256_is_refused_with_the_reason(name: str) -> None:
    key, reason = WRONG[name]
    errors = APNS.validate(APNS_VALUES | {"p8": key})
    assert set(errors) == {"p8"}
    assert reason in errors["p8"]
    assert "<" not in errors["p8"]
    assert "http" not in errors["p8"]
    with pytest.raises(CannotAuthorise) as refused:
        provider_token(key, "ABCDE12345", "TEAM123456")
    assert reason in str(refused.value)


def test_a_key_with_blanks_around_it_is_accepted() -> None:
    assert APNS.validate(APNS_VALUES | {"p8": f"\n {pem(P256)} \r\n"}) == {}
    assert p256_key(pem(P256)).key_size == 256


@pytest.mark.parametrize("name", ["key_id", "team_id"])
@pytest.mark.parametrize(
    "value", ["ABCDE1234", "ABCDE123456", "abcde12345", "ABCDE-1234", "AuthKey_ABCDE12345.p8", "ÄBCDE12345"]
)
def test_an_id_of_apple_has_ten_capital_letters_and_digits(name: str, value: str) -> None:
    errors = APNS.validate(APNS_VALUES | {name: value})
    assert errors == {name: "ten capital letters and digits, as Apple's developer account shows it"}


def test_a_wrong_field_is_reported_although_others_are_missing() -> None:
    assert set(APNS.validate({"p8": "nonsense", "key_id": "short"})) == {"p8", "key_id", "team_id", "bundle_id"}


@pytest.mark.parametrize("vendor", [FCM, HUAWEI, HARMONYOS], ids=lambda vendor: vendor.title)
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (pem(P256), "this is an elliptic curve key; an RSA key is needed"),
        (pem(rsa.generate_private_key(65537, 1024)), "this key has 1024 bits; 2048 or more are needed"),
        ("nonsense", "no private key in PEM form"),
    ],
    ids=["of a curve", "short", "nonsense"],
)
def test_a_service_accounts_key_is_checked_when_it_is_entered(vendor: Any, key: str, reason: str) -> None:
    sample = next(one for one in SAMPLES if one.vendor is vendor and "service_account" in one.values())
    values = dict(sample.values())
    assert vendor.validate(values) == {}
    account = json.loads(values["service_account"]) | {"private_key": key}
    errors = vendor.validate(values | {"service_account": json.dumps(account)})
    assert reason in errors["service_account"]
    with pytest.raises(ValueError, match=r"needed|PEM form"):
        rsa_key(key)
