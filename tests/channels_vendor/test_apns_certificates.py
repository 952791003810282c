"""APNs with a certificate: it is shown in the TLS handshake, and a wrong one delivers nothing."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from channels_vendor.apns import certificate
from channels_vendor.apns.simulator import SimulatedApns
from channels_vendor.base.contract import Account, Adapter
from channels_vendor.base.credentials import StaticCredential
from channels_vendor.base.outcomes import SendOutcome
from pushcore.http.calls import HttpSettings
from pushcore.http.client import HttpClient
from tests.channels_vendor.conftest import deliveries
from tests.channels_vendor.push_certificates import PASSWORD, PRODUCTION, SANDBOX, p12
from tests.channels_vendor.samples import SAMPLES, Sample
from tests.channels_vendor.simulator_server import SimulatorServer

pytestmark = pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if one.name == "apns-certificate"], ids=lambda one: one.name, indirect=True
)


def test_a_certificate_replaces_the_provider_token(adapter: Adapter, simulated: SimulatedApns, sample: Sample) -> None:
    [outcome] = adapter.send(deliveries(sample, 1))
    assert outcome.verdict.name == "ACCEPTED"
    [request] = simulated.ledger.requests
    shown = certificate.parse(sample.values()["p12"], PASSWORD).certificate
    assert request.client_certificate is not None
    assert ssl.DER_cert_to_PEM_cert(request.client_certificate).encode() == shown
    assert "authorization" not in request.headers


@pytest.fixture
def send_with(sample: Sample, running: SimulatorServer) -> Callable[[str], SendOutcome]:
    """Send one message with another certificate (a .p12 in base64) than the account's own."""

    def send(file: str) -> SendOutcome:
        values = {**sample.values(), "p12": file}
        account = Account(1, sample.vendor.channel, values, running.url, ca=running.ca, allow_private=True)
        shown, key = sample.vendor.certificate(values)
        settings = HttpSettings(allow_private=True, http2=True, ca=running.ca, certificate=shown, key=key)
        adapter = sample.vendor.open(account, HttpClient(settings), StaticCredential())
        try:
            [outcome] = adapter.send(deliveries(sample, 1))
        finally:
            adapter.close()
        return outcome

    return send


@pytest.mark.parametrize(
    ("file", "code", "status"),
    [
        (p12("Apple Push Services: x", SANDBOX), "BadCertificateEnvironment", 2013),
        (p12("Apple Push Services: x", PRODUCTION, bundle_id="com.example.other"), "BadTopic", 2003),
    ],
    ids=["environment", "app"],
)
def test_a_certificate_for_another_app_or_environment_stops_the_channel(
    send_with: Callable[[str], SendOutcome], simulated: SimulatedApns, file: str, code: str, status: int
) -> None:
    outcome = send_with(file)
    assert (outcome.verdict.name, outcome.status, outcome.vendor_code) == ("MISCONFIGURED", status, code)
    assert not simulated.ledger.accepted


@pytest.mark.parametrize(
    "file",
    [p12("Apple Push Services: x", PRODUCTION, days=-1), p12("Apple Push Services: x", PRODUCTION, self_signed=True)],
    ids=["expired", "of another authority"],
)
def test_a_certificate_that_the_server_rejects_gets_no_connection(
    send_with: Callable[[str], SendOutcome], simulated: SimulatedApns, file: str
) -> None:
    outcome = send_with(file)
    assert outcome.verdict.name == "RETRY"
    assert outcome.unreachable
    assert not simulated.ledger.requests
