"""The contract of every vendor's adapter, over real HTTP to the simulator."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import pytest

from channels_vendor.base.contract import Adapter
from channels_vendor.base.credentials import SharedCredential
from channels_vendor.base.delivery import Delivery
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.outcomes import AnswerRule, Verdict
from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.http import client
from tests.channels_vendor.conftest import deliveries
from tests.channels_vendor.samples import SAMPLES, Sample
from tests.channels_vendor.simulator_server import SimulatorServer, server_tls

_ROWS = [pytest.param(sample, error, id=f"{sample.name}-{error}") for sample in SAMPLES for error in sample.rows]


def verdicts(outcomes: list) -> Counter[str]:
    return Counter(outcome.verdict.name for outcome in outcomes)


def test_every_token_of_a_batch_is_accepted_once(adapter: Adapter, simulated: SimulatedVendor, sample: Sample) -> None:
    batch = deliveries(sample, 250)
    outcomes = adapter.send(batch)
    assert [outcome.delivery for outcome in outcomes] == batch
    assert {outcome.status for outcome in outcomes} == {statuses.ACKED}
    assert simulated.ledger.accepted == {delivery.token: 1 for delivery in batch}
    assert all(outcome.vendor_id for outcome in outcomes)


def test_one_dead_token_in_two_thousand_is_named_and_the_others_are_accepted(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    simulated.script.tokens[sample.token(1_789)] = sample.gone[0]
    outcomes = adapter.send(deliveries(sample, 2_000))
    assert len(outcomes) == 2_000
    others = [outcome for outcome in outcomes if outcome.verdict is not Verdict.ACCEPTED]
    found = [(one.delivery.token, one.verdict, one.status) for one in others]
    assert found == [(sample.token(1_789), Verdict.GONE, sample.gone[1])], others


@pytest.mark.parametrize(("sample", "error"), _ROWS)
def test_each_error_leads_to_its_status_and_touches_only_its_token(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, error: str
) -> None:
    simulated.script.tokens[sample.token(1)] = error
    first, second, third = adapter.send(deliveries(sample, 3))
    assert (first.verdict, third.verdict) == (Verdict.ACCEPTED, Verdict.ACCEPTED)
    assert (second.status, second.verdict.name) == sample.rows[error]


@pytest.mark.parametrize(
    ("sample", "error"),
    [pytest.param(sample, error, id=f"{sample.name}-{error}") for sample in SAMPLES for error in sample.whole],
)
def test_each_error_of_a_whole_call_leads_to_its_status(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, error: str
) -> None:
    simulated.script.tokens[sample.token(0)] = error
    [outcome] = adapter.send(deliveries(sample, 1))
    assert (outcome.status, outcome.verdict.name) == sample.whole[error]


def test_every_row_of_the_vendors_error_table_has_a_case(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new row needs a case in the sample."""
    adapter = open_adapter()
    assert isinstance(adapter, HttpAdapter)
    table = _Seen(adapter.table)
    monkeypatch.setattr(adapter, "table", table)
    # Its module reads some rows by name: from its `errors`, or a table of its own.
    own = sys.modules[type(adapter).__module__]
    for module in (own, getattr(own, "errors", None)):
        if hasattr(module, "TABLE"):
            monkeypatch.setattr(module, "TABLE", table)
    for error in (*sample.rows, *sample.whole):
        simulated.script.tokens = {sample.token(0): error}
        adapter.send(deliveries(sample, 1))
        adapter.send(deliveries(sample, 2))
    assert sorted(set(table) - table.seen) == []


class _Seen(dict[str, AnswerRule]):
    """A table that records which of its rows were read."""

    def __init__(self, table: Mapping[str, AnswerRule]) -> None:
        super().__init__(table)
        self.seen: set[str] = set()

    def __getitem__(self, code: str) -> AnswerRule:
        self.seen.add(code)
        return super().__getitem__(code)

    def get(self, code: str, default: Any = None) -> Any:
        self.seen.add(code)
        return super().get(code, default)


class _Held:
    """A credential that is renewed when it is refused."""

    def __init__(self) -> None:
        self.fetched = 0
        self.held = ""

    def get(self, fetch: Callable[[], tuple[str, float]], *, refused: str = "") -> str:
        if not self.held or refused == self.held:
            self.fetched += 1
            self.held = fetch()[0]
        return self.held


def test_a_credential_that_expires_in_mid_batch_is_renewed_once_and_nothing_is_sent_twice(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample
) -> None:
    if not sample.renews:
        pytest.skip("the vendor's credential never runs out")
    tokens = _Held()
    adapter = open_adapter(tokens=tokens)
    adapter.send(deliveries(sample, 1))
    simulated.script.expired.add(tokens.held)
    simulated.ledger.accepted.clear()
    assert verdicts(adapter.send(deliveries(sample, 100))) == {"ACCEPTED": 100}
    assert tokens.fetched == 2
    assert set(simulated.ledger.accepted.values()) == {1}


