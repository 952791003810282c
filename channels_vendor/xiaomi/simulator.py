"""MiPush's call for a list of registration IDs. A script's error for a token: `bad`, or a code of the whole call."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from channels_vendor.base.truncation import utf16_length
from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SECRET, ReportingVendor, as_json

MAX_TOKENS = 1000
# `extra.callback.type` is a sum of bits; without one, delivered and clicked.
_DELIVERED, _DEFAULT_TYPES = 1, 3


class SimulatedXiaomi(ReportingVendor):
    """Answers as MiPush does."""

    name = "xiaomi"
    malformed = "bad"
    arrived = str(_DELIVERED)

    def serves(self, incoming: Incoming) -> bool:
        """Take the call for a list of registration IDs."""
        return incoming.path == "/v3/message/regid"

    def credential(self, incoming: Incoming) -> Reply:
        """Refuse: the secret is the credential."""
        return as_json(404, {})

    def send(self, incoming: Incoming) -> Reply:
        """Check the form as MiPush does, and accept its registration IDs."""
        secret = incoming.headers.get("authorization", "").removeprefix("key=")
        if secret != SECRET or secret in self.script.expired:
            return self.error(21301, "authentication failed")
        form = incoming.form
        needed = {"registration_id", "title", "description", "restricted_package_name", "pass_through", "time_to_live"}
        if needed - form.keys():
            return self.error(10016, "a parameter is missing")
        regids = form["registration_id"].split(",")
        if len(regids) > MAX_TOKENS or utf16_length(form["title"]) >= 50 or utf16_length(form["description"]) >= 128:
            return self.error(10017, "illegal value")
        try:
            json.loads(form.get("payload", "{}"))
        except ValueError:
            return self.error(22100, "payload")
        if int(form["time_to_live"]) > 864_000_000:
            return self.error(10017, "time_to_live")
        wrong = self.errors_of(regids)
        whole = next((error for error in wrong.values() if error != "bad"), "")
        if whole:
            return self.error(int(whole), "refused")
        good = [regid for regid in regids if regid not in wrong]
        for regid in good:
            self.ledger.accept(regid)
        data = {"id": f"slm{self.ledger.total}", "day_quota": "100000", "day_acked": "0"}
        if int(form.get("extra.callback.type", _DEFAULT_TYPES)) & _DELIVERED:
            self.call_back(form.get("extra.callback", ""), form.get("extra.callback.param", ""), good, data["id"])
        if wrong:
            data["bad_regids"] = ",".join(wrong)
        return as_json(200, {"result": "ok", "code": 0, "data": data, "description": "", "info": "", "trace_id": "x"})

    def report(self, tag: str, tokens: Sequence[str], word: str, vendor_id: str) -> bytes:
        """Return a report as MiPush posts it."""
        report = {
            "param": tag,
            "type": int(word),
            "targets": ",".join(tokens),
            "jobkey": "",
            "barStatus": "Enable",
            "timestamp": time.time_ns() // 1_000_000,
        }
        return urlencode({"data": json.dumps({vendor_id: report})}).encode()

    def report_headers(self) -> Mapping[str, str]:
        """Say that it is a form."""
        return {"content-type": "application/x-www-form-urlencoded"}

    def internal_error(self) -> Reply:
        """Say that the vendor is in trouble."""
        return self.error(10001, "System error")

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return self.error(10022, "too often")

    def error(self, code: int, reason: str) -> Reply:
        """Return an error of the whole call."""
        return as_json(200, {"result": "error", "code": code, "reason": reason, "description": reason, "trace_id": "x"})


SIMULATED = (SimulatedXiaomi,)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    return {"package_name": "com.example.demo", "app_secret": SECRET}
