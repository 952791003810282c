"""Raw HTTP requests, which a client library would not send."""

from __future__ import annotations

import socket
from types import TracebackType


class RawHttp:
    """An HTTP connection on which any bytes can be sent. A context manager."""

    def __init__(self, port: int, seconds: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def send(self, data: bytes) -> RawHttp:
        self.socket.sendall(data)
        return self

    def answer(self) -> bytes:
        """Read one answer that has a Content-Length: head and body."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        return head + b"\r\n\r\n" + body

    def all(self) -> bytes:
        """Read until the server closes the connection."""
        received = b""
        while data := self.socket.recv(65536):
            received += data
        return received

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        assert data, "closed before the answer was whole"
        return data

    def __enter__(self) -> RawHttp:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.socket.close()


def head(method: str, path: str, *lines: str) -> bytes:
    """Return a request's head with the empty line that ends it."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *lines, "", ""]).encode()


def chunked(body: bytes, size: int = 7) -> bytes:
    """Encode a body in chunks (RFC 9112, 7.1)."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
