"""Post JSON to URLs that customers give: many at once, bounded in time and size, never into private networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pushcore.http.calls import HttpAnswer, HttpCall, HttpSettings
from pushcore.http.client import HttpClient

CONNECT_TIMEOUT_MS = 5_000
TIMEOUT_MS = 10_000
MAX_REDIRECTS = 3
# The sender starts no more calls than that to one host, so none waits for a connection.
MAX_CONNECTIONS_PER_HOST = 128
MAX_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A JSON body to POST, and header lines of its own."""

    url: str
    body: bytes
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhookResult:
    """The outcome of one POST: an HTTP status or an error, and how long it took in milliseconds."""

    status: int | None
    error: str
    duration_ms: int

    @property
    def accepted(self) -> bool:
        """Whether the endpoint answered with a 2xx status."""
        return self.status is not None and 200 <= self.status < 300 and not self.error


def settings_for(*, allow_private: bool) -> HttpSettings:
    """Return the HTTP client's settings for webhooks. `allow_private` permits private and loopback addresses."""
    return HttpSettings(
        allow_private=allow_private,
        connect_timeout_ms=CONNECT_TIMEOUT_MS,
        timeout_ms=TIMEOUT_MS,
        max_redirects=MAX_REDIRECTS,
        max_connections=MAX_CONNECTIONS_PER_HOST,
        max_concurrent=MAX_CONNECTIONS_PER_HOST,
        max_answer_bytes=MAX_ANSWER_BYTES,
        # The body of the answer is not used.
        keep_answer=False,
        # A post may come twice.
        repeat_broken=True,
    )


def call_of(request: WebhookRequest) -> HttpCall:
    """Return the HTTP call that carries a webhook request."""
    return HttpCall(request.url, request.body, ("Content-Type: application/json; charset=utf-8", *request.headers))


def result_of(answer: HttpAnswer) -> WebhookResult:
    """Return the result that an HTTP answer amounts to."""
    return WebhookResult(answer.status, answer.error, answer.duration_ms)


def post(requests: Sequence[WebhookRequest], *, allow_private: bool) -> list[WebhookResult]:
    """POST all requests concurrently and wait for the answers.

    Returns:
        The results in the order of the requests. A bad URL or host is an error in its result; nothing is raised.
    """
    client = HttpClient(settings_for(allow_private=allow_private))
    try:
        return [result_of(answer) for answer in client.exchange([call_of(request) for request in requests])]
    finally:
        client.close()
