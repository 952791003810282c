"""MiPush: a list of registration IDs a call, with the app's secret in the header."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from channels_vendor.base.contract import Account, CredentialSource, VendorRequest
from channels_vendor.base.credentials import StaticCredential
from channels_vendor.base.delivery import Delivery
from channels_vendor.base.errors import TooBigError
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.multicast import accepted_except, multicast_batches, outcomes_for_all
from channels_vendor.base.outcomes import SendOutcome, by_rule
from channels_vendor.xiaomi import errors, payload
from pushcore.http.calls import HttpAnswer, HttpCall
from pushcore.http.client import HttpClient

BASE_URL = "https://api.xmpush.xiaomi.com"
_FORM = "content-type: application/x-www-form-urlencoded"


class XiaomiAdapter(HttpAdapter):
    """Sends to one account at MiPush."""

    unauthorised_status = 21301
    table = errors.TABLE
    unknown_token_codes = (errors.BAD_REGID, "20301")

    def __init__(self, account: Account, client: HttpClient, credentials: CredentialSource) -> None:
        super().__init__(account, client, StaticCredential())

    def fetch_credential(self) -> tuple[str, float]:
        """Return the app's secret: it is the credential itself, and never runs out."""
        return self.account.get("app_secret"), float("inf")

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Make a call for up to 1000 registration IDs that share a notification."""
        url = f"{self.account.base_url or BASE_URL}/v3/message/regid"
        headers = (f"authorization: key={credential}", _FORM)
        requests: list[VendorRequest] = []
        # Tokens are joined by commas: one within a token would name others.
        refused = [_no_token(one) for one in deliveries if "," in one.token]
        able = [one for one in deliveries if "," not in one.token]
        for notification, batch, message_id, msgkey in multicast_batches(able):
            try:
                fields = payload.fields_of(notification, self.account, message_id, msgkey)
            except TooBigError as error:
                refused += [by_rule(one, errors.TABLE["10018"], str(error)) for one in batch]
                continue
            form = fields | {"registration_id": ",".join(one.token for one in batch)}
            requests.append(VendorRequest(HttpCall(url, urlencode(form).encode(), headers), batch))
        return requests, refused

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Read the answer for all registration IDs of a call; a success names the bad ones."""
        body: dict[str, Any] = json.loads(answer.body)
        code = str(body["code"])
        if code != errors.OK:
            text = str(body.get("reason") or body.get("description") or "")
            if code == errors.NO_TARGET and len(request.deliveries) == 1:
                code = errors.NO_SINGLE_TARGET
            return outcomes_for_all(request.deliveries, self.rule_of(code, answer), code, answer, text=text)
        data = body.get("data") or {}
        rule = errors.TABLE[errors.BAD_REGID]
        refused = {token: (rule, errors.BAD_REGID) for token in str(data.get("bad_regids") or "").split(",") if token}
        return accepted_except(request.deliveries, refused, str(data.get("id") or ""))


def _no_token(delivery: Delivery) -> SendOutcome:
    return by_rule(delivery, errors.TABLE[errors.BAD_REGID], errors.BAD_REGID)
