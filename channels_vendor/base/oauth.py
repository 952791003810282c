"""Fetch an account's credential, by a call on a connection of its own: it is needed once an hour or less."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from channels_vendor.base import sentences
from channels_vendor.base.contract import Account, CannotAuthorise
from pushcore.http.calls import HttpAnswer, HttpCall, HttpSettings
from pushcore.http.client import HttpClient


def post(account: Account, url: str, body: bytes, headers: tuple[str, ...]) -> HttpAnswer:
    """Post a request on a connection of its own, with the same check of addresses as all calls."""
    client = HttpClient(
        HttpSettings(allow_private=account.allow_private, https_only=not account.allow_private, ca=account.ca)
    )
    try:
        [answer] = client.exchange([HttpCall(url, body, headers)])
    finally:
        client.close()
    return answer


def post_form(account: Account, url: str, fields: Mapping[str, str]) -> HttpAnswer:
    """Post a form."""
    return post(account, url, urlencode(fields).encode(), ("content-type: application/x-www-form-urlencoded",))


def read_token(answer: HttpAnswer) -> tuple[str, float]:
    """Return the access token and its life in seconds from a token endpoint's answer (RFC 6749).

    Raises:
        CannotAuthorise: The answer holds no token; for good where the status is 4xx, but for 408 and 429.
    """
    try:
        body = json.loads(answer.body) if not answer.error else {}
        if answer.ok:
            return str(body["access_token"]), float(body.get("expires_in", 3600))
        reason = str(body.get("error_description") or body.get("error") or answer.error or f"HTTP {answer.status}")
    except (ValueError, KeyError, TypeError, AttributeError):
        reason = answer.error or f"HTTP {answer.status} without a token"
    permanent = answer.status is not None and 400 <= answer.status < 500 and answer.status not in (408, 429)
    raise CannotAuthorise(sentences.NO_ACCESS_TOKEN % {"reason": reason[:200]}, permanent=permanent)


def fetch_client_token(account: Account, url: str, client_id: str, client_secret: str) -> tuple[str, float]:
    """Return the access token of a client's secret and its life in seconds (RFC 6749, 4.4).

    Raises:
        CannotAuthorise: The endpoint gave none.
    """
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return read_token(post_form(account, account.auth_url or url, fields))
