"""What a simulated vendor does beside its normal work: errors, delays, faults of the connection."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

FAULTS = ("hang", "reset", "truncate", "goaway")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request to a simulated vendor. Header names in lower case; `client_certificate`: the peer's, in DER."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    client_certificate: bytes | None = None

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form in the body, the first value of each."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a simulated vendor."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Script:
    """How a vendor behaves from now on.

    Attributes:
        latency: Seconds before each answer.
        error_rate: The share of requests answered with the vendor's internal error.
        limited: So many requests are answered with 429 and `retry_after`.
        retry_after: Seconds.
        tokens: The vendor's own error by device token.
        faults: What befalls the next requests, first to last ("" for none).
        expired: Credentials refused from now on.
        replies: What the next requests are answered with, whatever they ask.
        report_delay: Seconds from an answer to its delivery reports.
        report_url: Where reports of vendors go that take the address from their own console; the others post to the
            address a call names.
        report_user: Huawei's reports are signed where this and `report_key` (base64) are set up.
        report_key: The key of the signature.
        reports: The vendor's own word by device token, in place of that for arrived; "" for no report.
        dice: Decides which requests fail.
    """

    latency: float = 0.0
    error_rate: float = 0.0
    limited: int = 0
    retry_after: int = 7
    tokens: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    replies: list[Reply] = field(default_factory=list)
    report_delay: float = 0.1
    report_url: str = ""
    report_user: str = ""
    report_key: str = ""
    reports: dict[str, str] = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - repeatable, guards nothing

    @classmethod
    def of(cls, wanted: Any) -> Script:
        """Read a JSON object with some of the fields.

        Raises:
            ValueError: A field is unknown or of another type; the message names it.
        """
        if not isinstance(wanted, dict):
            raise ValueError("a script is an object")
        script = cls()
        for name, value in wanted.items():
            known = getattr(script, name, None) if name in cls.__dataclass_fields__ and name != "dice" else None
            if known is None:
                raise ValueError(f"a script has no {name}")
            if isinstance(known, set) and isinstance(value, list):
                value = set(value)
            if name == "replies" and isinstance(value, list):
                value = [Reply(int(status), str(body).encode()) for status, body in value]
            if isinstance(value, bool) or not isinstance(value, (int, float) if type(known) is float else type(known)):
                raise ValueError(f"{name} is no {type(known).__name__}")
            setattr(script, name, value)
        if unknown := [fault for fault in script.faults if fault not in (*FAULTS, "")]:
            raise ValueError(f"there is no fault {unknown[0]}")
        return script


@dataclass(frozen=True, slots=True)
class Callback:
    """A delivery report, to be posted to a backend."""

    url: str
    body: bytes
    headers: Mapping[str, str]


class Ledger:
    """What a simulated vendor has seen.

    Attributes:
        accepted: How often each token got something.
        requests: The last requests.
        credentials: How many requests for a credential there were.
        reports: How many reports were answered with each HTTP status (0: with none).
        total: How many targets were accepted.
    """

    def __init__(self, keep: int = 1000) -> None:
        self._lock = threading.Lock()
        self._keep = keep
        self.accepted: Counter[str] = Counter()
        self.requests: list[Incoming] = []
        self.credentials = 0
        self.reports: Counter[int] = Counter()
        self.total = 0

    def note(self, incoming: Incoming) -> None:
        """Keep a request."""
        with self._lock:
            self.requests.append(incoming)
            if len(self.requests) > 2 * self._keep:
                del self.requests[: self._keep]

    def accept(self, token: str) -> int:
        """Count a token that gets something; return the number of all accepted."""
        with self._lock:
            self.total += 1
            if len(self.accepted) < 1_000_000:
                self.accepted[token] += 1
            return self.total
