"""APNs' provider tokens (JWT, ES256): the same one wherever it is signed.

Apple takes a token for 60 minutes, and answers TooManyProviderTokenUpdates where a key's token changes more often than
every 20 minutes. So a token carries the beginning of a slot of 40 minutes as its time, and its signature is
deterministic (RFC 6979): workspaces that share a key, processes, and a worker whose store was flushed come to the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from jwt.utils import der_to_raw_signature

from channels_vendor.base import sentences
from channels_vendor.base.contract import CannotAuthorise, CredentialSource
from channels_vendor.base.credentials import RENEW_AHEAD_SECONDS
from channels_vendor.base.signing_keys import p256_key

SLOT_SECONDS = 40 * 60


class _Deterministic(ECAlgorithm):
    def sign(self, msg: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        signature = key.sign(msg, ec.ECDSA(self.hash_alg(), deterministic_signing=True))
        return der_to_raw_signature(signature, key.curve)


_jws = jwt.PyJWS()
_jws.unregister_algorithm("ES256")
_jws.register_algorithm("ES256", _Deterministic(ECAlgorithm.SHA256))


def provider_token(
    p8: str, key_id: str, team_id: str, *, clock: Callable[[], float] = time.time, fresh: bool = False
) -> tuple[str, float]:
    """Sign a provider token.

    Args:
        p8: The key's text.
        key_id: The key's ID.
        team_id: The developer team's ID.
        clock: Seconds since 1970.
        fresh: Issue it now, where Apple calls that of the slot expired (its clock and ours disagree).

    Returns:
        The token and its life in seconds, which ends with the slot.

    Raises:
        CannotAuthorise: The key cannot sign.
    """
    now = int(clock())
    slot = now - now % SLOT_SECONDS
    claims = json.dumps({"iss": team_id, "iat": now if fresh else slot}, separators=(",", ":"))
    try:
        key = p256_key(p8)
    except ValueError as error:
        raise CannotAuthorise(sentences.CANNOT_SIGN % {"reason": error}, permanent=True) from None
    signed = _jws.encode(claims.encode(), key, algorithm="ES256", headers={"kid": key_id})
    left = float(slot + SLOT_SECONDS - now)
    # Credentials are renewed ahead of their end: this one at the end of its slot.
    return signed, left + min(left, RENEW_AHEAD_SECONDS)


class ProviderTokenSource:
    """The credential source of an APNs key; a provider token that is refused is replaced by one issued at once."""

    def __init__(self, credentials: CredentialSource, p8: str, key_id: str, team_id: str) -> None:
        self._credentials = credentials
        self._key = (p8, key_id, team_id)

    def get(self, fetch: Callable[[], tuple[str, float]], *, refused: str = "") -> str:
        """Return the token (`CredentialSource.get`)."""
        if not refused:
            return self._credentials.get(fetch)
        return self._credentials.get(lambda: provider_token(*self._key, fresh=True), refused=refused)
