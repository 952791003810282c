"""Unforeseen answers of vendors: an unknown code is final only if the vendor is healthy."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from channels_vendor.base.contract import Adapter
from channels_vendor.base.outcomes import Verdict
from channels_vendor.simulator.script import Reply
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.codes import statuses
from tests.channels_vendor.conftest import deliveries
from tests.channels_vendor.samples import SAMPLES, Sample

# A code that the vendor added after its table was written, in each vendor's form.
_UNKNOWN: dict[str, Any] = {
    "code": 599,
    "result": 599,
    "reason": "SomethingNew",
    "error": {"code": 599, "status": "SOMETHING_NEW", "message": "new"},
    "message": "new",
}

# The vendors' server errors under HTTP 200.
_DOWN = [
    pytest.param(sample, {"xiaomi": "10001", "oppo": "!-1", "vivo": "10102"}[sample.name], id=sample.name)
    for sample in SAMPLES
    if sample.name in ("xiaomi", "oppo", "vivo")
]


def only(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sample", [one for one in SAMPLES if one.name == name], ids=[name])


def reply(status: int, body: Any) -> Reply:
    return Reply(status, json.dumps(body).encode())


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_unknown_code_from_a_vendor_in_trouble_is_retried(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, status: int
) -> None:
    simulated.script.replies = [reply(status, _UNKNOWN)]
    [outcome] = adapter.send(deliveries(sample, 1))
    assert outcome.verdict is Verdict.RETRY
    assert outcome.throttled or status != 429
    assert outcome.unreachable or status < 500


def test_an_unknown_code_under_401_has_the_credential_renewed(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    simulated.script.replies = [reply(401, _UNKNOWN)]
    [outcome] = adapter.send(deliveries(sample, 1))
    refuses_at_once = sample.name == "fcm-legacy"  # one key, which never runs out
    assert outcome.verdict is (Verdict.MISCONFIGURED if refuses_at_once else Verdict.ACCEPTED)


def test_an_unknown_code_from_a_healthy_vendor_is_final(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    if sample.name == "fcm-legacy":
        pytest.skip("its codes are a result's, and read without the status")
    simulated.script.replies = [reply(400, _UNKNOWN)]
    [outcome] = adapter.send(deliveries(sample, 1))
    assert outcome.verdict is Verdict.REJECTED


@only("apns")
@pytest.mark.parametrize(
    "body", [b'{"reason": "Unregistered", "timestamp": %d}' % 10**30, b"[" * 20_000, b"\xff", b"null"], ids=len
)
def test_an_unreadable_answer_concerns_only_its_message(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, body: bytes
) -> None:
    simulated.script.replies = [Reply(410, body)]
    assert Counter(one.verdict for one in adapter.send(deliveries(sample, 5))) == {
        Verdict.ACCEPTED: 4,
        Verdict.RETRY: 1,
    }


@only("xiaomi")
def test_a_token_with_a_comma_is_not_read_as_two(adapter: Adapter, simulated: SimulatedVendor, sample: Sample) -> None:
    good, bad = deliveries(sample, 2)
    outcomes = adapter.send([good, bad._replace(token="mi-8,mi-9")])
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED, Verdict.GONE]
    assert simulated.ledger.accepted == {good.token: 1}


@only("oppo")
def test_oppos_results_are_matched_by_registration_id_and_a_missing_one_is_retried(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    batch = deliveries(sample, 3)
    results = [
        {"registrationId": batch[1].token, "errorCode": 10000, "errorMessage": "Invalid registrationId"},
        {"registrationId": batch[0].token, "messageId": "o-1"},
    ]
    simulated.script.replies = [reply(200, {"code": 0, "message": "Success", "data": results})]
    outcomes = adapter.send(batch)
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED, Verdict.GONE, Verdict.RETRY]
    assert (outcomes[0].vendor_id, outcomes[2].in_doubt) == ("o-1", True)


@only("honor")
def test_honors_token_lists_are_read_whatever_the_code(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    batch = deliveries(sample, 3)
    lists = {"failTokens": [batch[0].token], "expireTokens": [batch[1].token], "requestId": "r"}
    simulated.script.replies = [reply(200, {"code": 80000001, "data": lists})]
    assert [one.verdict for one in adapter.send(batch)] == [Verdict.REJECTED, Verdict.GONE, Verdict.ACCEPTED]


@only("fcm")
@pytest.mark.parametrize("details", [[], [{"@type": "type.googleapis.com/google.rpc.RequestInfo"}]], ids=str)
def test_fcm_invalidates_a_token_only_by_its_own_error(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, details: list[dict[str, str]]
) -> None:
    simulated.script.replies = [reply(404, {"error": {"code": 404, "status": "NOT_FOUND", "details": details}})]
    [outcome] = adapter.send(deliveries(sample, 1))
    assert (outcome.verdict, outcome.status) == (Verdict.MISCONFIGURED, 90000401)


@only("fcm")
def test_a_404_that_is_not_from_fcm_is_retried(adapter: Adapter, simulated: SimulatedVendor, sample: Sample) -> None:
    simulated.script.replies = [Reply(404, b"<html>no such page</html>")]
    [outcome] = adapter.send(deliveries(sample, 1))
    assert (outcome.verdict, outcome.status) == (Verdict.RETRY, statuses.UNKNOWN)


@pytest.mark.parametrize(("sample", "code"), _DOWN)
def test_a_server_error_reported_with_http_200_counts_for_the_circuit_breaker(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, code: str
) -> None:
    simulated.script.tokens[sample.token(0)] = code
    [outcome] = adapter.send(deliveries(sample, 1))
    assert (outcome.verdict, outcome.unreachable) == (Verdict.RETRY, True)
