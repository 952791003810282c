"""The web processes share connections, and unknown callers cannot keep them busy."""

from __future__ import annotations

import http.client
import os
import signal
import time
import urllib.request
import uuid
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.e2e import backends
from tests.support.raw_http import RawHttp, chunked, head
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

CONNECTIONS = 40


def _workers(stack: Stack) -> list[psutil.Process]:
    return psutil.Process(stack.pids["web"]).children()


def _held(worker: psutil.Process, theirs: set[int]) -> int:
    """Return how many connections a process holds to the service's ports."""
    return sum(bool(c.raddr) and c.raddr.port in theirs for c in worker.net_connections("tcp"))


def _spread(stack: Stack) -> list[int]:
    """Open connections; returns how many each process takes, the fewest first."""
    port = urlsplit(stack.url).port
    assert port is not None
    with ExitStack() as opened:
        ours = set()
        for _ in range(CONNECTIONS):
            connection = opened.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)))
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n"
            ours.add(connection.sock.getsockname()[1])
        return sorted(_held(worker, ours) for worker in _workers(stack))


def _spread_once_all_listen(stack: Stack) -> list[int]:
    """Return the first spread in which every process has its part: the service is ready as soon as one of them listens.

    Every connection of every try is answered, whoever takes it.
    """
    deadline = time.monotonic() + 60
    while (taken := _spread(stack)) and (len(taken) < 2 or taken[0] < CONNECTIONS // 8) and time.monotonic() < deadline:
        time.sleep(0.2)
    return taken


def test_each_web_process_takes_its_part_of_the_connections(stack: Stack) -> None:
    taken = _spread_once_all_listen(stack)
    assert len(taken) == 2
    assert sum(taken) == CONNECTIONS
    assert taken[0] >= CONNECTIONS // 8


def test_a_killed_web_process_leaves_its_part_to_the_others_until_it_is_back(stack: Stack) -> None:
    worker = _workers(stack)[0]
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    assert _spread_once_all_listen(stack)[0] >= CONNECTIONS // 8


def _silent(stack: Stack, opened: ExitStack, path: str, *lines: str) -> RawHttp:
    """Send a request whose body never arrives."""
    port = urlsplit(stack.url).port
    assert port is not None
    return opened.enter_context(RawHttp(port)).send(head("POST", path, "Content-Length: 10", *lines) + b"x")


PATHS = ("/", "/device/v1/register", "/device/v1/bind", "/api/v1/push/simple", "/console/login/")


def test_silent_bodies_stop_neither_health_nor_pushes(stack: Stack) -> None:
    """There are more than all threads of all processes, at every API and page."""
    with ExitStack() as opened:
        for number in range(60):
            _silent(stack, opened, PATHS[number % len(PATHS)])
        with urllib.request.urlopen(f"{stack.url}/healthz", timeout=10) as answer:
            assert answer.read() == b"ok\n"
        result = backends.push_2019(stack.demo, "nobody", uuid.uuid4().hex)
        assert result["ResultCode"] == "100"


STRANGER = "Authorization: Basic bm9ib2R5Om5vdGhpbmc="
ACS3 = ("x-acs-action: PushSimple", "x-acs-version: 2020-10-28", "Authorization: ACS3-HMAC-SHA256 Credential=x")


@pytest.mark.parametrize(
    ("path", "lines", "expected"),
    [
        ("/device/v1/register", (STRANGER,), b"401 "),
        ("/device/v1/bind", (STRANGER,), b"401 "),
        ("/?Action=PushSimple&AccessKeyId=nobody&Version=2019-08-21", (), b"404 "),
        ("/", ACS3, b"400 "),
        ("/api/v1/push/simple", (), b"UNKNOWN_REST_SIGN_TYPE"),
        ("/api/v1/push/multiple/file?appId=x&workspaceId=y&sign=z&signType=RSA", (), b"APPID_WRONG"),
        ("/console/create/file/", (), b"302 "),
        ("/vendor/receipts/nobody", (), b"404 "),
        ("/nowhere", (), b"404 "),
    ],
)
def test_an_unknown_caller_is_refused_before_the_body_arrives(
    stack: Stack, path: str, lines: tuple[str, ...], expected: bytes
) -> None:
    with ExitStack() as opened:
        answer = _silent(stack, opened, path, *lines).all()
    assert expected in answer
    assert b"Connection: close" in answer


def test_every_api_reads_a_chunked_body_as_one_with_a_length(stack: Stack) -> None:
    """Each gets the same body in both forms, and its answer shows that it was read."""
    port = urlsplit(stack.url).port
    assert port is not None
    for path, body, expected in (
        ("/", b"Action=NoSuchAction&Version=2019-08-21", b"InvalidAction.NotFound"),
        ("/api/v1/push/simple?sign=x&signType=RSA", b'{"appId": "nobody", "workspaceId": "x"}', b"APPID"),
    ):
        form = "Content-Type: application/x-www-form-urlencoded"
        with RawHttp(port) as plain, RawHttp(port) as pieces:
            plain.send(head("POST", path, form, f"Content-Length: {len(body)}") + body)
            pieces.send(head("POST", path, form, "Transfer-Encoding: chunked") + chunked(body))
            assert expected in plain.answer()
            assert expected in pieces.answer()
    made = requests.post(
        f"{stack.url}/device/v1/register",
        data=iter([b'{"platform": "windows"}']),
        auth=(f"{stack.demo['app_id']}-{stack.demo['workspace_id']}", stack.demo["client_key"]),
        timeout=10,
    )
    assert made.json()["code"] == "3008"  # "windows" is no platform
