"""Describe Acme to the service."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from channels_vendor.base.contract import Account, DeliveryReport, VendorDescription, VendorRequest
from channels_vendor.base.delivery import Delivery
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.options import as_named
from channels_vendor.base.outcomes import Action, AnswerRule, SendOutcome, accepted, by_rule
from channels_vendor.base.references import Reference
from pushcore.channels import Platform
from pushcore.codes.statuses import Status
from pushcore.http.calls import HttpAnswer, HttpCall
from pushcore.push.vendor_options import as_text
from pushcore.security.account_fields import AccountField

DEAD = 777001
TABLE = {"dead": AnswerRule(Action.INVALIDATE_TOKEN, DEAD)}


class AcmeAdapter(HttpAdapter):
    table = TABLE
    unknown_token_codes = ("dead",)

    def fetch_credential(self) -> tuple[str, float]:
        return self.account.get("acme_key"), 3600.0

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        requests = []
        for one in deliveries:
            body = {
                "token": one.token,
                "title": one.notification.title,
                "reference": str(Reference(one.message_id)),
                "report_to": self.account.report_url,
            }
            headers = (f"authorization: {credential}", "content-type: application/json")
            call = HttpCall(f"{self.account.base_url}/acme/send", json.dumps(body).encode(), headers)
            requests.append(VendorRequest(call, (one,)))
        return requests, []

    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        [delivery] = request.deliveries
        found = json.loads(answer.body)
        if answer.ok:
            return [accepted(delivery, found["id"])]
        rule = self.rule_of(found["error"], answer)
        return [by_rule(delivery, rule, found["error"], retry_after=answer.retry_after)]


def read_reports(
    account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> list[DeliveryReport]:
    entry = json.loads(body)
    return [DeliveryReport(Reference.parse(entry["reference"]), entry["token"], arrived=entry["word"] == "arrived")]


VENDOR = VendorDescription(
    number=99,
    name="acme",
    analysis_name="ACME",
    title="Acme Push",
    platform=Platform.ANDROID,
    reports_arrival=True,
    statuses=(Status("acme", DEAD, "Dead", "nobody there"),),
    dead_token_statuses=frozenset({DEAD}),
    categories=as_named("NEWS"),
    encode_transparent=as_text,
    fields=(AccountField("acme_key", "Acme's key", secret=True),),
    open=AcmeAdapter,
    rate=100,
    read_reports=read_reports,
    max_report_url=200,
)
