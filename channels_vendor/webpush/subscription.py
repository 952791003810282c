"""Push subscriptions: what a browser gives a page in place of a device token (W3C Push API, `PushSubscription`)."""

from __future__ import annotations

import base64
import binascii
import json
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from pushcore.security import addresses, endpoints

# Endpoints of Chrome, Firefox and Safari have 150 to 350 characters; those of Edge over 500, and Microsoft names 1024
# as the longest there may be. With the keys this leaves 870.
MAX_LENGTH = 1024
# RFC 8291, 3.1 and 3.2: an uncompressed point of P-256, and 16 random bytes.
_POINT_BYTES, _AUTH_BYTES = 65, 16


class Subscription(NamedTuple):
    """A subscription, parsed.

    Attributes:
        endpoint: The address that its messages are posted to; whoever knows it can try to.
        parts: The same, split.
        p256dh: The browser's public key, as an uncompressed point.
        auth: The browser's authentication secret.
    """

    endpoint: str
    parts: SplitResult
    p256dh: bytes
    auth: bytes

    @property
    def origin(self) -> str:
        """The push service, as RFC 6454 writes origins."""
        return f"https://{self.parts.netloc.lower().removesuffix(':443')}"

    @property
    def host(self) -> str:
        """The push service's host."""
        return self.parts.hostname or ""


def parse(token: str) -> Subscription:
    """Read a subscription as `JSON.stringify` writes it.

    Raises:
        ValueError: It is none; the message says what is wrong.
    """
    try:
        found = json.loads(token)
        endpoint, keys = found["endpoint"], found["keys"]
        point, auth = decode(keys["p256dh"]), decode(keys["auth"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("a push subscription is JSON with endpoint, keys.p256dh and keys.auth") from None
    if not isinstance(endpoint, str) or endpoints.problem(endpoint, https_only=True):
        raise ValueError("the endpoint of a push subscription is an https address")
    if len(point) != _POINT_BYTES or len(auth) != _AUTH_BYTES:
        raise ValueError("keys.p256dh has 65 bytes and keys.auth 16, in base64url")
    return Subscription(endpoint, urlsplit(endpoint), point, auth)


def kept_spelling(token: str) -> str:
    """Return a reported subscription as it is kept: without what does not matter, so that equal ones are one text.

    Raises:
        ValueError: It is none, its key is no point of the curve, or its endpoint is at a private address.
    """
    found = parse(token)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), found.p256dh)
    except ValueError:
        raise ValueError("keys.p256dh is no point of the curve P-256") from None
    if _is_private(found.host):
        raise ValueError("the endpoint of a push subscription is at a private address")
    keys = {"p256dh": encode(found.p256dh), "auth": encode(found.auth)}
    return json.dumps({"endpoint": found.endpoint, "keys": keys}, separators=(",", ":"))


def _is_private(host: str) -> bool:
    """Tell whether a host is written as an address that is not public; names are looked up when they are called."""
    try:
        return not addresses.is_public(str(ip_address(host)))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def decode(text: str) -> bytes:
    """Return the bytes of base64url, padded or not. Raises `ValueError`."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, AttributeError) as error:
        raise ValueError(str(error)) from None


def encode(raw: bytes) -> str:
    """Return bytes in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
