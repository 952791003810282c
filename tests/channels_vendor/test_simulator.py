"""The simulator: its script over HTTP, its command, and reports in each vendor's form."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from cryptography.hazmat.primitives import serialization

from channels_vendor.base.contract import Account, Adapter, DeliveryReport
from channels_vendor.registry import simulated_vendors
from channels_vendor.simulator import callbacks
from channels_vendor.simulator.simulated_vendor import SECRET, SimulatedVendor
from tests.channels_vendor import push_certificates
from tests.channels_vendor.conftest import deliveries
from tests.channels_vendor.samples import SAMPLES, Sample
from tests.channels_vendor.simulator_server import SimulatorServer, pem_of, server_pem
from tests.support.serving import serving

_WITH_RECEIPTS = [sample for sample in SAMPLES if sample.vendor.read_reports and not sample.variant]
with_receipts = pytest.mark.parametrize("sample", _WITH_RECEIPTS, ids=lambda sample: sample.name, indirect=True)
# The vendor's error for a dead token, if its delivery reports name one.
_GONE = {"huawei": "2", "harmonyos": "5", "xiaomi": "16", "oppo": "regid_invalid"}
_KEY = base64.b64encode(SECRET.encode()).decode()


class Posted(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Backend(ThreadingHTTPServer):
    """Accepts posts; the first `refusals` are answered 503."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posted: list[Posted] = []
        self.refusals = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/receipts"


