"""Posting to URLs customers give: many at once, bounded in time and size, never into our own network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pushcore.http.client import Answer, Call, Client, Settings

CONNECT_TIMEOUT_MS = 5_000
TIMEOUT_MS = 10_000
MAX_REDIRECTS = 3
# Receipts' senders keep within that by themselves; so none waits for a connection.
MAX_CONNECTIONS_PER_HOST = 128
MAX_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Posting:
    """A JSON body to POST."""

    url: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PostResult:
    """What came back: an HTTP status, or an error; and how long it took."""

    status: int | None
    error: str
    duration_ms: int

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and not self.error


def settings_for(*, allow_private: bool) -> Settings:
    """How backends are called."""
    return Settings(
        allow_private=allow_private,
        connect_timeout_ms=CONNECT_TIMEOUT_MS,
        timeout_ms=TIMEOUT_MS,
        max_redirects=MAX_REDIRECTS,
        max_connections=MAX_CONNECTIONS_PER_HOST,
        side_by_side=MAX_CONNECTIONS_PER_HOST,
        max_answer_bytes=MAX_ANSWER_BYTES,
        # The answer's body does not matter.
        keep_answer=False,
        # A receipt may come twice.
        repeats=True,
    )


def call_of(posting: Posting) -> Call:
    return Call(posting.url, posting.body, ("Content-Type: application/json; charset=utf-8",))


def result_of(answer: Answer) -> PostResult:
    return PostResult(answer.status, answer.error, answer.duration_ms)


def post_all(postings: Sequence[Posting], *, allow_private: bool) -> list[PostResult]:
    """POST all side by side; the results stand in the order of the postings. Raises nothing for a bad URL or host."""
    client = Client(settings_for(allow_private=allow_private))
    try:
        return [result_of(answer) for answer in client.exchange([call_of(posting) for posting in postings])]
    finally:
        client.close()
