"""vivo's authentication and its call for a single device.

A script's error for a token: `invalid:1` to `invalid:4` (what is wrong with the device), or a result.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence

from channels_vendor.base.truncation import utf16_length
from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SECRET, ReportingVendor, as_json


class SimulatedVivo(ReportingVendor):
    """Answers as vivo does."""

    name = "vivo"
    credential_path = "/message/auth"
    arrived = "0"
    malformed = "invalid:1"

    def __init__(self) -> None:
        super().__init__()
        self._sent: set[str] = set()

    def serves(self, incoming: Incoming) -> bool:
        """Take the authentication and the call for a device."""
        return incoming.path in (self.credential_path, "/message/send")

    def credential(self, incoming: Incoming) -> Reply:
        """Give an auth token for a signed app key."""
        try:
            body = json.loads(incoming.body)
        except ValueError:
            body = {}
        if not body.get("appId") or not body.get("appKey"):
            return self.say(10200, "appId or appKey missing")
        if type(body["appId"]) is not int:
            return self.say(10201, "appId is no number")
        signed = f"{body['appId']}{body['appKey']}{body.get('timestamp')}{SECRET}"
        signature = hashlib.md5(signed.encode(), usedforsecurity=False).hexdigest()
        if body.get("sign") != signature:
            return self.say(10206, "sign wrong")
        return self.say(0, "ok", authToken=f"vivo-{self.ledger.credentials}")

    def send(self, incoming: Incoming) -> Reply:
        """Check the message as vivo does, and accept it."""
        token = incoming.headers.get("authtoken", "")
        if not token.startswith("vivo-") or token in self.script.expired:
            return self.say(10000, "authToken invalid")
        try:
            body = json.loads(incoming.body)
            regid, request_id = body["regId"], body["requestId"]
        except (ValueError, KeyError):
            return self.say(10050, "regId missing")
        if not body.get("title"):
            return self.say(10055, "title empty")
        if utf16_length(body["title"]) > 40:
            return self.say(10056, "title too long")
        if utf16_length(body.get("content", "")) > 100:
            return self.say(10058, "content too long")
        pairs = body.get("clientCustomMap", {})
        if len(pairs) > 10 or sum(len(name) + len(value.encode()) for name, value in pairs.items()) > 1024:
            return self.say(10066, "custom pairs")
        if not 60 <= body.get("timeToLive", 86_400) <= 86_400 or not body.get("skipType"):
            return self.say(10067, "illegal")
        if utf16_length(body.get("skipContent", "")) > 2048 or type(body.get("appId")) is not int:
            return self.say(10067, "illegal")
        if wrong := self.error_of(regid):
            kind, _, status = wrong.partition(":")
            if kind == "invalid":
                return self.say(10302, "regId", invalidUser={"userid": regid, "status": int(status)})
            return self.say(int(kind), "refused")
        if request_id in self._sent:
            return self.say(10303, "requestId repeated")
        if len(self._sent) < 1_000_000:
            self._sent.add(request_id)
        vendor_id, extra = f"v{self.ledger.accept(regid)}", body.get("extra", {})
        self.call_back(extra.get("callback", ""), extra.get("callback.param", ""), [regid], vendor_id)
        return self.say(0, "ok", taskId=vendor_id, requestId=request_id)

    def report(self, tag: str, tokens: Sequence[str], word: str, vendor_id: str) -> bytes:
        """Return a report as vivo posts it."""
        stamp = time.time_ns() // 1_000_000
        report = {"targets": ",".join(tokens), "param": tag, "ackType": word, "ackTime": stamp}
        return json.dumps({vendor_id: report}).encode()

    def internal_error(self) -> Reply:
        """Say that the vendor is in trouble."""
        return self.say(10102, "server exception")

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return self.say(10072, "too fast")

    def say(self, result: int, desc: str, **more: object) -> Reply:
        """Return a result with vivo's words."""
        return as_json(200, {"result": result, "desc": desc, **more})


SIMULATED = (SimulatedVivo,)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    return {"app_id": "10004", "app_key": "demo", "app_secret": SECRET}
