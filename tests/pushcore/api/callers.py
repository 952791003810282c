"""Callers of both doors for tests. The published packages and `cryptography` sign, not our code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from alibabacloud_tea_openapi.utils import Utils
from aliyunsdkcore.auth.algorithm import sha_hmac1
from aliyunsdkcore.auth.composer import rpc_signature_composer
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from django.test import Client

FORM = "application/x-www-form-urlencoded"


class HmacSha256:
    """A signer for the package's composer; its own of that strength signs with RSA."""

    @staticmethod
    def get_signer_name() -> str:
        return "HMAC-SHA256"

    @staticmethod
    def get_signer_type() -> str:
        return ""

    @staticmethod
    def get_signer_version() -> str:
        return "1.0"

    @staticmethod
    def get_sign_string(text: str, secret: str) -> str:
        return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


@dataclass
class Rpc2019:
    """Signature version 1, signed by aliyun-python-sdk-core."""

    key_id: str
    secret: str
    client: Client = field(default_factory=Client)
    signer: Any = sha_hmac1

    def url(self, action: str, body: dict[str, str], method: str = "POST", **query: str) -> str:
        parameters = {"Action": action, "Version": "2019-08-21"} | query
        return rpc_signature_composer.get_signed_url(
            parameters, self.key_id, self.secret, query.get("Format", "JSON"), method, body, self.signer
        )[0]

    def call(self, action: str, body: dict[str, str], **query: str) -> Any:
        return self.client.post(self.url(action, body, **query), urlencode(body), content_type=FORM)


@dataclass
class Rpc2020:
    """ACS3, signed by alibabacloud-tea-openapi."""

    key_id: str
    secret: str
    client: Client = field(default_factory=Client)

    def headers(self, action: str, raw: bytes, **changes: str) -> dict[str, str]:
        headers = {
            "host": "testserver",
            "x-acs-version": "2020-10-28",
            "x-acs-action": action,
            "x-acs-date": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(raw).hexdigest(),
            "accept": "application/json",
            "content-type": FORM,
        } | changes
        request = SimpleNamespace(method="POST", pathname="/", query={}, headers=headers)
        headers["authorization"] = Utils.get_authorization(
            request, "ACS3-HMAC-SHA256", headers["x-acs-content-sha256"], self.key_id, self.secret
        )
        return headers

    def post(self, raw: bytes, headers: dict[str, str]) -> Any:
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        return self.client.post("/", raw, content_type=FORM, **environ)  # type: ignore[arg-type]

    def call(self, action: str, body: dict[str, str], **changes: str) -> Any:
        raw = urlencode(body).encode()
        return self.post(raw, self.headers(action, raw, **changes))


@dataclass
class Rest:
    """The REST door, signed with the caller's RSA key."""

    private_pem: str
    client: Client = field(default_factory=Client)

    def sign(self, raw: bytes) -> str:
        key: Any = serialization.load_pem_private_key(self.private_pem.encode(), None)
        return base64.urlsafe_b64encode(key.sign(raw, padding.PKCS1v15(), hashes.SHA256())).decode()

    def send(self, path: str, raw: bytes, **query: str) -> Any:
        query = {"sign": self.sign(raw), "signType": "RSA"} | query
        return self.client.post(f"/api/v1/{path}?{urlencode(query)}", raw, content_type="application/json")

    def call(self, path: str, body: object, **query: str) -> dict[str, Any]:
        return json.loads(self.send(path, json.dumps(body).encode(), **query).content)
