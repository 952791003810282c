"""Push Kit v3 for HarmonyOS, as Huawei documents it.

A script's error for a token is a code of a whole call ("80300002"), or a reason of the token alone.
"""

from __future__ import annotations

import json
import re
from typing import Any

from channels_vendor.huawei.simulator import DEMO_REPORTS, MAX_BYTES, MAX_TOKENS, SimulatedPushKit, size_of
from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import as_json
from pushcore.security import crypto


class SimulatedHarmonyos(SimulatedPushKit):
    """Answers as Push Kit for HarmonyOS does."""

    name = "harmonyos"
    malformed = "tokenFormatError"

    def serves(self, incoming: Incoming) -> bool:
        """Take calls of v3."""
        return bool(re.fullmatch(r"/v3/[^/]+/messages:send", incoming.path))

    def credential(self, incoming: Incoming) -> Reply:
        """Refuse: a JWT is the credential."""
        return as_json(404, {})

    def send(self, incoming: Incoming) -> Reply:
        """Check the message as Huawei does, and accept its tokens."""
        bearer = self.bearer(incoming)
        if bearer in self.script.expired:
            return self.say("80200005", "The JWT has expired")
        if not self.is_good_jwt(bearer):
            return self.say("80200001", "Authentication error", 401)
        try:
            body = json.loads(incoming.body)
            tokens, payload, options = body["target"]["token"], body["payload"], body["pushOptions"]
        except (ValueError, KeyError):
            return self.say("80100003", "Illegal payload", 400)
        notification = payload.get("notification")
        lacks_category = notification is not None and not notification.get("category")
        if incoming.headers.get("push-type") not in ("0", "6") or lacks_category:
            return self.say("80100001", "Parameter error", 400)
        if not isinstance(options.get("ttl"), int) or not 0 < len(tokens) <= MAX_TOKENS:
            return self.say("80100001", "Parameter error", 400)
        if size_of({name: value for name, value in body.items() if name != "target"}) > MAX_BYTES:
            return self.say("80300008", "The message is larger than 4096 bytes", 400)
        whole, wrong = self.judge(tokens, options.get("biTag", ""))
        if whole:
            return self.say(whole, "Refused")
        if not wrong:
            return self.say("80000000", "Success")
        illegal: dict[str, list[str]] = {}
        for token, reason in wrong.items():
            illegal.setdefault(reason, []).append(token)
        refusals = {"success": len(tokens) - len(wrong), "failure": len(wrong), "illegalTokens": illegal}
        return self.say("80300007" if len(wrong) == len(tokens) else "80100000", json.dumps(refusals))

    def result(self, code: int, stamp: int) -> dict[str, Any]:
        """Return what a report says of a device."""
        return {"appPackageName": "app", "pushType": 0, "deliveryStatus": {"result": code, "timestamp": stamp}}


SIMULATED = (SimulatedHarmonyos,)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    private, _ = crypto.new_rsa_key()
    account = {"project_id": "demo", "key_id": "demo", "private_key": private, "sub_account": "demo"}
    return {"service_account": json.dumps(account)} | DEMO_REPORTS
