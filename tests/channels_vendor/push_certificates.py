"""Push certificates as Apple issues them, from an authority of the tests."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID, ObjectIdentifier

SANDBOX = "1.2.840.113635.100.6.3.1"
PRODUCTION = "1.2.840.113635.100.6.3.2"
BUNDLE_ID = "com.example.shop"
PASSWORD = "secret"


@lru_cache
def authority() -> tuple[x509.Certificate, Any]:
    """Return the certificate and the key of the authority."""
    return certificate("Push authority", self_signed=True)


def certificate(
    name: str, *environments: str, bundle_id: str = BUNDLE_ID, days: int = 30, self_signed: bool = False
) -> tuple[x509.Certificate, Any]:
    """Return a certificate for an app and its key, valid for `days` (negative: expired)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.USER_ID, bundle_id), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (subject, key) if self_signed else (authority()[0].subject, authority()[1])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=self_signed, path_length=None), critical=True)
    )
    for oid in environments:
        mark = x509.UnrecognizedExtension(ObjectIdentifier(oid), b"\x05\x00")
        builder = builder.add_extension(mark, critical=False)
    return builder.sign(signer, hashes.SHA256()), key


def p12_file(name: str, *environments: str, **more: Any) -> bytes:
    """Return a .p12 file as it is uploaded, encrypted with `PASSWORD`; `more` goes to `certificate`."""
    found, key = certificate(name, *environments, **more)
    sealing = serialization.BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(b"push", key, found, None, sealing)


def p12(name: str, *environments: str, **more: Any) -> str:
    """Return a .p12 file in base64, as accounts store it."""
    return base64.b64encode(p12_file(name, *environments, **more)).decode()


# Its key is of a curve (secp112r1) that the cryptography package does not know; the password is `PASSWORD`.
UNSUPPORTED = (
    "MIIDdwIBAzCCAy0GCSqGSIb3DQEHAaCCAx4EggMaMIIDFjCCAgIGCSqGSIb3DQEHBqCCAfMwggHvAgEAMIIB6AYJKoZIhvcNAQcB"
    "MFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhqsRoSVFopxAICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEKId"
    "RZUS4/hUznqg6nT+QkeAggGAq/iHVzRZEmQxSzDCVb8mBl6iGW0q8TiNn4izWl0Wyem80yQ0CYGFvk9VfNC8W1gtVEWU1Njk37iX"
    "RmvPQtVIx6xp4iGL6EjkUTCyvWiV50zt9OmwkcSEV+ggHJp2WN5l+vWC4m8GlTjJ9I5+xTHobuoN32tQ/q+tz7Tknzp2yTkUntAg"
    "2LjxEuOpGZISHg1a71yIzBQCvwOhMvmScArVNyYe/NBPmMZwzam4Hzk8DBfPq1mZWBnK5IZfhq0x5o5oB4QXYTNJj1UeDbAG3xGU"
    "cShSq66YJRQxsUxrdfUr1HP+TJ2qW1+GvGek/yOdjvLCA6raYsgF8y9sIGkYoEeClp9bk6/iEDAmz+NY1eDujKe+QrbXXrqNJhBF"
    "VgM5idctFQAxf1TZAW8Fk2HzoyFeqYfnNyKKao2X7foYvJFyyFo4FhSOU1bRSbv0BdExV4GCICRXw9WZrVDlANz7xNc4JUJAuUlF"
    "g8xWVrl3VocT3fiwJucugG/iuvEB9Kf9KKwFMIIBDAYJKoZIhvcNAQcBoIH+BIH7MIH4MIH1BgsqhkiG9w0BDAoBAqCBvjCBuzBX"
    "BgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIGiNtRrytwzoCAggAMAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBDJPDX1"
    "uyr3uOTlCK8292TwBGAPRgRxB8ekOB+APkebcOAvjKlx8NG5Crl57i0A4Vf3+KSLf+9jgdiFyNgzS8HwzV0ptZb1hgmbdf7iPXJI"
    "bOETtPjsmwjpgdwiNsob8FhUKqx6K2sK1H492eT28PQS5WoxJTAjBgkqhkiG9w0BCRUxFgQUzKwkoQEZymKiFHVahwIKeX86zgUw"
    "QTAxMA0GCWCGSAFlAwQCAQUABCB1kxeZXC3u5AdI+VC2yxsx1/hybxQSXg2vFnfA8ayhhQQIgmmiNQHvO7QCAggA"
)
