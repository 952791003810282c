"""Backends for tests: the published packages, a REST caller that signs with OpenSSL, and a receipt server."""

from __future__ import annotations

import base64
import json
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from alibabacloud_mpaas20201028.client import Client as Mpaas2020
from alibabacloud_tea_openapi.utils_models import Config
from aliyunsdkcore.client import AcsClient
from aliyunsdkmpaas.request.v20190821 import PushSimpleRequest, PushTemplateRequest

from tests.support.stack import ROOT, Stack


def endpoint(demo: dict[str, str]) -> str:
    return urlsplit(demo["http_url"]).netloc


def push_2019(demo: dict[str, str], target: str, msgkey: str, **changes: object) -> dict[str, Any]:
    """A simple push through the 2019 package, as the source document's sample makes it. Returns the answer."""
    client = AcsClient(demo["access_key_id"], demo["access_key_secret"], "cn-hongkong")
    request = PushSimpleRequest.PushSimpleRequest()
    request.set_endpoint(endpoint(demo))
    request.set_AppId(demo["app_id"])
    request.set_WorkspaceId(demo["workspace_id"])
    fields = {
        "Title": "Python test", "Content": "Test 2", "DeliveryType": 3, "TaskName": "test task", "ExpiredSeconds": 600,
    } | changes  # fmt: skip
    for name, value in fields.items():
        setter = getattr(request, f"set_{name}", None)
        if setter:
            setter(value)
        else:  # what the cloud has not
            request.add_body_params(name, value)
    request.set_TargetMsgkey(json.dumps({target: msgkey}))
    return json.loads(client.do_action_with_exception(request))


def template_2019(
    demo: dict[str, str], target: str, msgkey: str, template: str, values: dict[str, str]
) -> dict[str, Any]:
    """A template push to an Android device through the 2019 package. Returns the answer."""
    client = AcsClient(demo["access_key_id"], demo["access_key_secret"], "cn-hongkong")
    request = PushTemplateRequest.PushTemplateRequest()
    request.set_endpoint(endpoint(demo))
    request.set_AppId(demo["app_id"])
    request.set_WorkspaceId(demo["workspace_id"])
    request.set_TemplateName(template)
    request.set_TemplateKeyValue(values)
    request.set_DeliveryType(1)
    request.set_TaskName("template test")
    request.set_ExpiredSeconds(600)
    request.set_TargetMsgkey(json.dumps({target: msgkey}))
    return json.loads(client.do_action_with_exception(request))


def run_in_service(stack: Stack, code: str) -> str:
    """Run Python code in the started service's environment, as its operator might. Returns what it prints."""
    command = [stack.python, "manage.py", "shell", "--no-imports", "-c", code]
    ran = subprocess.run(command, cwd=ROOT, env=stack.env(), capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout


def client_2020(demo: dict[str, str]) -> Mpaas2020:
    return Mpaas2020(
        Config(
            access_key_id=demo["access_key_id"],
            access_key_secret=demo["access_key_secret"],
            endpoint=endpoint(demo),
            protocol="HTTP",
        )
    )


def rest_signed_by_openssl(demo: dict[str, str], path: str, body: dict[str, Any], folder: Path) -> dict[str, Any]:
    """POST to the REST API, the body signed on the command line as the source document describes."""
    raw = json.dumps(body).encode()
    sign = base64.b64encode(signed_by_openssl(demo, raw, folder)).decode().replace("+", "-").replace("/", "_")
    answer = requests.post(
        f"{demo['http_url']}{path}",
        params={"sign": sign, "signType": "RSA"},
        data=raw,
        headers={"Content-Type": "application/json"},
        timeout=10,
    )
    return answer.json()


def signed_by_openssl(demo: dict[str, str], raw: bytes, folder: Path) -> bytes:
    (folder / "key.pem").write_text(demo["rsa_private_key_pem"])
    return subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(folder / "key.pem")], input=raw, capture_output=True, check=True
    ).stdout


class ReceiptServer(ThreadingHTTPServer):
    """A backend's callback URL; `receipts` holds (query string, body). It is busy first for so many as `busy`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ReceiptHandler)
        self.receipts: list[tuple[str, bytes]] = []
        self.busy = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/receipts"


class _ReceiptHandler(BaseHTTPRequestHandler):
    server: ReceiptServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.receipts.append((urlsplit(self.path).query, body))
        if len(self.server.receipts) <= self.server.busy:
            self.send_response(503)
            self.send_header("Retry-After", "1")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Receipts are asserted on, not printed."""
