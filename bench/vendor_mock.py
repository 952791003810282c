"""An nginx that accepts every notification at once, for `make bench-vendors ARGS=--nginx`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from bench.gateway_servers import OTHER_CORE
from mps_project.launcher import engines

_TOKEN = json.dumps({"access_token": "token", "token_type": "Bearer", "expires_in": 3600})
_CONFIG = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory};
    proxy_temp_path {directory};
    fastcgi_temp_path {directory};
    uwsgi_temp_path {directory};
    scgi_temp_path {directory};
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        http2_max_concurrent_streams 100;
        # A connection lasts as long as the benchmark.
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
        default_type application/json;
        # APNs, which answers with the ID of the request.
        location /3/device/ {{ add_header apns-id $http_apns_id; return 200; }}
        # FCM, and Huawei.
        location /v1/projects/ {{ return 200 '{{"name":"projects/shop/messages/1"}}'; }}
        location /v1/ {{ return 200 '{{"code":"80000000","msg":"Success","requestId":"1"}}'; }}
        # Their credentials.
        location / {{ return 200 '{token}'; }}
    }}
}}
"""


@contextlib.contextmanager
def mock(directory: Path, certificate: Path) -> Iterator[str]:
    """Run nginx; yields its URL. `certificate` is a PEM file that includes the key."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        sys.exit("nginx is not installed: it stands in for the vendors (Debian package nginx-light)")
    port = engines.free_port()
    config = directory / "nginx.conf"
    config.write_text(_CONFIG.format(directory=directory, port=port, certificate=certificate, token=_TOKEN))
    process = subprocess.Popen(
        [found, "-c", str(config), "-e", str(directory / "nginx.log")],
        preexec_fn=lambda: os.sched_setaffinity(0, (OTHER_CORE,)),
    )
    url = f"https://127.0.0.1:{port}"
    try:
        _wait_for(url, certificate)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str, certificate: Path) -> None:
    for _ in range(100):
        with contextlib.suppress(requests.ConnectionError):
            requests.get(url, verify=str(certificate), timeout=5)
            return
        time.sleep(0.1)
    sys.exit("nginx does not answer")
