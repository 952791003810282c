"""Web Push for the contract suite."""

from __future__ import annotations

import time

from channels_vendor.webpush import vapid
from channels_vendor.webpush.simulator import BROWSER_AUTH, BROWSER_KEY, SimulatedPushService, subscription
from channels_vendor.webpush.vendor import VENDOR as WEB_PUSH
from tests.channels_vendor.samples.sample import Sample, made_once
from tests.support import web_push


def _new_account() -> dict[str, str]:
    """Make an account with a new key pair at each call."""
    return {"contact": "mailto:push@shop.example", "private_key": vapid.new_private_key()}


SAMPLES = [
    Sample(
        WEB_PUSH,
        SimulatedPushService,
        made_once(_new_account),
        lambda number: subscription(f"browser-{number}"),
        gone=("410", 410),
        wrong=lambda: {"private_key": vapid.new_private_key()},
        rows={
            "404": (404, "GONE"),
            "410": (410, "GONE"),
            "413": (413, "REJECTED"),
            "400": (400, "REJECTED"),
            "418": (99999999, "REJECTED"),
            "key": (403, "REJECTED"),
            "401": (401, "MISCONFIGURED"),
            "403": (403, "MISCONFIGURED"),
            "406": (429, "RETRY"),
            "429": (429, "RETRY"),
            "503": (99999999, "RETRY"),
        },
        credential=str(int(time.time()) + 3600),
        plain=lambda body: web_push.decrypt(body, BROWSER_KEY, BROWSER_AUTH),
    )
]
