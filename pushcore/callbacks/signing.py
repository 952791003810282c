"""Build the signed request that carries a receipt; test a workspace's callback URL."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, quote, urlsplit

from django.conf import settings

from pushcore.callbacks.webhook_client import WebhookRequest, WebhookResult, post
from pushcore.codes import statuses
from pushcore.models import Workspace
from pushcore.security import crypto, endpoints, keys

HAS_SIGN = "Has a parameter sign, which is where the signature goes."


def signed_request(callback_url: str, body: str, private_pem: str) -> WebhookRequest:
    """Sign a receipt's body; the signature travels as query parameter `sign`.

    Raises:
        ValueError: `private_pem` is no RSA key.
    """
    raw = body.encode()
    signature = quote(crypto.sign(raw, private_pem), safe="")
    try:
        return WebhookRequest(endpoints.with_parameter(callback_url, f"sign={signature}"), raw)
    except ValueError:  # the form refuses such URLs; the attempt records the error
        return WebhookRequest("", raw)


def callback_problem(url: str) -> str:
    """Return what is wrong with a callback URL, as a sentence; empty if nothing is."""
    has_sign = "sign" in parse_qs(urlsplit(url).query, keep_blank_values=True)
    return endpoints.problem(url) or (HAS_SIGN if has_sign else "")


def send_test_receipt(workspace: Workspace) -> WebhookResult:
    """Post a receipt of no real message to the workspace's callback URL, once, and wait for the answer."""
    receipt = {
        "extInfo": {"adToken": "", "osType": ""},
        "msgId": "callback-test",
        "pushSuccess": True,
        "statusCode": str(statuses.ACKED),
        "statusDesc": statuses.lookup(statuses.ACKED).name,
        "targetId": "callback-test",
    }
    body = json.dumps(receipt, separators=(",", ":"))
    request = signed_request(workspace.callback_url, body, keys.callback_key(workspace).private_pem)
    return post([request], allow_private=settings.RECEIPT_ALLOW_PRIVATE)[0]