class _Handler(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        refused, self.server.refusals = self.server.refusals > 0, self.server.refusals - 1
        if not refused:
            self.server.posted.append(Posted({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(503 if refused else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def backend() -> Iterator[Backend]:
    with serving(Backend()) as server:
        yield server


@pytest.fixture
def account(account: Account, backend: Backend) -> Account:
    return replace(account, report_url=backend.url)


@pytest.fixture
def read(sample: Sample, account: Account, backend: Backend) -> Callable[[int], list[DeliveryReport]]:
    """Return a function that waits for so many posted reports and returns them as the service reads them."""

    def wait(wanted: int) -> list[DeliveryReport]:
        assert sample.vendor.read_reports is not None
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            posted = list(backend.posted)
            found = [one for post in posted for one in sample.vendor.read_reports(account, post.headers, {}, post.body)]
            if len(found) >= wanted:
                return found
            time.sleep(0.02)
        raise AssertionError(backend.posted)

    return wait


@with_receipts
def test_each_vendor_posts_a_receipt_for_each_token_it_accepted(
    adapter: Adapter,
    simulated: SimulatedVendor,
    sample: Sample,
    backend: Backend,
    read: Callable[[int], list[DeliveryReport]],
) -> None:
    simulated.script.report_url = backend.url
    simulated.script.tokens[sample.token(1)] = sample.gone[0]
    simulated.script.reports = {sample.token(2): ""}
    batch = deliveries(sample, 150)
    adapter.send(batch)
    found = read(148)
    assert {receipt.token for receipt in found} == {one.token for one in batch[:1] + batch[3:]}
    assert len(found) == 148
    assert {(receipt.arrived, receipt.gone) for receipt in found} == {(True, False)}


@pytest.mark.parametrize(
    "sample", [one for one in _WITH_RECEIPTS if one.name in _GONE], ids=lambda sample: sample.name, indirect=True
)
def test_a_report_names_a_dead_token_by_the_vendors_own_error(
    adapter: Adapter,
    simulated: SimulatedVendor,
    sample: Sample,
    backend: Backend,
    read: Callable[[int], list[DeliveryReport]],
) -> None:
    simulated.script.report_url = backend.url
    simulated.script.reports = {sample.token(0): _GONE[sample.name]}
    adapter.send(deliveries(sample, 1))
    [receipt] = read(1)
    assert (receipt.arrived, receipt.gone) == (False, True)


@pytest.mark.parametrize("sample", _WITH_RECEIPTS[:1], ids=lambda sample: sample.name, indirect=True)
def test_huaweis_receipts_are_signed_with_the_key_set_up_there(
    sample: Sample, account: Account, adapter: Adapter, simulated: SimulatedVendor, backend: Backend,
    read: Callable[[int], list[DeliveryReport]],
) -> None:  # fmt: skip
    simulated.script.report_url, simulated.script.report_user, simulated.script.report_key = backend.url, "shop", _KEY
    adapter.send(deliveries(sample, 1))
    read(1)
    [post], read_reports = backend.posted, sample.vendor.read_reports
    assert read_reports is not None
    ours = replace(account, values={**account.values, "callback_user": "shop", "callback_key": _KEY})
    assert len(read_reports(ours, post.headers, {}, post.body)) == 1
    theirs = replace(account, values={**account.values, "callback_user": "shop", "callback_key": "other"})
    with pytest.raises(ValueError, match="signature"):
        read_reports(theirs, post.headers, {}, post.body)


@pytest.mark.parametrize("sample", _WITH_RECEIPTS[:1], ids=lambda sample: sample.name, indirect=True)
def test_a_receipt_that_is_not_taken_is_posted_again(
    adapter: Adapter,
    simulated: SimulatedVendor,
    sample: Sample,
    backend: Backend,
    read: Callable[[int], list[DeliveryReport]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(callbacks, "AGAIN_SECONDS", 0.01)
    simulated.script.report_url, backend.refusals = backend.url, 2
    adapter.send(deliveries(sample, 1))
    assert len(read(1)) == 1
    while simulated.ledger.reports[200] == 0:
        time.sleep(0.01)
    assert simulated.ledger.reports == {503: 2, 200: 1}


@pytest.fixture
def plain() -> Iterator[SimulatorServer]:
    running = SimulatorServer([kind() for kind in simulated_vendors()], tls=False)
    yield running
    running.stop()


def test_a_script_is_changed_over_http(plain: SimulatorServer) -> None:
    script = {"latency": 0.5, "limited": 2, "faults": ["", "goaway"], "expired": ["t"], "tokens": {"a": "Unregistered"}}
    answer = requests.post(f"{plain.url}/_script/apns", json=script, timeout=10)
    assert answer.status_code == 200
    changed = plain.server.simulated_vendors["apns"].script
    assert (changed.latency, changed.limited, changed.faults) == (0.5, 2, ["", "goaway"])
    assert (changed.expired, changed.tokens) == ({"t"}, {"a": "Unregistered"})
    assert plain.server.simulated_vendors["fcm"].script.latency == 0
    requests.post(f"{plain.url}/_script/apns", json={}, timeout=10)
    assert plain.server.simulated_vendors["apns"].script.latency == 0


@pytest.mark.parametrize(
    ("vendor", "script", "reason"),
    [
        ("nobody", "{}", "the vendors are apns"),
        ("apns", "[]", "an object"),
        ("apns", "nonsense", "Expecting value"),
        ("apns", '{"latencies": 1}', "no latencies"),
        ("apns", '{"latency": "long"}', "latency is no float"),
        ("apns", '{"limited": true}', "limited is no int"),
        ("apns", '{"dice": 1}', "no dice"),
        ("apns", '{"faults": ["explode"]}', "no fault explode"),
        ("apns", '{"expired": [[]]}', "unhashable"),
    ],
)
def test_an_invalid_script_changes_nothing_and_is_reported(
    plain: SimulatorServer, vendor: str, script: str, reason: str
) -> None:
    answer = requests.post(f"{plain.url}/_script/{vendor}", script, timeout=10)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


@contextmanager
def command(*arguments: str) -> Iterator[str]:
    """Run `manage.py vendor_simulator` in a process of its own; returns its address."""
    line = [sys.executable, "manage.py", "vendor_simulator", "--port", "0", *arguments]
    process = subprocess.Popen(line, env=os.environ.copy(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().decode().strip()
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(30) == 0


def test_the_command_serves_all_vendors_until_it_is_stopped() -> None:
    with command() as url:
        for simulated in simulated_vendors():
            assert requests.post(f"{url}/_script/{simulated.name}", json={}, timeout=10).status_code == 200
        assert requests.post(f"{url}/3/device/ab", timeout=10).json() == {"reason": "MissingProviderToken"}


def test_the_command_takes_clients_certificates_over_tls(tmp_path: Path) -> None:
    server, authority, client = tmp_path / "server.pem", tmp_path / "authority.pem", tmp_path / "client.pem"
    server.write_bytes(server_pem())
    authority.write_bytes(push_certificates.authority()[0].public_bytes(serialization.Encoding.PEM))
    client.write_bytes(pem_of(*push_certificates.certificate("Push", push_certificates.PRODUCTION)))
    with command("--certificate", str(server), "--clients-ca", str(authority)) as url:
        answer = requests.post(f"{url}/3/device/ab", b"{}", cert=str(client), verify=str(server), timeout=10)
    assert answer.status_code == 200
