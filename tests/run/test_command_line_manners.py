"""The command line `mps` where its surroundings are odd: passwords in ~/.netrc, redirects, readers that leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mps_cli.arguments import json_value
from mps_cli.client import flattened
from mps_cli.main import READER_LEFT, UNREACHABLE, USAGE, main


class Service(ThreadingHTTPServer):
    """Answers each call with `status`, and keeps what signed it."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.signatures: list[str] = []


class Answer(BaseHTTPRequestHandler):
    """Answers as the RPC API does."""

    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.signatures.append(self.headers["authorization"])
        body = json.dumps({"ResultCode": "OK", "Data": "done"}).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(body)))
        self.send_header("location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Return a service that credentials name."""
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        values = dict.fromkeys(("app_id", "workspace_id", "access_key_id", "access_key_secret"), "x")
        path = tmp_path / "credentials.json"
        path.write_text(json.dumps(values | {"http_url": f"http://127.0.0.1:{server.server_port}"}))
        monkeypatch.setenv("MPS_CREDENTIALS", str(path))
        yield server
        server.shutdown()
        thread.join()


def test_a_password_in_netrc_does_not_replace_the_signature(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert main(["api", "PushSimple"]) == 0
    assert service.signatures[0].startswith("ACS3-HMAC-SHA256 ")


def test_a_redirect_is_not_followed(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    service.status = 307
    assert main(["api", "PushSimple"]) == UNREACHABLE
    assert len(service.signatures) == 1
    assert "redirects (307)" in capsys.readouterr().err


def test_an_argument_that_is_no_text_is_a_wrong_command_line(service: Service) -> None:
    assert main(["api", "PushSimple", "title=\udcff"]) == USAGE
    assert service.signatures == []


@pytest.mark.usefixtures("service")
def test_a_reader_that_leaves_is_no_error_to_show() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "import sys; from mps_cli.main import main; sys.exit(main(['api', 'PushSimple']))"]
    try:
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (READER_LEFT, b"")


@pytest.mark.parametrize(
    "text", ["null", "1e5", "NaN", "12345678901234567890.50", "true", "[" * 100_000, "{no"], ids=lambda text: text[:8]
)
def test_a_value_that_only_looks_like_json_is_sent_as_it_is_spelled(text: str) -> None:
    assert json_value(f"title={text}") == ("title", text)


@pytest.mark.parametrize(("text", "value"), [('{"a": 1}', {"a": 1}), ("[1, 2]", [1, 2]), ('"[1]"', "[1]")])
def test_objects_lists_and_quoted_texts_are_json(text: str, value: object) -> None:
    assert json_value(f"name={text}") == ("name", value)


def test_a_condition_nested_too_deep_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as usage:
        main(["audience", "count", "[" * 100_000])
    assert usage.value.code == USAGE
    assert "nested too deep" in capsys.readouterr().err


def test_what_is_null_in_a_list_of_objects_is_left_out() -> None:
    assert flattened({"targetMsgs": [{"target": "ann", "extendedParams": None}]}) == {"TargetMsgs.1.Target": "ann"}
