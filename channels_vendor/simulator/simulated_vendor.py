"""The base of simulated vendors: written from the vendors' documentation, and knowing nothing of the adapters."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jwt

from channels_vendor.simulator.script import Callback, Incoming, Ledger, Reply, Script

# What all simulated accounts have for a secret: signatures are made with it, and checked.
SECRET = "secret"  # noqa: S105 - guards nothing
# Huawei's figure; of others none is known.
REPORT_TOKENS = 100


class SimulatedVendor(ABC):
    """Answers the requests to one vendor.

    Attributes:
        name: The vendor's, as scripts are addressed.
        credential_path: Where credentials are asked for; a script's errors and faults do not apply to requests there.
        malformed: The error that a script would name for a malformed token; one made of zeros gets it.
        public_key: Checks signatures of the account (PEM); empty: they are not checked.
    """

    name: str
    credential_path: str = ""
    malformed: str
    public_key: bytes = b""

    def __init__(self) -> None:
        self.script = Script()
        self.ledger = Ledger()
        self.outbox: list[Callback] = []

    @abstractmethod
    def serves(self, incoming: Incoming) -> bool:
        """Tell whether the request is to this vendor."""

    @abstractmethod
    def credential(self, incoming: Incoming) -> Reply:
        """Answer a request to `credential_path`."""

    @abstractmethod
    def send(self, incoming: Incoming) -> Reply:
        """Answer any other request."""

    @abstractmethod
    def internal_error(self) -> Reply:
        """Return how the vendor says that it is in trouble."""

    @abstractmethod
    def too_many(self) -> Reply:
        """Return how the vendor asks for less."""

    def answer(self, incoming: Incoming) -> Reply:
        """Answer a request as the script says, else as the vendor does."""
        if self.is_for_credential(incoming):
            self.ledger.credentials += 1
            return self.credential(incoming)
        self.ledger.note(incoming)
        script = self.script
        if script.replies:
            return script.replies.pop(0)
        if script.limited > 0:
            script.limited -= 1
            reply = self.too_many()
            return Reply(reply.status, reply.body, (*reply.headers, ("retry-after", str(script.retry_after))))
        if script.error_rate and script.dice.random() < script.error_rate:
            return self.internal_error()
        return self.send(incoming)

    def error_of(self, token: str) -> str:
        """Return the vendor's error for the token, empty where it is a device's."""
        return self.script.tokens.get(token, "" if token.strip("0") else self.malformed)

    def errors_of(self, tokens: Sequence[str]) -> dict[str, str]:
        """Return the errors of the tokens that have one."""
        return {token: error for token in tokens if (error := self.error_of(token))}

    def claims_of(self, signed: str, algorithms: Sequence[str], audience: str | None = None) -> dict[str, Any]:
        """Return a JWT's claims.

        Raises:
            jwt.PyJWTError: It is none, or not signed by the account.
        """
        return jwt.decode(
            signed,
            self.public_key,
            algorithms=list(algorithms),
            audience=audience,
            options={"verify_signature": bool(self.public_key), "verify_aud": audience is not None},
        )

    def is_for_credential(self, incoming: Incoming) -> bool:
        """Tell whether a request asks for a credential."""
        return bool(self.credential_path) and incoming.path.startswith(self.credential_path)

    def fault(self, incoming: Incoming) -> str:
        """Return what befalls the connection on this request, once."""
        if self.is_for_credential(incoming):
            return ""
        return self.script.faults.pop(0) if self.script.faults else ""


class ReportingVendor(SimulatedVendor):
    """A simulated vendor that posts delivery reports.

    Attributes:
        arrived: The vendor's word for arrived.
    """

    arrived: str

    def call_back(self, url: str, tag: str, tokens: Iterable[str], vendor_id: str) -> None:
        """Have the tokens' reports posted, each with the word its script says. `tag`: what the call gave for them."""
        by_word: dict[str, list[str]] = {}
        for token in tokens if url else ():
            by_word.setdefault(self.script.reports.get(token, self.arrived), []).append(token)
        by_word.pop("", None)
        for word, told in by_word.items():
            for start in range(0, len(told), REPORT_TOKENS):
                body = self.report(tag, told[start : start + REPORT_TOKENS], word, vendor_id)
                self.outbox.append(Callback(url, body, self.report_headers()))

    @abstractmethod
    def report(self, tag: str, tokens: Sequence[str], word: str, vendor_id: str) -> bytes:
        """Return the body of a report."""

    def report_headers(self) -> Mapping[str, str]:
        """Return the headers of a report."""
        return {"content-type": "application/json"}


def as_json(status: int, body: Any) -> Reply:
    """Return an answer in JSON."""
    return Reply(status, json.dumps(body).encode(), (("content-type", "application/json"),))
