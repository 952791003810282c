"""Calls over HTTP: the request, the answer, and the settings of a client."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import NamedTuple

USER_AGENT = "message-push-service"
PRIVATE = "the address is private, loopback or link-local"
BROKEN_OFF = "the connection broke before a byte of the answer"
NOT_STARTED = "not started: the time was spent"
# A peer may name a later time in Retry-After; nothing waits for longer than so many seconds.
LONGEST_RETRY_AFTER = 86_400.0


class HttpCall(NamedTuple):
    """A POST to make.

    `headers` are whole lines ("name: value"), as bytes where there are very many calls. The caller sets the content
    type, libcurl the length.
    """

    url: str
    body: bytes
    headers: tuple[str | bytes, ...] = ()


@dataclass(slots=True)
class HttpAnswer:
    """The answer to a call: an HTTP status, or the error that there is instead; `header_lines` as they were received.

    `error` is empty where the whole answer arrived; a status may stand beside an error (cut off in the body).
    `sent` tells whether the peer may have seen the request, `repeated` whether libcurl wrote it a second time.
    """

    status: int | None = None
    error: str = NOT_STARTED
    body: bytes = b""
    header_lines: tuple[bytes, ...] = ()
    duration_ms: int = 0
    sent: bool = False
    repeated: bool = False

    @property
    def started(self) -> bool:
        """Whether the call was started at all."""
        return self.error != NOT_STARTED

    @property
    def ok(self) -> bool:
        """Whether a whole answer with a 2xx status was received."""
        return self.status is not None and 200 <= self.status < 300 and not self.error

    def header(self, name: str) -> str:
        """Return the last value of a header, empty if it is absent.

        Headers are parsed on demand: of most answers none or one is read.

        Args:
            name: The header's name in lower case.
        """
        wanted = f"{name}:".encode()
        size = len(wanted)
        for line in reversed(self.header_lines):
            if line[:size].lower() == wanted:
                return line[size:].decode("latin-1").strip()
        return ""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the header Retry-After asks to wait (RFC 9110, 10.2.3), 0 to `LONGEST_RETRY_AFTER`.

        None where it is absent or cannot be read.
        """
        value = self.header("retry-after")
        if not value:
            return None
        try:
            is_number = value.isascii() and value.isdigit()
            seconds = float(value) if is_number else parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
        return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Settings of a client. Certificates are PEM bytes, times are milliseconds.

    Attributes:
        allow_private: Call private, loopback and link-local addresses too.
        https_only: Refuse to send anything unencrypted.
        http2: Use HTTP/2 over TLS where the server offers it, and over plain TCP with prior knowledge (simulators).
        certificate: The client's certificate, with `key`.
        ca: Further authorities beside the well-known ones.
        max_connections: Connections to each host.
        max_streams: Streams on each HTTP/2 connection.
        max_concurrent: Calls in flight to all hosts together; 0 for as many as the connections to one host carry.
        max_answer_bytes: An answer's body is cut off there, which is an error.
        repeat_broken: Repeat a call whose kept connection broke before a byte of the answer over HTTP/1.1 too; the
            answer says so.
        keep_answer: Keep the body of the answer.
    """

    allow_private: bool = False
    https_only: bool = False
    http2: bool = False
    certificate: bytes = b""
    key: bytes = b""
    ca: bytes = b""
    connect_timeout_ms: int = 5_000
    timeout_ms: int = 10_000
    max_redirects: int = 0
    max_connections: int = 4
    max_streams: int = 100
    max_concurrent: int = 0
    max_answer_bytes: int = 1_048_576
    repeat_broken: bool = False
    keep_answer: bool = True

    @property
    def max_in_flight(self) -> int:
        """How many calls may be in flight at once."""
        return self.max_concurrent or self.max_connections * (self.max_streams if self.http2 else 1)
