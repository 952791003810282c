"""`make bench-vendors`: notifications accepted by APNs, FCM and Huawei, for each second of one core's work.

Of Huawei a thousand tokens share a call.

Starts PostgreSQL and Valkey in a temporary directory and the vendors' simulator in a process of its own (TLS, HTTP/2),
then, on the same simulator: the adapters alone (batch to outcomes), the whole sender (rows to statuses), and the
published packages (`bench.peers`). A second counts as processor time of the measured process: the simulator is written
in Python too and would be measured otherwise. In the sender's figure PostgreSQL's own work is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import peers
from bench.report import report
from bench.servers import servers, set_up
from mps_project.collector import spare_what_is_loaded

BATCH = 1000
RUNS = 3


def main() -> bool:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="notifications of each measurement (default 10000)")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    return measure(arguments.count) if arguments.measure else start(arguments.count)


def start(count: int) -> bool:
    """Start what is needed and measure in a process of its own."""
    from tests.channels_vendor.running import server_pem

    with servers(MPS_VENDOR_ALLOW_PRIVATE="1", MPS_LOG_LEVEL="ERROR") as (directory, environment):
        certificate = directory / "server.pem"
        certificate.write_bytes(server_pem())
        command = [sys.executable, "manage.py", "vendor_simulator", "--port", "0", "--certificate", str(certificate)]
        simulator = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert simulator.stdout is not None
            environment |= {"BENCH_URL": simulator.stdout.readline().strip(), "BENCH_CERTIFICATE": str(certificate)}
            again = [sys.executable, "-m", "bench.vendors", "--measure", "--count", str(count)]
            return subprocess.run(again, env=environment, check=False).returncode == 0
        finally:
            simulator.terminate()
            simulator.wait()


def measure(count: int) -> bool:
    set_up()
    spare_what_is_loaded()  # as a worker does
    from tests.channels_vendor.samples import SAMPLES

    url = os.environ["BENCH_URL"]
    samples = {sample.name: sample for sample in SAMPLES if sample.name in ("apns", "fcm", "huawei")}
    figures: dict[str, tuple[float, float]] = {}
    for name, sample in samples.items():
        figures[f"{name}, adapter"] = _adapter(sample, url, count)
    for name, sample in samples.items():
        figures[f"{name}, rows to statuses"] = _sender(sample, url, count)
    figures |= _peers(samples, url, count)
    rows = [
        {"what": name, "a core-second": f"{core:,.0f}", "a second": f"{wall:,.0f}"}
        | {f"x {peer}": f"{core / figures[peer][0]:.1f}" for peer in ("aioapns", "@parse/node-apn") if peer in figures}
        for name, (core, wall) in figures.items()
    ]
    shown = {name: round(core, 1) for name, (core, _) in figures.items()}
    return report("vendors", rows, shown, {})


def _peers(samples: Mapping[str, Any], url: str, count: int) -> dict[str, tuple[float, float]]:
    """The published packages, those that can be had on this machine."""
    apns, fcm = samples["apns"], samples["fcm"]
    message = {"aps": {"alert": {"title": "Title", "body": "Content"}, "sound": "default"}}
    to_apns: dict[str, Any] = {"url": url, "runs": RUNS, "values": dict(apns.values()), "message": message}
    to_apns["tokens"] = [apns.token(number) for number in range(count)]
    account = json.loads(fcm.values()["service_account"]) | {
        "type": "service_account",
        "token_uri": url + fcm.auth_path,
    }
    # It is slow: a tenth says as much.
    to_fcm: dict[str, Any] = {"url": url, "runs": RUNS, "service_account": account}
    to_fcm["tokens"] = [fcm.token(number) for number in range(count // 10)]
    figures = {}
    for name, measured, asked in (
        ("aioapns", peers.aioapns, to_apns),
        ("@parse/node-apn", peers.node_apn, to_apns),
        ("firebase-admin", peers.firebase_admin, to_fcm),
    ):
        try:
            runs = measured(asked)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} is left out: {error}")
        else:
            sent = len(asked["tokens"])
            figures[name] = _median([(sent / core, sent / wall) for core, wall in runs])
    return figures


def _timed(count: int, work: Callable[[], Any]) -> tuple[float, float]:
    """(a core-second, a second)."""
    core, wall = time.process_time(), time.perf_counter()
    work()
    return count / (time.process_time() - core), count / (time.perf_counter() - wall)


def _median(figures: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The middle one by core-seconds."""
    return sorted(figures)[len(figures) // 2]


def _account(sample: Any, url: str, workspace: Any) -> Any:
    from channels_vendor.models import VendorAccount

    row = VendorAccount(workspace=workspace, channel=sample.vendor.channel, base_url=url, rate=1_000_000)
    row.auth_url, row.ca_pem = url + sample.auth_path, Path(os.environ["BENCH_CERTIFICATE"]).read_text()
    row.set_secrets(dict(sample.values()))
    row.save()
    return row


def _workspace(name: str) -> Any:
    from pushcore.models import App, Workspace

    app, _ = App.objects.get_or_create(app_id="BENCH", defaults={"name": "bench"})
    return Workspace.objects.create(app=app, workspace_id=name)


def _adapter(sample: Any, url: str, count: int) -> tuple[float, float]:
    from channels_vendor import open_adapters
    from channels_vendor.contract import Verdict
    from tests.channels_vendor.conftest import deliveries

    row = _account(sample, url, _workspace(f"adapter-{sample.name}"))
    batches = [deliveries(sample, BATCH) for _ in range(count // BATCH)]
    with open_adapters.adapter_of(row) as adapter:
        adapter.send(batches[0])

        def work() -> None:
            for batch in batches:
                assert all(outcome.verdict is Verdict.ACCEPTED for outcome in adapter.send(batch))

        return _median([_timed(count, work) for _ in range(RUNS)])


def _sender(sample: Any, url: str, count: int) -> tuple[float, float]:
    from django.utils import timezone

    from channels_vendor import accounts, sender
    from channels_vendor.lane import VendorLane
    from pushcore import delivery, ids
    from pushcore.channels import Platform
    from pushcore.models import Device, Message, PushTask

    workspace = _workspace(f"sender-{sample.name}")
    _account(sample, url, workspace)
    accounts.forget()
    channel = sample.vendor.channel
    now = timezone.now()
    platform = Platform.IOS if sample.name == "apns" else Platform.ANDROID
    made = Device.objects.bulk_create(
        [
            Device(workspace=workspace, platform=platform, third_channel=channel, third_token=sample.token(number))
            for number in range(count)
        ],
        batch_size=1000,
    )
    numbers = ids.new_ids(count + 1)
    task = PushTask.objects.create(
        id=numbers[0],
        workspace=workspace,
        kind="simple",
        content={"title": "Title", "content": "Content"},
        delivery_type=platform,
        expire_at=now + timedelta(hours=1),
        created_at=now,
    )
    messages = [
        Message(
            id=number,
            workspace=workspace,
            task=task,
            delivery_type=platform,
            target=device.third_token,
            msgkey=str(number),
            device=device,
            expire_at=task.expire_at,
            updated_at=now,
        )
        for number, device in zip(numbers[1:], made, strict=True)
    ]
    Message.objects.bulk_create(messages, batch_size=1000)
    VendorLane().send(delivery.outgoing_of(numbers[1:]))

    def work() -> None:
        sent = 0
        while sent < count:
            sent += sender.send_due(workspace.pk, channel, budget_seconds=60)

    rates = _timed(count, work)
    assert Message.objects.filter(task=task, status=2).count() == count
    return rates


if __name__ == "__main__":
    sys.exit(not main())
