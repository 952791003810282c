"""Signatures of the RPC API: signature version 1 (HMAC over all parameters) and ACS3 (HMAC over the HTTP request).

Pure functions over what the request carried; nothing here knows Django.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pushcore.http.percent_encoding import percent_encode

V1_METHODS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
ACS3_ALGORITHM = "ACS3-HMAC-SHA256"


def _percent_again(encoded: str) -> str:
    """Percent-encode pairs that are encoded already: only `%`, `&` and `=` are left to encode."""
    return encoded.replace("%", "%25").replace("&", "%26").replace("=", "%3D")


def v1_string_to_sign(http_method: str, parameters: Mapping[str, str]) -> str:
    """Return the text that signature version 1 signs: every parameter but Signature, encoded, sorted by name."""
    pairs = sorted((name, value) for name, value in parameters.items() if name != "Signature")
    canonical = "&".join(f"{percent_encode(name)}={percent_encode(value)}" for name, value in pairs)
    return f"{http_method}&%2F&{_percent_again(canonical)}"


def is_valid_v1(string_to_sign: str, signature: str, secret: str, signature_method: str) -> bool:
    """Return whether the secret made the signature (base64) of the text, by a method of `V1_METHODS`."""
    expected = hmac.new(f"{secret}&".encode(), string_to_sign.encode(), V1_METHODS[signature_method]).digest()
    return hmac.compare_digest(base64.b64encode(expected), signature.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Acs3Authorization:
    """The parts of an `Authorization: ACS3-HMAC-SHA256 ...` header."""

    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_acs3(header: str) -> Acs3Authorization | None:
    """Return the parts of an Authorization header; None where it is no ACS3 one."""
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ACS3_ALGORITHM:
        return None
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    names = tuple(name for name in parts.get("SignedHeaders", "").lower().split(";") if name)
    return Acs3Authorization(parts.get("Credential", ""), names, parts.get("Signature", ""))


def acs3_string_to_sign(
    http_method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    body_hash: str,
) -> str:
    """Return the text that ACS3 signs: method, path, query, signed headers (lower-case names) and body hash, hashed."""
    canonical_query = "&".join(f"{percent_encode(name)}={percent_encode(value)}" for name, value in sorted(query))
    canonical_headers = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in sorted(signed_headers))
    request = "\n".join(
        [http_method, path, canonical_query, canonical_headers, ";".join(sorted(signed_headers)), body_hash]
    )
    return f"{ACS3_ALGORITHM}\n{hashlib.sha256(request.encode('utf-8', 'surrogateescape')).hexdigest()}"


def is_valid_acs3(string_to_sign: str, signature: str, secret: str) -> bool:
    """Return whether the secret made the signature (hexadecimal) of the text."""
    expected = hmac.new(secret.encode(), string_to_sign.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
