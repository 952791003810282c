"""OPPO's authentication and its call for a batch of messages.

A script's error for a token: the message's own code ("10000"), or a code of the whole call with a mark before it
("!14").
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

from channels_vendor.base.truncation import utf16_length
from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SECRET, ReportingVendor, as_json

MAX_MESSAGES = 1000


class SimulatedOppo(ReportingVendor):
    """Answers as OPPO does."""

    name = "oppo"
    credential_path = "/server/v1/auth"
    arrived = "push_arrive"
    malformed = "10000"

    def __init__(self) -> None:
        super().__init__()
        self._sent: set[str] = set()

    def serves(self, incoming: Incoming) -> bool:
        """Take the authentication and the call for a batch."""
        return incoming.path in (self.credential_path, "/server/v1/message/notification/unicast_batch")

    def credential(self, incoming: Incoming) -> Reply:
        """Give an auth token for a signed app key."""
        form = incoming.form
        if not form.get("app_key"):
            return self.error(15, "Missing App Key")
        if not form.get("timestamp", "").isdigit():
            return self.error(19, "Invalid Timestamp")
        signed = f"{form['app_key']}{form['timestamp']}{SECRET}"
        if form.get("sign") != hashlib.sha256(signed.encode()).hexdigest():
            return self.error(16, "Invalid Signature")
        data = {"auth_token": f"oppo-{self.ledger.credentials}", "create_time": int(form["timestamp"])}
        return as_json(200, {"code": 0, "message": "Success", "data": data})

    def send(self, incoming: Incoming) -> Reply:
        """Check the batch as OPPO does, and accept its messages."""
        form = incoming.form
        token = form.get("auth_token", "")
        if not token.startswith("oppo-") or token in self.script.expired:
            return self.error(11, "Invalid AuthToken")
        try:
            messages = json.loads(form["messages"])
        except (ValueError, KeyError):
            return self.error(40, "Missing Required Arguments")
        if not 0 < len(messages) <= MAX_MESSAGES or not all(self._is_good(message) for message in messages):
            return self.error(41, "Invalid Arguments")
        if len({one["target_value"] for one in messages}) < len(messages):
            return self.error(41, "A registration ID twice")
        errors = {one["target_value"]: self.error_of(one["target_value"]) for one in messages}
        whole = next((error for error in errors.values() if error.startswith("!")), "")
        if whole:
            return self.error(int(whole[1:]), "refused")
        results = [self._one(one, errors) for one in messages]
        # In no order that anybody promised.
        return as_json(200, {"code": 0, "message": "Success", "data": results[::-1]})

    def _is_good(self, message: dict[str, Any]) -> bool:
        notification = message.get("notification", {})
        return (
            message.get("target_type") == 2
            and 0 < utf16_length(notification.get("title", "")) <= 50
            and 0 < utf16_length(notification.get("content", "")) <= 200
            and utf16_length(notification.get("action_parameters", "")) <= 4000
            and utf16_length(notification.get("click_action_url", "")) <= 2000
            and utf16_length(notification.get("click_action_activity", "")) <= 500
            and isinstance(json.loads(notification.get("action_parameters", "{}")), dict)
            and (not notification.get("off_line", True) or 3600 <= notification.get("off_line_ttl", 3600) <= 864_000)
        )

    def _one(self, message: dict[str, Any], errors: dict[str, str]) -> dict[str, object]:
        regid = message["target_value"]
        if error := errors[regid]:
            return {"registrationId": regid, "errorCode": int(error), "errorMessage": "refused"}
        own_id = message["notification"]["app_message_id"]
        if own_id in self._sent:
            return {"registrationId": regid, "errorCode": 32, "errorMessage": "Data Duplicate"}
        if len(self._sent) < 1_000_000:
            self._sent.add(own_id)
        vendor_id, notification = f"o{self.ledger.accept(regid)}", message["notification"]
        url, tag = notification.get("call_back_url", ""), notification.get("call_back_parameter", "")
        self.call_back(url, tag, [regid], vendor_id)
        return {"registrationId": regid, "messageId": vendor_id}

    def report(self, tag: str, tokens: Sequence[str], word: str, vendor_id: str) -> bytes:
        """Return a report as OPPO posts it."""
        report = {
            "messageId": vendor_id,
            "taskId": vendor_id,
            "appId": "app",
            "registrationIds": ",".join(tokens),
            "param": tag,
            "eventType": word,
            # Text, as its page has it (open.oppomobile.com, 11239).
            "eventTime": f"{time.time_ns() // 1_000_000}",
        }
        return json.dumps([report]).encode()

    def internal_error(self) -> Reply:
        """Say that the vendor is in trouble."""
        return self.error(-1, "Service Currently Unavailable")

    def too_many(self) -> Reply:
        """Say that too much came at once."""
        return self.error(-2, "Service in RateControl Control")

    def error(self, code: int, message: str) -> Reply:
        """Return an error of the whole call."""
        return as_json(200, {"code": code, "message": message, "data": {}})


SIMULATED = (SimulatedOppo,)


def demo_account() -> dict[str, str]:
    """Return what an operator would enter for an account here."""
    return {"app_key": "demo", "master_secret": SECRET}
