"""Simulate Acme's API."""

from __future__ import annotations

import json
from collections.abc import Sequence

from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SECRET, ReportingVendor, as_json


class SimulatedAcme(ReportingVendor):
    name = "acme"
    malformed = "dead"
    arrived = "arrived"

    def serves(self, incoming: Incoming) -> bool:
        return incoming.path == "/acme/send"

    def credential(self, incoming: Incoming) -> Reply:
        return as_json(404, {})

    def send(self, incoming: Incoming) -> Reply:
        body = json.loads(incoming.body)
        if incoming.headers["authorization"] != SECRET:
            return as_json(401, {"error": "key"})
        if error := self.error_of(body["token"]):
            return as_json(400, {"error": error})
        made = f"acme-{self.ledger.accept(body['token'])}"
        self.call_back(body["report_to"], body["reference"], [body["token"]], made)
        return as_json(200, {"id": made})

    def report(self, tag: str, tokens: Sequence[str], word: str, vendor_id: str) -> bytes:
        return json.dumps({"reference": tag, "token": tokens[0], "word": word}).encode()

    def internal_error(self) -> Reply:
        return as_json(500, {"error": "internal"})

    def too_many(self) -> Reply:
        return as_json(429, {"error": "too many"})


SIMULATED = (SimulatedAcme,)


def demo_account() -> dict[str, str]:
    return {"acme_key": SECRET}
