"""Device tokens that APNs refuses, and since when they are invalid."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from channels_vendor.base.contract import Adapter
from channels_vendor.base.outcomes import Verdict
from channels_vendor.simulator.script import Reply
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from tests.channels_vendor.conftest import deliveries
from tests.channels_vendor.samples import SAMPLES, Sample

pytestmark = pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if one.name == "apns"], ids=["apns"], indirect=True
)


@pytest.mark.parametrize("reason", ["Unregistered", "ExpiredToken"])
def test_a_token_is_invalid_since_the_time_that_apple_names(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, reason: str
) -> None:
    body = json.dumps({"reason": reason, "timestamp": 1_790_000_000_123}).encode()
    simulated.script.replies = [Reply(410, body)]
    [outcome] = adapter.send(deliveries(sample, 1))
    assert outcome.verdict is Verdict.GONE
    assert outcome.gone_at == datetime.fromtimestamp(1_790_000_000.123, UTC)


def test_without_a_time_the_token_has_none(adapter: Adapter, simulated: SimulatedVendor, sample: Sample) -> None:
    simulated.script.replies = [Reply(410, b'{"reason": "Unregistered"}')]
    [outcome] = adapter.send(deliveries(sample, 1))
    assert (outcome.verdict, outcome.gone_at) == (Verdict.GONE, None)
