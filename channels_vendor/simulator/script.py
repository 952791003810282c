"""What a simulated vendor does beside its normal work: errors, delays, faults of the connection."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

FAULTS = ("hang", "reset", "truncate", "goaway")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request to a simulated vendor. Header names in lower case; `client_certificate`: the peer's, in DER."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    client_certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Script:
    """How a vendor behaves from now on.

    `tokens`: the vendor's own error by device token. `faults`: what befalls the next requests, first to last ("" for
    none). `error_rate`: the share of requests answered with the vendor's internal error. `limited`: that many requests
    are answered with 429 and `retry_after` seconds. `expired`: credentials refused from now on. `replies`: what the
    next requests are answered with, whatever they ask.
    """

    latency: float = 0.0
    error_rate: float = 0.0
    limited: int = 0
    retry_after: int = 7
    tokens: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    replies: list[Reply] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - repeatable, guards nothing


class Ledger:
    """What a vendor accepted: how often each token got something, and what the last requests were."""

    def __init__(self, keep: int = 1000) -> None:
        self._lock = threading.Lock()
        self._keep = keep
        self.accepted: Counter[str] = Counter()
        self.requests: list[Incoming] = []
        self.credentials = 0
        self.total = 0

    def note(self, incoming: Incoming) -> None:
        with self._lock:
            self.requests.append(incoming)
            if len(self.requests) > 2 * self._keep:
                del self.requests[: self._keep]

    def accept(self, token: str) -> int:
        with self._lock:
            self.total += 1
            if len(self.accepted) < 1_000_000:
                self.accepted[token] += 1
            return self.total
