"""The REST API's signature: RSA-SHA256 over the raw body by the caller's private key (source document, 6.8)."""

from __future__ import annotations

from pushcore.models import RsaKey, Workspace
from pushcore.security import crypto

SIGN_TYPE = "RSA"


def is_valid(workspace: Workspace, body: bytes, signature: str) -> bool:
    """Return whether one of the workspace's active API keys made the signature. While keys rotate, several are."""
    if not signature or len(signature) > 4096:
        return False
    keys = RsaKey.objects.filter(workspace=workspace, purpose=RsaKey.Purpose.API, active=True)
    return any(crypto.verify(body, signature, pem) for pem in keys.values_list("public_pem", flat=True)[:20])