def test_a_credential_that_expires_after_half_a_batch_is_renewed_for_the_other_half(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sample.renews:
        pytest.skip("the vendor's credential never runs out")
    tokens, answer = _Held(), simulated.send
    batch, lasts = (deliveries(sample, 1_500), 1) if sample.batching else (deliveries(sample, 100), 50)
    answered: list[Incoming] = []

    def send(incoming: Incoming) -> Reply:
        if len(answered) == lasts:
            simulated.script.expired.add(tokens.held)
        answered.append(incoming)
        return answer(incoming)

    monkeypatch.setattr(simulated, "send", send)
    assert verdicts(open_adapter(tokens=tokens).send(batch)) == {"ACCEPTED": len(batch)}
    assert tokens.fetched == 2
    calls = 2 if sample.batching else 100
    assert len(answered) == calls + (calls - lasts)
    assert set(simulated.ledger.accepted.values()) == {1}
    assert len(simulated.ledger.accepted) == len(batch)


@pytest.mark.parametrize("said", ["7", "date"])
def test_a_429_without_a_body_is_retried_after_its_retry_after(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, said: str
) -> None:
    """A proxy in front of the vendor may answer so (RFC 9110, 10.2.3: seconds, or a date)."""
    value = formatdate(time.time() + 7, usegmt=True) if said == "date" else said
    simulated.script.replies = [Reply(429, b"<html>Too Many Requests</html>", (("retry-after", value),))]
    [outcome] = adapter.send(deliveries(sample, 1))
    assert (outcome.verdict, outcome.throttled) == (Verdict.RETRY, True)
    assert outcome.retry_after is not None
    assert 5 < outcome.retry_after <= 7
    assert verdicts(adapter.send(deliveries(sample, 1))) == {"ACCEPTED": 1}


def test_too_many_requests_are_retried_when_the_vendor_says(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    simulated.script.limited = 1_000
    simulated.script.retry_after = 7
    outcomes = adapter.send(deliveries(sample, 3))
    assert verdicts(outcomes) == {"RETRY": 3}
    assert {outcome.retry_after for outcome in outcomes} == {7.0}
    # Apple's is about the device, others' about the account.
    assert {outcome.throttled for outcome in outcomes} == {sample.vendor.channel != Channel.APNS}


def test_server_errors_are_retried_and_the_other_messages_are_accepted(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    simulated.script.error_rate = 0.3
    left, rounds = deliveries(sample, 300), 0
    while left and rounds < 30:
        outcomes = adapter.send(left)
        assert set(verdicts(outcomes)) <= {"ACCEPTED", "RETRY"}
        left, rounds = [outcome.delivery for outcome in outcomes if outcome.verdict is Verdict.RETRY], rounds + 1
    assert not left
    assert set(simulated.ledger.accepted.values()) == {1}


@pytest.mark.parametrize("fault", ["hang", "reset", "truncate"])
def test_a_broken_answer_is_retried_and_affects_only_its_request(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample, fault: str
) -> None:
    adapter = open_adapter(timeout_ms=1_500)
    adapter.send(deliveries(sample, 1))
    simulated.script.faults = [fault]
    outcomes = adapter.send(deliveries(sample, 20))
    kinds = verdicts(outcomes)
    assert set(kinds) <= {"ACCEPTED", "RETRY"}
    touched = 20 if sample.batching else 1
    assert kinds["RETRY"] == touched
    assert all(outcome.unreachable for outcome in outcomes if outcome.verdict is Verdict.RETRY)


def test_a_closed_connection_loses_nothing_and_sends_nothing_twice(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    simulated.script.faults = ["", "goaway"]
    left, rounds = deliveries(sample, 50), 0
    while left and rounds < 5:
        outcomes = adapter.send(left)
        left, rounds = [outcome.delivery for outcome in outcomes if outcome.verdict is Verdict.RETRY], rounds + 1
    assert not left
    assert set(simulated.ledger.accepted.values()) == {1}
    assert len(simulated.ledger.accepted) == 50


def test_connections_stay_open_and_are_reopened_after_an_idle_close(
    adapter: Adapter, running: SimulatorServer, sample: Sample
) -> None:
    adapter.send(deliveries(sample, 3))
    made = running.server.connections
    adapter.send(deliveries(sample, 3))
    assert running.server.connections == made
    running.drop_connections()
    time.sleep(client.IDLE_SECONDS)
    assert verdicts(adapter.send(deliveries(sample, 3))) == {"ACCEPTED": 3}


def test_a_server_with_a_foreign_certificate_gets_nothing(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample
) -> None:
    _, foreign = server_tls()
    adapter = open_adapter(tokens=SharedCredential("foreign"), ca=foreign)
    assert verdicts(adapter.send(deliveries(sample, 2))) == {"RETRY": 2}
    assert not simulated.ledger.accepted


def test_a_private_address_is_refused_when_the_socket_opens(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample
) -> None:
    adapter = open_adapter(allow_private=False)
    outcomes = adapter.send(deliveries(sample, 2))
    assert all("private" in outcome.vendor_code for outcome in outcomes)
    assert not simulated.ledger.accepted


def test_the_same_token_twice_gets_both_messages(adapter: Adapter, simulated: SimulatedVendor, sample: Sample) -> None:
    one, two = deliveries(sample, 2)
    outcomes = adapter.send([one, two._replace(token=one.token)])
    assert verdicts(outcomes) == {"ACCEPTED": 2}
    assert simulated.ledger.accepted == {one.token: 2}


def test_a_text_too_long_for_the_vendor_is_shortened(adapter: Adapter, sample: Sample) -> None:
    batch: list[Delivery] = deliveries(sample, 2, body="长" * 5_000)
    assert verdicts(adapter.send(batch)) == {"ACCEPTED": 2}
