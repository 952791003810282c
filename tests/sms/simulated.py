"""Providers of SMS as their documentation has them, over real HTTP. They know nothing of our adapters."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlsplit

from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SimulatedVendor, as_json

SID = "AC" + "0" * 32
SECRET = "the-secret"


class SimulatedProvider(SimulatedVendor):
    """What all have: which numbers got how many SMS."""

    malformed = ""

    def __init__(self) -> None:
        super().__init__()
        self.sent: Counter[str] = Counter()
        self.texts: list[str] = []

    def credential(self, incoming: Incoming) -> Reply:
        return Reply(404)

    def internal_error(self) -> Reply:
        return Reply(500)

    def take(self, number: str, text: str) -> None:
        self.sent[number] += 1
        self.texts.append(text)
        self.ledger.accept(number)


class SimulatedAlibaba(SimulatedProvider):
    """SendSms, signed by version 3 (help.aliyun.com, document 2593177)."""

    name = "alibaba"

    def __init__(self) -> None:
        super().__init__()
        self.nonces: set[str] = set()

    def serves(self, incoming: Incoming) -> bool:
        return "x-acs-action" in incoming.headers

    def too_many(self) -> Reply:
        return as_json(429, {"Code": "Throttling.User"})

    def send(self, incoming: Incoming) -> Reply:
        query = urlsplit(incoming.path).query
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        authorization = incoming.headers["authorization"]
        if "Credential=key-id," not in authorization:
            return as_json(404, {"Code": "InvalidAccessKeyId.NotFound"})
        if not self._is_signed(incoming, parameters, authorization):
            return as_json(400, {"Code": "SignatureDoesNotMatch"})
        nonce = incoming.headers["x-acs-signature-nonce"]
        if nonce in self.nonces:
            return as_json(400, {"Code": "SignatureNonceUsed"})
        self.nonces.add(nonce)
        assert (incoming.headers["x-acs-action"], incoming.headers["x-acs-version"]) == ("SendSms", "2017-05-25")
        for name in ("PhoneNumbers", "SignName", "TemplateCode"):
            if name not in parameters:
                return as_json(400, {"Code": f"Missing{name}", "Message": f"{name} is mandatory"})
        number = parameters["PhoneNumbers"]
        if error := self.script.tokens.get(number):
            return as_json(200, {"Code": error, "Message": f"{number}: refused"})
        self.take(number, parameters["TemplateCode"] + parameters.get("TemplateParam", ""))
        return as_json(200, {"Code": "OK", "BizId": f"biz^{len(self.texts)}", "Message": "OK", "RequestId": "R"})

    def _is_signed(self, incoming: Incoming, parameters: dict[str, str], authorization: str) -> bool:
        found = re.fullmatch(r"ACS3-HMAC-SHA256 Credential=[^,]+,SignedHeaders=([^,]+),Signature=(\w+)", authorization)
        assert found is not None
        names = found[1].split(";")
        assert {"host", "x-acs-action", "x-acs-date", "x-acs-version"} <= set(names)
        assert names == sorted(names)
        query = "&".join(f"{quote(name, safe='~')}={quote(parameters[name], safe='~')}" for name in sorted(parameters))
        lines = "".join(f"{name}:{incoming.headers[name].strip()}\n" for name in names)
        body = hashlib.sha256(incoming.body).hexdigest()
        assert incoming.headers["x-acs-content-sha256"] == body
        canonical = f"POST\n/\n{query}\n{lines}\n{found[1]}\n{body}"
        signed = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        return hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest() == found[2]


class SimulatedTwilio(SimulatedProvider):
    """The Messages resource (twilio.com/docs/messaging/api/message-resource)."""

    name = "twilio"

    def serves(self, incoming: Incoming) -> bool:
        return incoming.path.startswith("/2010-04-01/Accounts/")

    def too_many(self) -> Reply:
        return as_json(429, {"code": 20429, "message": "Too Many Requests", "status": 429})

    def send(self, incoming: Incoming) -> Reply:
        expected = base64.b64encode(f"{SID}:{SECRET}".encode()).decode()
        if incoming.headers.get("authorization") != f"Basic {expected}":
            return as_json(401, {"code": 20003, "message": "Authenticate", "status": 401})
        assert incoming.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
        form = incoming.form
        if not form.get("To"):
            return as_json(400, {"code": 21604, "message": "A 'To' phone number is required.", "status": 400})
        if not re.fullmatch(r"\+[1-9]\d{6,14}", form["To"]) or self.script.tokens.get(form["To"]):
            return as_json(400, {"code": 21211, "message": f"Invalid 'To' {form['To']}", "status": 400})
        assert form.get("From") or form.get("MessagingServiceSid")
        self.take(form["To"], form.get("Body") or form["ContentSid"] + form.get("ContentVariables", ""))
        answer = {"sid": f"SM{len(self.texts):032x}", "status": "queued", "num_segments": "2", "price": None}
        return as_json(201, answer | {"price_unit": "USD", "error_code": None, "to": form["To"]})


class SimulatedService(SimulatedProvider):
    """A service that takes JSON, and knows repeats by their Idempotency-Key."""

    name = "service"

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()

    def serves(self, incoming: Incoming) -> bool:
        return incoming.path == "/send-sms"

    def too_many(self) -> Reply:
        return Reply(429)

    def send(self, incoming: Incoming) -> Reply:
        if incoming.headers.get("authorization") != f"Bearer {SECRET}":
            return Reply(401)
        if (key := incoming.headers["idempotency-key"]) not in self.keys:
            self.keys.add(key)
            body = json.loads(incoming.body)
            self.take(body["to"], body["text"])
        return as_json(202, {"id": "S1", "segments": 1, "price": 0.05, "currency": "eur"})


ACCOUNTS = {
    "alibaba": ({"access_key_id": "key-id", "sign_name": "Shop"}, {"access_key_secret": SECRET}),
    "twilio": ({"account_sid": SID, "sender": "+15005550006", "country_code": "86"}, {"auth_token": SECRET}),
    "http": (
        {"body": '{"to": "#phone#", "text": "#text#", "ref": "#id#"}', "content_type": "application/json"},
        {"headers": f"Authorization: Bearer {SECRET}", "report_secret": SECRET},
    ),
}
SIMULATED: dict[str, Callable[[], SimulatedProvider]] = {
    "alibaba": SimulatedAlibaba,
    "twilio": SimulatedTwilio,
    "http": SimulatedService,
}
