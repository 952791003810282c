"""A simulated vendor: written from the vendor's facts, and knowing nothing of the adapters."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

from channels_vendor.simulator.script import Incoming, Ledger, Reply, Script

# What all simulated accounts have for a secret: signatures are made with it, and checked.
SECRET = "secret"  # noqa: S105 - guards nothing


class Desk(ABC):
    """Answers the requests to one vendor."""

    name: str
    # What a script says befalls all requests but those for a credential.
    credential_path: str = ""

    def __init__(self) -> None:
        self.script = Script()
        self.ledger = Ledger()

    @abstractmethod
    def serves(self, incoming: Incoming) -> bool:
        """Whether the request is to this vendor."""

    @abstractmethod
    def credential(self, incoming: Incoming) -> Reply:
        """A request to `credential_path`."""

    @abstractmethod
    def send(self, incoming: Incoming) -> Reply:
        """Any other request."""

    @abstractmethod
    def internal_error(self) -> Reply: ...

    @abstractmethod
    def too_many(self) -> Reply: ...

    def answer(self, incoming: Incoming) -> Reply:
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

    def is_for_credential(self, incoming: Incoming) -> bool:
        return bool(self.credential_path) and incoming.path.startswith(self.credential_path)

    def fault(self, incoming: Incoming) -> str:
        """What befalls the connection on this request, once."""
        if self.is_for_credential(incoming):
            return ""
        return self.script.faults.pop(0) if self.script.faults else ""


def as_json(status: int, body: Any) -> Reply:
    return Reply(status, json.dumps(body).encode(), (("content-type", "application/json"),))
