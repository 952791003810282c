"""Web Push: one encrypted call a subscription, side by side over HTTP/2, to the push service of its browser."""

from __future__ import annotations

import time
from collections.abc import Sequence

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

from channels_vendor.base import probing
from channels_vendor.base.contract import Account, CannotAuthorise, CredentialSource, VendorRequest
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.outcomes import SendOutcome, accepted, by_rule
from channels_vendor.base.payload_template import PayloadTemplate, longest_msgkeys
from channels_vendor.webpush import errors, payload, subscription, vapid
from channels_vendor.webpush.subscription import Subscription
from pushcore.http.calls import HttpAnswer, HttpCall
from pushcore.http.client import HttpClient

# The services of the browsers' vendors: what they say of an account is believed.
_BROWSER_VENDORS = ("fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com")
# Where an account is tried that names no other address: a service that anybody can post to.
_PROBED = "https://updates.push.services.mozilla.com"
_ENCRYPTED = ("content-encoding: aes128gcm", "content-type: application/octet-stream")
_MAX_ORIGINS = 64
_SAID_CHARACTERS = 150

_Template = tuple[PayloadTemplate | None, tuple[str, ...]]


class WebPushAdapter(HttpAdapter):
    """Sends to the browsers that subscribed with one account's key.

    The credential is the time its VAPID tokens run out at, in seconds since 1970: a token is for one push service, and
    is signed when the first message goes there.
    """

    unauthorised_status = 401
    table = errors.TABLE
    unknown_token_codes = ("404", "410")

    def __init__(self, account: Account, client: HttpClient, credentials: CredentialSource) -> None:
        super().__init__(account, client, credentials)
        self._expires = 0
        # By push service, for the credential they are signed with.
        self._signed_with = ""
        self._authorizations: dict[str, str] = {}

    @property
    def probe_token(self) -> str:
        """A subscription that no browser has."""
        point = vapid.public_key(vapid.read_private_key(self.account.get("private_key")))
        keys = f'{{"p256dh":"{point}","auth":"{subscription.encode(bytes(16))}"}}'
        return f'{{"endpoint":"{self.account.base_url or _PROBED}/wpush/v2/{probing.TOKEN}","keys":{keys}}}'

    def fetch_credential(self) -> tuple[str, float]:
        """Return when tokens that are signed now run out; never the same time twice.

        Raises:
            CannotAuthorise: The key cannot sign.
        """
        try:
            vapid.read_private_key(self.account.get("private_key"))
        except ValueError as error:
            raise CannotAuthorise(str(error), permanent=True) from None
        expires = int(time.time()) + vapid.LIFE_SECONDS
        self._expires = expires if expires != self._expires else expires - 1
        return str(self._expires), float(vapid.LIFE_SECONDS)

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for each subscription, encrypted with its keys."""
        templates: dict[Notification, _Template] = {}
        requests, refused = [], []
        longest = longest_msgkeys(deliveries)
        for delivery in deliveries:
            notification = delivery.notification
            if notification not in templates:
                template = payload.template_of(notification, longest[notification])
                templates[notification] = template, payload.headers_of(notification, self.account.channel)
            template, headers = templates[notification]
            try:
                receiver = subscription.parse(delivery.token)
                if template is None:
                    refused.append(by_rule(delivery, errors.TABLE[errors.TOO_LARGE], errors.TOO_LARGE))
                    continue
                plain = template.render(delivery)
                body = encrypt(plain, receiver)
            except ValueError:
                refused.append(by_rule(delivery, errors.NO_SUBSCRIPTION, "no subscription"))
                continue
            call = HttpCall(self._url(receiver), body, (*headers, *_ENCRYPTED, *self._sender(receiver, credential)))
            requests.append(VendorRequest(call, (delivery,), plain))
        return requests, refused

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read the answer to one message: its status, and where there are words for another key, these."""
        [delivery] = request.deliveries
        assert answer.status is not None
        if answer.ok:
            place = answer.header("location").rstrip("/").rsplit("/", 1)[-1]
            return [accepted(delivery, place[:200] or str(delivery.message_id))]
        said = " ".join(answer.body.decode(errors="replace").split())
        rule = self.rule_of(errors.code_of(answer.status, said), answer)
        if not self._is_believed(delivery):
            rule = errors.OF_ONE_SUBSCRIPTION.get(rule.action, rule)
        code = f"{answer.status} {said[:_SAID_CHARACTERS]}".strip()
        retry_after, unreachable = answer.retry_after, answer.status >= 500
        return [by_rule(delivery, rule, code, retry_after=retry_after, unreachable=unreachable)]

    def _url(self, receiver: Subscription) -> str:
        """Return where a message is posted: the endpoint, or its path at the account's own address."""
        if not self.account.base_url:
            return receiver.endpoint
        query = f"?{receiver.parts.query}" if receiver.parts.query else ""
        return f"{self.account.base_url}{receiver.parts.path}{query}"

    def _is_believed(self, delivery: Delivery) -> bool:
        """Tell whether what the subscription's service says of the account counts for the account."""
        host = subscription.parse(delivery.token).host
        return bool(self.account.base_url) or any(f".{host}".endswith(f".{known}") for known in _BROWSER_VENDORS)

    def _sender(self, receiver: Subscription, credential: str) -> tuple[str, ...]:
        """Return the header that says who sends, signed once for each push service; none without a credential."""
        if not credential:
            return ()
        if self._signed_with != credential or len(self._authorizations) >= _MAX_ORIGINS:
            self._signed_with, self._authorizations = credential, {}
        origin = receiver.origin
        if origin not in self._authorizations:
            key = vapid.read_private_key(self.account.get("private_key"))
            signed = vapid.authorization(key, origin, self.account.get("contact"), int(credential))
            self._authorizations[origin] = f"authorization: {signed}"
        return (self._authorizations[origin],)


def encrypt(plain: bytes, receiver: Subscription) -> bytes:
    """Encrypt a message for a browser with a key pair of its own (RFC 8291).

    Raises:
        ValueError: The browser's key is no point of the curve.
    """
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    body: bytes = http_ece.encrypt(plain, private_key=ephemeral, dh=receiver.p256dh, auth_secret=receiver.auth)
    return body
