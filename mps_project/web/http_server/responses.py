"""Responses: an application's answer as bytes, collected whole so that no thread waits for a slow client."""

from __future__ import annotations

import errno
import tempfile
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import IO, Any

import structlog

log = structlog.get_logger(__name__)

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# A longer answer (an export) is kept in a temporary file while it is sent.
MEMORY_BYTES = 1 << 20


class WsgiResponse:
    """An answer ready to be written.

    Attributes:
        head: Status line and headers, without Connection and the empty line that the connection adds.
        body: The body, or its beginning.
        rest: A file with what follows; None where that is all.
    """

    __slots__ = ("body", "head", "rest", "status")

    def __init__(self, status: int, head: bytes, body: bytes, rest: IO[bytes] | None = None) -> None:
        self.status = status
        self.head = head
        self.body = body
        self.rest = rest

    def release(self) -> None:
        """Close the file, if there is one."""
        if self.rest is not None:
            self.rest.close()


def plain_response(status: int, text: str = "", *, retry_after: int = 0) -> WsgiResponse:
    """Return an answer of the server's own, in plain text; `retry_after` in seconds, 0 for none."""
    phrase = HTTPStatus(status).phrase
    body = f"{text or phrase}\n".encode()
    again = f"Retry-After: {retry_after}\r\n" if retry_after else ""
    head = f"HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n{again}"
    return WsgiResponse(status, head.encode() + _date_line(), body)


def run_application(application: WsgiApplication, environ: dict[str, Any], *, head_only: bool) -> WsgiResponse:
    """Run the application and collect its answer. An exception becomes 500, a full disk 503."""
    try:
        return _collect(application, environ, head_only=head_only)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            log.warning("disk full", path=environ.get("PATH_INFO", ""))
            return plain_response(503, retry_after=5)
        log.exception("application raised an error", path=environ.get("PATH_INFO", ""))
        return plain_response(500)


def _collect(application: WsgiApplication, environ: dict[str, Any], *, head_only: bool) -> WsgiResponse:
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [status, headers]
        return parts.append

    parts: list[bytes] = []
    rest: IO[bytes] | None = None
    size = 0
    answer = application(environ, start_response)
    try:
        for part in answer:
            size += len(part)
            if rest is None and size > MEMORY_BYTES:
                rest = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `WsgiResponse.release`
            if rest is None:
                parts.append(part)
            else:
                rest.write(part)
    except BaseException:
        if rest is not None:
            rest.close()
        raise
    finally:
        if hasattr(answer, "close"):
            answer.close()
    status, headers = started
    if rest is not None:
        rest.seek(0)
    if head_only:
        parts.clear()
    return WsgiResponse(int(status[:3]), _head(status, headers, size, head_only=head_only), b"".join(parts), rest)


_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})


def _head(status: str, headers: list[tuple[str, str]], size: int, *, head_only: bool) -> bytes:
    lines = [f"HTTP/1.1 {status}\r\n"]
    bodiless = head_only or status.startswith(("1", "204", "304"))
    for name, value in headers:
        lower = name.lower()
        if lower in _HOP_BY_HOP or (lower == "content-length" and not bodiless):
            continue
        lines.append(f"{name}: {value}\r\n")
    if not bodiless:
        lines.append(f"Content-Length: {size}\r\n")
    return "".join(lines).encode("latin-1") + _date_line()


_date: tuple[int, bytes] = (0, b"")


def _date_line() -> bytes:
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode())
    return _date[1]
