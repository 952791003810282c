"""The HTTP client alone, against a plain server on a real socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pushcore.http.calls import LONGEST_RETRY_AFTER, NOT_STARTED, HttpAnswer, HttpCall, HttpSettings
from pushcore.http.client import HttpClient
from tests.support.serving import serving


class Echo(BaseHTTPRequestHandler):
    """Answers with the request after the milliseconds in the path."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        time.sleep(int(self.path.rsplit("/", 1)[-1]) / 1000)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("X-Mark", self.headers.get("mark", ""))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Echo)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def client() -> Iterator[HttpClient]:
    opened = HttpClient(HttpSettings(allow_private=True, max_connections=20))
    yield opened
    opened.close()


def test_answers_stand_in_the_order_of_the_calls(client: HttpClient, url: str) -> None:
    bodies = [b"%d" % number * (1 + number % 3) for number in range(100)]
    calls = [HttpCall(f"{url}/{number % 4}", body) for number, body in enumerate(bodies)]
    for _ in range(2):
        answers = client.exchange(calls)
        assert [answer.body for answer in answers] == bodies
        assert all(answer.ok and answer.started for answer in answers)


def test_header_lines_may_be_text_or_bytes(client: HttpClient, url: str) -> None:
    calls = [HttpCall(f"{url}/0", b"", (f"mark: {number}",)) for number in range(3)]
    calls += [HttpCall(f"{url}/0", b"", (b"mark: %d" % number,)) for number in range(3, 6)]
    assert [answer.header("x-mark") for answer in client.exchange(calls)] == ["0", "1", "2", "3", "4", "5"]


def test_impossible_calls_do_not_delay_those_after_them(client: HttpClient, url: str) -> None:
    bad = [HttpCall("no such scheme://x", b""), HttpCall("http://\N{SNOWMAN}:port/", b"")] * 50
    answers = client.exchange([*bad, HttpCall(f"{url}/0", b"good")])
    assert answers[-1].body == b"good"
    assert all(answer.error and not answer.sent and answer.started for answer in answers[:-1])


def test_a_call_that_cannot_start_in_time_is_not_made(client: HttpClient, url: str) -> None:
    answers = client.exchange([HttpCall(f"{url}/200", b"x")] * 60, within=0.1)
    started = [answer for answer in answers if answer.started]
    assert len(started) == 20
    assert all(answer.ok for answer in started)
    assert {answer.error for answer in answers[20:]} == {NOT_STARTED}
    assert client.exchange([HttpCall(f"{url}/0", b"later")])[0].body == b"later"


def test_a_slow_answer_times_out_and_delays_no_other(url: str) -> None:
    client = HttpClient(HttpSettings(allow_private=True, timeout_ms=300))
    slow, quick = client.exchange([HttpCall(f"{url}/1500", b""), HttpCall(f"{url}/0", b"quick")])
    client.close()
    assert (slow.status, slow.ok, slow.sent, bool(slow.error)) == (None, False, True, True)
    assert quick.body == b"quick"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (format_datetime(datetime.now(UTC) + timedelta(hours=3), usegmt=True), 10_800.0),
        (format_datetime(datetime.now(UTC) - timedelta(hours=3), usegmt=True), 0.0),
        ("9" * 20, LONGEST_RETRY_AFTER),
        ("soon", None),
    ],
    ids=["seconds", "date", "date that is past", "longer than anything waits", "neither"],
)
def test_a_peer_names_the_time_to_wait_in_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    answer = HttpAnswer(429, "", header_lines=(f"Retry-After: {value}\r\n".encode(),))
    # The dates were made when the tests were collected.
    assert answer.retry_after == (None if seconds is None else pytest.approx(seconds, abs=3600))


def test_an_answer_that_names_no_time_to_wait_has_none() -> None:
    assert HttpAnswer(429, "").retry_after is None
