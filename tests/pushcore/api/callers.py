"""Clients of both APIs. The published packages and `cryptography` sign their requests, not our code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode, urlsplit

from alibabacloud_tea_openapi.utils import Utils
from aliyunsdkcore.auth.algorithm import sha_hmac1
from aliyunsdkcore.auth.composer import rpc_signature_composer
from aliyunsdkcore.utils import parameter_helper
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from django.test import Client

from pushcore.api.operations import REST_OPERATIONS

FORM = "application/x-www-form-urlencoded"


REST_PATHS = {operation.action: operation.path for operation in REST_OPERATIONS} | {"CreateTemplate": "templates"}


def form_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Turn REST parameters into the RPC API's form: maps become JSON text, lists are flattened."""
    form: dict[str, str] = {}
    for name, value in values.items():
        capital = name[:1].upper() + name[1:]
        if isinstance(value, list):
            for position, entry in enumerate(value, 1):
                form |= {f"{capital}.{position}.{inner}": text for inner, text in form_of(entry).items()}
        else:
            form[capital] = json.dumps(value) if isinstance(value, dict) else str(value)
    return form


@dataclass
class SignedRequest:
    """A request that was signed and not sent yet, so that a test may alter it. Names in `headers` are lower case."""

    path: str
    query: list[tuple[str, str]]
    raw: bytes
    headers: dict[str, str]
    method: str = "POST"

    def send(self) -> Any:
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
        url = f"{self.path}?{urlencode(self.query)}" if self.query else self.path
        return Client().generic(self.method, url, self.raw, self.headers["content-type"], **environ)  # type: ignore[arg-type]


class HmacSha256:
    """An HMAC-SHA256 signer for the package's composer, whose own SHA-256 signer is RSA."""

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
    """The RPC API with signature version 1, by aliyun-python-sdk-core.

    `timestamp` and `nonce`, if given, replace those that the package makes.
    """

    key_id: str
    secret: str
    client: Client = field(default_factory=Client)
    signer: Any = sha_hmac1
    timestamp: str = ""
    nonce: str = ""

    def url(self, action: str, body: dict[str, str], method: str = "POST", **query: str) -> str:
        parameters = {"Action": action, "Version": "2019-08-21"} | query
        with ExitStack() as patched:
            for name, value in (("get_iso_8061_date", self.timestamp), ("get_uuid", self.nonce)):
                if value:
                    patched.enter_context(patch.object(parameter_helper, name, lambda value=value: value))
            return rpc_signature_composer.get_signed_url(
                parameters, self.key_id, self.secret, query.get("Format", "JSON"), method, body, self.signer
            )[0]

    def prepare(self, action: str, body: dict[str, str], method: str = "POST", **query: str) -> SignedRequest:
        """Sign a request without sending it."""
        signed = parse_qsl(urlsplit(self.url(action, body, method, **query)).query, keep_blank_values=True)
        return SignedRequest("/", signed, urlencode(body).encode(), {"content-type": FORM}, method)

    def call(self, action: str, body: dict[str, str], **query: str) -> Any:
        return self.client.post(self.url(action, body, **query), urlencode(body), content_type=FORM)

    def answer(self, action: str, values: Mapping[str, Any]) -> str:
        """Return the result code of a call; `values` are as the REST API takes them."""
        return _result_code(self.call(action, form_of(values)))


@dataclass
class Rpc2020:
    """The RPC API with signature ACS3, by alibabacloud-tea-openapi.

    `unsigned` names a header that is sent but not signed.
    """

    key_id: str
    secret: str
    unsigned: str = ""

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
        signed = {name: value for name, value in headers.items() if name != self.unsigned}
        request = SimpleNamespace(method="POST", pathname="/", query={}, headers=signed)
        headers["authorization"] = Utils.get_authorization(
            request, "ACS3-HMAC-SHA256", headers["x-acs-content-sha256"], self.key_id, self.secret
        )
        return headers

    def prepare(self, action: str, body: dict[str, str], **changes: str) -> SignedRequest:
        """Sign a request without sending it. `changes` override headers before they are signed."""
        raw = urlencode(body).encode()
        return SignedRequest("/", [], raw, self.headers(action, raw, **changes))

    def post(self, raw: bytes, headers: dict[str, str]) -> Any:
        return SignedRequest("/", [], raw, headers).send()

    def call(self, action: str, body: dict[str, str], **changes: str) -> Any:
        return self.prepare(action, body, **changes).send()

    def answer(self, action: str, values: Mapping[str, Any]) -> str:
        """Return the result code of a call; `values` are as the REST API takes them."""
        return _result_code(self.call(action, form_of(values)))


@dataclass
class Rest:
    """The REST API, with the client's RSA key."""

    private_pem: str
    client: Client = field(default_factory=Client)
    scheme: Any = field(default_factory=padding.PKCS1v15)
    algorithm: Any = field(default_factory=hashes.SHA256)

    def sign(self, raw: bytes) -> str:
        key: Any = serialization.load_pem_private_key(self.private_pem.encode(), None)
        return base64.urlsafe_b64encode(key.sign(raw, self.scheme, self.algorithm)).decode()

    def prepare(self, path: str, body: object) -> SignedRequest:
        """Sign a request without sending it."""
        raw = json.dumps(body).encode()
        query = [("sign", self.sign(raw)), ("signType", "RSA")]
        return SignedRequest(f"/api/v1/{path}", query, raw, {"content-type": "application/json"})

    def send(self, path: str, raw: bytes, **query: str) -> Any:
        query = {"sign": self.sign(raw), "signType": "RSA"} | query
        return self.client.post(f"/api/v1/{path}?{urlencode(query)}", raw, content_type="application/json")

    def call(self, path: str, body: object, **query: str) -> dict[str, Any]:
        return json.loads(self.send(path, json.dumps(body).encode(), **query).content)

    def answer(self, action: str, values: Mapping[str, Any]) -> str:
        """Return the result code of a call."""
        return self.call(REST_PATHS[action], values)["code"]


def answer_of(response: Any) -> dict[str, Any]:
    """Return the JSON object in an answer."""
    return json.loads(response.content)


def _result_code(response: Any) -> str:
    """Return the result code in an answer of the RPC API, success always as 100; a call refused earlier has `Code`."""
    body = answer_of(response)
    code = body.get("ResultCode") or body["Code"]
    return "100" if code == "OK" else code
