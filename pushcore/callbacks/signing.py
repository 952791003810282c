"""The request that carries a receipt, and a test of a workspace's callback."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, quote, urlsplit

from django.conf import settings

from pushcore.codes import statuses
from pushcore.http.posting import Posting, PostResult, post_all
from pushcore.models import Workspace
from pushcore.security import crypto, endpoints, keys

HAS_SIGN = "Has a parameter sign, which is where the signature goes."


def signed_posting(callback_url: str, body: str, private_pem: str) -> Posting:
    """The POST of a receipt: the body as it is, its signature as query parameter `sign`."""
    raw = body.encode()
    signature = quote(crypto.sign(raw, private_pem), safe="")
    try:
        return Posting(endpoints.with_parameter(callback_url, f"sign={signature}"), raw)
    except ValueError:  # refused by the form; the attempt tells
        return Posting("", raw)


def callback_problem(url: str) -> str:
    """What is wrong with a callback URL, in a sentence, or empty."""
    has_sign = "sign" in parse_qs(urlsplit(url).query, keep_blank_values=True)
    return endpoints.problem(url) or (HAS_SIGN if has_sign else "")


def send_test(workspace: Workspace) -> PostResult:
    """Post a receipt that speaks of no message to the workspace's callback URL, once, and wait for the answer."""
    told = {
        "extInfo": {"adToken": "", "osType": ""},
        "msgId": "callback-test",
        "pushSuccess": True,
        "statusCode": str(statuses.ACKED),
        "statusDesc": statuses.lookup(statuses.ACKED).name,
        "targetId": "callback-test",
    }
    body = json.dumps(told, separators=(",", ":"))
    posting = signed_posting(workspace.callback_url, body, keys.callback_key(workspace).private_pem)
    return post_all([posting], allow_private=settings.RECEIPT_ALLOW_PRIVATE)[0]
