"""The shipped nginx configuration in front of a running service."""

from __future__ import annotations

import base64
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from mps_project.launcher import engines
from tests.e2e import backends
from tests.support.certificates import write_certificate
from tests.support.raw_http import RawHttp, head
from tests.support.stack import ROOT, Stack

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

pytestmark = [
    pytest.mark.xdist_group("stack"),
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed (Debian package nginx-light)"),
]


@pytest.fixture
def nginx(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """Run nginx; returns its address.

    Its configuration is the shipped one except for addresses, certificates and the part for MQTT, whose module is in a
    Debian package of its own.
    """
    assert NGINX is not None
    certificate, key = write_certificate(tmp_path)
    port = engines.free_port()
    shipped = (ROOT / "deploy" / "nginx.conf").read_text().partition("\nstream {")[0]
    for before, after in (
        (r"server web:8000", f"server {urlsplit(stack.url).netloc}"),
        (r"server gateway:8001", f"server {urlsplit(stack.demo['ws_url']).netloc}"),
        (r"listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (r"/etc/nginx/certificates/fullchain.pem", certificate),
        (r"/etc/nginx/certificates/privkey.pem", key),
        (r"worker_rlimit_nofile \d+;", ""),
        (r"worker_connections \d+", "worker_connections 512"),
        (r"http2 on;", ""),  # since nginx 1.25; Debian 12 has an older one
        (r"http \{", f"http {{ access_log off; client_body_temp_path {tmp_path}; proxy_temp_path {tmp_path};"),
    ):
        shipped, found = re.subn(before, after, shipped)
        assert found, before
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        f"{_user()}pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log; daemon off;\n{shipped}"
    )
    with subprocess.Popen([NGINX, "-c", str(configuration), "-p", str(tmp_path)], stderr=subprocess.PIPE) as process:
        try:
            _wait_for(process, port)
            yield f"https://127.0.0.1:{port}"
        finally:
            process.terminate()


def _user() -> str:
    """Return the directive that lets nginx, started by root, write where the test keeps its files."""
    return "user root;" if os.geteuid() == 0 else ""


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(process.stderr.read().decode())
        try:
            RawHttp(port).socket.close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nginx does not listen")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[requests.Session]:
    with closing(requests.Session()) as session:
        session.verify, session.trust_env = str(tmp_path / "server.crt"), False
        yield session


def test_files_sent_in_chunks_are_read_and_an_unknown_caller_is_refused(
    stack: Stack, nginx: str, client: requests.Session, tmp_path: Path
) -> None:
    query = {
        "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "templateName": "none",
        "deliveryType": "1", "expiredSeconds": "300", "taskName": "file", "sha256": "0" * 64,
    }  # fmt: skip
    target = f"/api/v1/push/multiple/file?{urlencode(query)}"
    sign = base64.urlsafe_b64encode(backends.signed_by_openssl(stack.demo, target.encode(), tmp_path)).decode()

    def upload(sign: str) -> str:
        url = f"{nginx}{target}&{urlencode({'sign': sign, 'signType': 'RSA'})}"
        return str(client.post(url, data=iter([b"a,b\n"] * 3), timeout=20).json()["name"])

    assert upload(sign) == "TEMPLATE_NOT_EXIST"
    assert upload("x") == "SIGNATURE_MISMATCH"


def test_an_unknown_callers_silent_upload_is_refused_through_nginx(nginx: str, tmp_path: Path) -> None:
    """Health checks are answered meanwhile."""
    context = ssl.create_default_context(cafile=str(tmp_path / "server.crt"))
    port = urlsplit(nginx).port
    assert port is not None
    with ExitStack() as opened:
        silent = [
            context.wrap_socket(opened.enter_context(RawHttp(port)).socket, server_hostname="localhost")
            for _ in range(10)
        ]
        for one in silent:
            one.sendall(head("POST", "/console/create/file/", "Content-Length: 10") + b"x")
        for one in silent:
            assert one.recv(12) == b"HTTP/1.1 302"  # to the page for logging in
            one.close()
