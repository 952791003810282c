"""The web process's HTTP server: unknown callers take no thread, and bodies are read however they are sent."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from mps_project.launcher import engines
from mps_project.web.http_server import limits
from mps_project.web.http_server.limits import HttpLimits
from mps_project.web.http_server.server import HttpServer
from pushcore.inbound.head_check import HEAD_CHECK
from tests.support.raw_http import RawHttp, chunked, head

LIMITS = HttpLimits(
    connections=0,
    connections_per_address=0,
    body_bytes=1000,
    upload_bytes=1_000_000,
    upload_paths=frozenset({"/upload"}),
    body_seconds=60.0,
)


class Application:
    """A WSGI application that echoes bodies.

    Threads in `/held` wait for `hold`; `/guarded` wants a header; `/large/N` answers N bytes.
    """

    def __init__(self) -> None:
        self.hold = threading.Event()
        self.held = threading.Semaphore(0)
        self.seen: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.seen.append(environ)
        path = environ["PATH_INFO"]
        status, body = "200 OK", environ["wsgi.input"].read()
        if path == "/guarded" and "HTTP_AUTHORIZATION" not in environ:
            status, body = "401 Unauthorized", b"who?"
        elif HEAD_CHECK in environ:
            status = "100 Continue"
        elif path == "/held":
            self.held.release()
            self.hold.wait(30)
        elif path.startswith("/large/"):
            body = b"x" * int(path.rpartition("/")[2])
        start_response(status, [("Content-Type", "text/plain")])
        return [body]


class ServerThread:
    """A server in a thread of this process."""

    def __init__(self, bounds: HttpLimits, threads: int, graceful_seconds: float) -> None:
        self.application, self.port, self.refused = Application(), engines.free_port(), list[int]()
        self._server = HttpServer(
            self.application, bounds, threads=threads, own_threads=("/probe",), count_refusal=self.refused.append
        )
        self._stop, self._graceful_seconds = asyncio.Event(), graceful_seconds
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._wait_until_it_listens()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self._loop = runner.get_loop()
            runner.run(self._server.run("127.0.0.1", self.port, self._stop, self._graceful_seconds))

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                self.connect().socket.close()
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                return
        raise AssertionError("it does not listen")

    def connect(self) -> RawHttp:
        return RawHttp(self.port)

    def tell_to_stop(self) -> None:
        """Stop the server; returns once it accepts no more connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
            while True:
                self.connect().socket.close()

    def accept_and_stop_together(self) -> RawHttp:
        """Return a connection that the server accepts in the same turn of its loop in which it learns that it stops."""
        connected = threading.Event()

        def turn() -> None:
            connected.wait(10)
            self._stop.set()

        self._loop.call_soon_threadsafe(turn)
        client = self.connect()
        connected.set()
        return client

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        self.application.hold.set()
        if self._thread.is_alive():
            self.tell_to_stop()
            self._thread.join(10)


@pytest.fixture
def start() -> Iterator[Callable[..., ServerThread]]:
    """Return a function that starts a server with `HttpLimits` and a number of threads."""
    running: list[ServerThread] = []

    def make(threads: int = 2, graceful_seconds: float = 1.0, **bounds: Any) -> ServerThread:
        running.append(ServerThread(replace(LIMITS, **bounds), threads, graceful_seconds))
        return running[-1]

    yield make
    for one in running:
        one.stop()


def test_a_chunked_body_is_read_as_one_with_a_length(start: Callable[..., ServerThread]) -> None:
    server = start()
    with server.connect() as client:
        received = client.send(head("POST", "/", "Transfer-Encoding: chunked") + chunked(b"0123456789abcdef")).answer()
    assert received.endswith(b"\r\n\r\n0123456789abcdef")
    [environ] = server.application.seen
    assert environ["CONTENT_LENGTH"] == "16"
    assert "HTTP_TRANSFER_ENCODING" not in environ


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_the_application_sees_only_the_length_of_a_body_that_is_too_long(
    start: Callable[..., ServerThread], framing: str
) -> None:
    server = start()
    body = b"x" * 1001
    sent = (
        head("POST", "/", "Content-Length: 1001") + body
        if framing == "length"
        else head("POST", "/", "Transfer-Encoding: chunked") + chunked(body, 200)
    )
    with server.connect() as client:
        received = client.send(sent).all()
    assert received.startswith(b"HTTP/1.1 200")
    assert received.endswith(b"\r\n\r\n")
    assert b"Connection: close" in received
    [environ] = server.application.seen
    assert int(environ["CONTENT_LENGTH"]) > 1000


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_may_be_longer(start: Callable[..., ServerThread], framing: str) -> None:
    body = b"x" * 900_000
    sent = (
        head("POST", "/upload", "Content-Length: 900000") + body
        if framing == "length"
        else head("POST", "/upload", "Transfer-Encoding: chunked") + chunked(body, 100_000)
    )
    with start().connect() as client:
        assert client.send(sent).answer().endswith(body)


def test_bodies_that_do_not_arrive_take_no_thread(start: Callable[..., ServerThread]) -> None:
    server = start(threads=1)
    with ExitStack() as opened:
        for _ in range(50):
            opened.enter_context(server.connect()).send(head("POST", "/", "Content-Length: 10") + b"x")
        with server.connect() as client:
            assert client.send(head("POST", "/", "Content-Length: 2") + b"hi").answer().endswith(b"hi")


def test_a_body_that_does_not_arrive_in_time_is_dropped(start: Callable[..., ServerThread]) -> None:
    server = start(body_seconds=0.2)
    with server.connect() as client:
        assert client.send(head("POST", "/", "Content-Length: 10") + b"x").all().startswith(b"HTTP/1.1 408")


