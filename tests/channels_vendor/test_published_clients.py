"""Published clients understand the simulated vendors."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

import pytest
from aioapns import APNs, NotificationRequest
from aioapns.connection import APNsProductionClientProtocol

from channels_vendor.apns.simulator import SimulatedApns
from tests.channels_vendor.samples import SAMPLES
from tests.channels_vendor.simulator_server import SimulatorServer

_APNS = next(sample for sample in SAMPLES if sample.name == "apns")


@pytest.fixture
def simulated() -> SimulatedApns:
    return SimulatedApns()


async def send(running: SimulatorServer, tokens: list[str]) -> list[tuple[str, str | None]]:
    """Send through aioapns; returns the (status, description) of each answer."""
    values = _APNS.values()
    client = APNs(
        key=values["p8"],
        key_id=values["key_id"],
        team_id=values["team_id"],
        topic=values["bundle_id"],
        ssl_context=ssl.create_default_context(cadata=running.ca.decode()),
    )
    answers = [
        await client.send_notification(NotificationRequest(device_token=token, message={"aps": {"alert": "Hello"}}))
        for token in tokens
    ]
    client.pool.close()
    while client.pool.connections:  # its transports close a few iterations of the event loop later
        await asyncio.sleep(0.01)
    return [(answer.status, answer.description) for answer in answers]


def test_aioapns_understands_the_simulated_apns(simulated: SimulatedApns, monkeypatch: pytest.MonkeyPatch) -> None:
    running = SimulatorServer([simulated], tls=True)
    address = urlsplit(running.url)
    monkeypatch.setattr(APNsProductionClientProtocol, "APNS_SERVER", address.hostname)
    monkeypatch.setattr(APNsProductionClientProtocol, "APNS_PORT", address.port)
    good, gone, bad = (_APNS.token(number) for number in range(3))
    simulated.script.tokens = {gone: "Unregistered", bad: "BadDeviceToken"}
    try:
        answers = asyncio.run(asyncio.wait_for(send(running, [good, gone, bad]), 30))
    finally:
        running.stop()
    assert answers == [("200", None), ("410", "Unregistered"), ("400", "BadDeviceToken")]
    assert dict(simulated.ledger.accepted) == {good: 1}