def test_a_silent_connection_is_closed(start: Callable[..., ServerThread], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.2)
    server = start()
    with server.connect() as silent, server.connect() as half:
        assert half.send(b"GET / HT").all().startswith(b"HTTP/1.1 408")
        assert silent.all() == b""


def test_an_idle_connection_is_closed_and_one_in_use_kept(
    start: Callable[..., ServerThread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "KEEP_ALIVE_SECONDS", 0.2)
    with start().connect() as client:
        for _ in range(3):
            client.send(head("GET", "/")).answer()
        assert client.all() == b""


@pytest.mark.parametrize("expects", [(), ("Expect: 100-continue",)])
def test_an_unauthorized_upload_is_refused_before_its_body_arrives(
    start: Callable[..., ServerThread], expects: tuple[str, ...]
) -> None:
    with start().connect() as client:
        received = client.send(head("POST", "/guarded", "Content-Length: 10", *expects)).all()
    assert received.startswith(b"HTTP/1.1 401")


def test_an_authorized_upload_gets_100_continue(start: Callable[..., ServerThread]) -> None:
    with start().connect() as client:
        client.send(head("POST", "/guarded", "Authorization: x", "Content-Length: 2", "Expect: 100-continue"))
        assert client.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert client.send(b"hi").answer().endswith(b"hi")


def test_a_body_that_arrives_late_is_served(start: Callable[..., ServerThread]) -> None:
    server = start()
    with server.connect() as client:
        client.send(head("POST", "/", "Content-Length: 2"))
        deadline = time.monotonic() + 10
        while not server.application.seen and time.monotonic() < deadline:  # its head is read
            time.sleep(0.01)
        assert client.send(b"hi").answer().endswith(b"hi")


def test_a_probe_is_answered_while_every_thread_works(start: Callable[..., ServerThread]) -> None:
    server = start(threads=1)
    with server.connect() as busy, server.connect() as prober:
        busy.send(head("GET", "/held"))
        assert server.application.held.acquire(timeout=10)
        assert prober.send(head("GET", "/probe")).answer().startswith(b"HTTP/1.1 200")
        server.application.hold.set()
        assert busy.answer().startswith(b"HTTP/1.1 200")


def test_connections_of_an_address_are_limited(start: Callable[..., ServerThread]) -> None:
    server = start(connections_per_address=3)
    with ExitStack() as opened:
        clients = [opened.enter_context(server.connect()) for _ in range(3)]
        for client in clients:
            client.send(head("GET", "/")).answer()
        with server.connect() as fourth:
            assert fourth.all().startswith(b"HTTP/1.1 503")
        clients[0].socket.close()
        deadline, received = time.monotonic() + 10, b""
        while not received.startswith(b"HTTP/1.1 200") and time.monotonic() < deadline:
            with server.connect() as another:
                received = another.send(head("GET", "/", "Connection: close")).all()
        assert received.startswith(b"HTTP/1.1 200")


def test_a_slow_reader_takes_no_thread(start: Callable[..., ServerThread]) -> None:
    server = start(threads=1)
    with server.connect() as slow, server.connect() as other:
        slow.send(head("GET", "/large/20000000"))
        assert other.send(head("GET", "/")).answer().startswith(b"HTTP/1.1 200")
        assert len(slow.answer()) > 19_000_000


def test_requests_sent_ahead_are_answered_in_their_order(start: Callable[..., ServerThread]) -> None:
    requests = [head("POST", "/", "Content-Length: 1") + b"%d" % number for number in range(8)]
    with start().connect() as client:
        client.send(b"".join(requests) + head("GET", "/", "Connection: close"))
        bodies = [part[-1:] for part in client.all().split(b"HTTP/1.1 200 OK")[1:9]]
    assert bodies == [b"%d" % number for number in range(8)]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (head("GET", "/", "X: " + "a" * 70_000), 431),
        (head("POST", "/", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
        (head("POST", "/", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501),
        (head("CONNECT", "example.com:443"), 400),
    ],
)
def test_a_malformed_request_is_refused(start: Callable[..., ServerThread], sent: bytes, status: int) -> None:
    server = start()
    with server.connect() as client:
        assert client.send(sent).all().startswith(b"HTTP/1.1 %d" % status)
    assert not server.application.seen
    assert server.refused == [status]


def test_a_header_with_an_underscore_does_not_pass_for_another(start: Callable[..., ServerThread]) -> None:
    server = start()
    with server.connect() as client:
        client.send(head("GET", "/a%20b?c=%20", "X_Forwarded_For: 1.2.3.4", "X-Two: 1", "X-Two: 2")).answer()
    [environ] = server.application.seen
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert (environ["PATH_INFO"], environ["QUERY_STRING"], environ["HTTP_X_TWO"]) == ("/a b", "c=%20", "1,2")


def test_requests_in_progress_are_answered_when_the_server_stops(start: Callable[..., ServerThread]) -> None:
    server = start()
    with server.connect() as client:
        client.send(head("GET", "/held"))
        assert server.application.held.acquire(timeout=10)
        server.tell_to_stop()
        server.application.hold.set()
        received = client.all()
    assert received.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in received


def test_a_connection_accepted_while_the_server_stops_is_closed(start: Callable[..., ServerThread]) -> None:
    server = start()
    with server.accept_and_stop_together() as client:
        server.join()
        assert client.all() == b""


def test_a_request_that_outlasts_the_stop_is_dropped(start: Callable[..., ServerThread]) -> None:
    server = start(graceful_seconds=0.1)
    with server.connect() as client:
        client.send(head("GET", "/held"))
        assert server.application.held.acquire(timeout=10)
        server.tell_to_stop()
        server.join()
        with contextlib.suppress(ConnectionResetError):
            assert client.all() == b""
