"""`make bench-vendors`: notifications to APNs, FCM and Huawei for each second of CPU time.

At least two cores are needed: core 0 runs what is measured, core 1 everything else. Only the CPU time of the measured
process counts. A call to Huawei carries a thousand tokens.

- The adapters alone (batch to outcomes) and the published packages (`bench.peers`), over HTTP/2 and TLS, are measured
  alternately, five times; a ratio is the median over adjacent runs. The packages for APNs send the same notifications
  as the adapter: bodies, priority, push type, expiration and collapse IDs. FCM's adapter is compared with them too.
- The whole sender (rows to statuses) is measured without PostgreSQL's CPU time.

The vendors are simulated in Python, at a few thousand notifications a second, so clients wait most of the time. With
`--nginx`, adapters and packages call a server that accepts everything at once, and are limited by their core alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import peers
from bench.gateway_servers import OTHER_CORE, SERVER_CORE
from bench.report import report
from bench.servers import servers, set_up
from bench.vendor_mock import mock
from mps_project.garbage_collection import exempt_loaded_objects

BATCH = 1000
RUNS = 5
# Targets: an adapter for single calls, in times a published package; the whole sender, in rows a CPU second.
TIMES_A_PEER = {"aioapns": 5.0, "@parse/node-apn": 2.0}
ROWS_A_CORE_SECOND = 8_000.0
SINGLE_CALLS = ("apns, adapter", "fcm, adapter")

# CPU seconds and wall seconds.
Spent = tuple[float, float]


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="notifications of each measurement (default 10000)")
    parser.add_argument("--nginx", action="store_true", help="adapters and packages call nginx, not the simulator")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    return measure(arguments.count) if arguments.measure else start(arguments.count, arguments.nginx)


def start(count: int, nginx: bool) -> bool:
    """Start what is needed and measure in a process of its own."""
    from tests.channels_vendor.simulator_server import server_pem

    os.sched_setaffinity(0, (OTHER_CORE,))
    with servers(MPS_VENDOR_ALLOW_PRIVATE="1", MPS_LOG_LEVEL="ERROR") as (directory, environment):
        certificate = directory / "server.pem"
        certificate.write_bytes(server_pem())
        command = [sys.executable, "manage.py", "vendor_simulator", "--port", "0", "--certificate", str(certificate)]
        simulator = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert simulator.stdout is not None
            url = simulator.stdout.readline().strip()
            environment |= {"BENCH_SIMULATOR": url, "BENCH_CERTIFICATE": str(certificate)}
            with mock(directory, certificate) if nginx else contextlib.nullcontext(url) as called:
                again = [sys.executable, "-m", "bench.vendors", "--measure", "--count", str(count)]
                return subprocess.run(again, env=environment | {"BENCH_CALLED": called}, check=False).returncode == 0
        finally:
            simulator.terminate()
            simulator.wait()


def measure(count: int) -> bool:
    """Measure every vendor's adapter and the packages; returns whether every target is met."""
    os.sched_setaffinity(0, (SERVER_CORE,))
    set_up()
    exempt_loaded_objects()  # as workers do
    from tests.channels_vendor.samples import SAMPLES

    url, simulator = os.environ["BENCH_CALLED"], os.environ["BENCH_SIMULATOR"]
    samples = {sample.name: sample for sample in SAMPLES if sample.name in ("apns", "fcm", "huawei")}
    with contextlib.ExitStack() as stack:
        runners = {
            f"{name}, adapter": (stack.enter_context(_adapter(sample, url, count)), count)
            for name, sample in samples.items()
        } | _peers(stack, samples, url, count)
        spent = _alternate(runners)
    sent = {name: number for name, (_, number) in runners.items()}
    for name, sample in samples.items():
        spent[f"{name}, rows to statuses"] = [_sender(sample, simulator, count)]
        sent[f"{name}, rows to statuses"] = count
    ratios = {
        f"{name}, x {peer}": statistics.median(
            theirs / ours for (ours, _), (theirs, _) in zip(spent[name], spent[peer], strict=True)
        )
        for name in SINGLE_CALLS
        for peer in TIMES_A_PEER
        if peer in spent
    }
    rates = {
        name: tuple(sent[name] / statistics.median(seconds) for seconds in zip(*runs, strict=True))
        for name, runs in spent.items()
    }
    rows = [
        {"what": name, "a core-second": f"{core:,.0f}", "a second": f"{wall:,.0f}"}
        | {f"x {peer}": f"{ratio:.2f}" if (ratio := ratios.get(f"{name}, x {peer}")) else "" for peer in TIMES_A_PEER}
        for name, (core, wall) in rates.items()
    ]
    figures = {name: round(core, 1) for name, (core, _) in rates.items()} | ratios
    lacking = below(figures)
    return report("vendors", rows, figures | lacking, dict.fromkeys(lacking, 0.0))


def below(figures: Mapping[str, float]) -> dict[str, float]:
    """Return by how much each figure misses its target (0: met), in times a package, or rows a core-second.

    A package that could not be installed sets no target.
    """
    asked = {f"{name}, x {peer}": least for name in SINGLE_CALLS for peer, least in TIMES_A_PEER.items()}
    asked |= {name: ROWS_A_CORE_SECOND for name in figures if name.endswith("rows to statuses")}
    return {
        f"{name} below": round(max(0.0, least - figures[name]), 2) for name, least in asked.items() if name in figures
    }


def _alternate(runners: Mapping[str, tuple[Callable[[], Spent], int]]) -> dict[str, list[Spent]]:
    """Run all alternately, so that other load on the machine affects all."""
    rounds = [{name: run() for name, (run, _) in runners.items()} for _ in range(RUNS)]
    return {name: [spent[name] for spent in rounds] for name in runners}


def _peers(
    stack: contextlib.ExitStack, samples: Mapping[str, Any], url: str, count: int
) -> dict[str, tuple[Callable[[], Spent], int]]:
    """Start the packages that can be installed; returns what runs each, and how many notifications it sends."""
    fcm = samples["fcm"]
    account = json.loads(fcm.values()["service_account"]) | {
        "type": "service_account",
        "token_uri": url + fcm.auth_path,
    }
    # It is slow, so it sends only a tenth.
    tokens = [fcm.token(number) for number in range(count // 10)]
    to_apns = _notifications_of_adapter(samples["apns"], url, count)
    runners = {}
    for name, open_peer, asked, sent in (
        ("aioapns", peers.aioapns, to_apns, count),
        ("@parse/node-apn", peers.node_apn, to_apns, count),
        (
            "firebase-admin",
            peers.firebase_admin,
            {"url": url, "service_account": account, "tokens": tokens},
            len(tokens),
        ),
    ):
        try:
            runners[name] = stack.enter_context(open_peer(asked)).run, sent
        except peers.PeerError as error:
            print(f"{name} is left out: {error}")
    return runners


def _notifications_of_adapter(sample: Any, url: str, count: int) -> dict[str, Any]:
    """Return the adapter's notifications to APNs in the form that the peers read."""
    from channels_vendor.base.contract import Account
    from channels_vendor.base.credentials import StaticCredential
    from pushcore.http.calls import HttpSettings
    from pushcore.http.client import HttpClient
    from tests.channels_vendor.conftest import deliveries

    adapter = sample.vendor.open(
        Account(1, sample.vendor.channel, sample.values()), HttpClient(HttpSettings()), StaticCredential()
    )
    requests, _ = adapter.prepare(deliveries(sample, count), "")
    adapter.close()
    headers = [dict(line.decode().split(": ", 1) for line in request.call.headers) for request in requests]
    return {
        "url": url,
        "values": dict(sample.values()),
        "priority": int(headers[0]["apns-priority"]),
        "push_type": headers[0]["apns-push-type"],
        "seconds": 3600,
        "notifications": [
            {
                "token": request.deliveries[0].token,
                "message": json.loads(request.call.body),
                "collapse": header["apns-collapse-id"],
            }
            for request, header in zip(requests, headers, strict=True)
        ],
    }


def _timed(work: Callable[[], Any]) -> Spent:
    core, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - core, time.perf_counter() - wall


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


@contextlib.contextmanager
def _adapter(sample: Any, url: str, count: int) -> Iterator[Callable[[], Spent]]:
    from channels_vendor.base.outcomes import Verdict
    from channels_vendor.dispatch import open_adapters
    from tests.channels_vendor.conftest import deliveries

    row = _account(sample, url, _workspace(f"adapter-{sample.name}"))
    batches = [deliveries(sample, BATCH) for _ in range(count // BATCH)]
    with open_adapters.adapter_of(row) as adapter:
        adapter.send(batches[0])

        def work() -> None:
            for batch in batches:
                assert all(outcome.verdict is Verdict.ACCEPTED for outcome in adapter.send(batch))

        yield lambda: _timed(work)


def _sender(sample: Any, url: str, count: int) -> Spent:
    from django.utils import timezone

    from channels_vendor.accounts import in_use
    from channels_vendor.dispatch import sender
    from channels_vendor.dispatch.lane import VendorLane
    from pushcore.channels import Platform
    from pushcore.delivery import deliverable
    from pushcore.models import Device, Message, PushTask
    from pushcore.storage import ids

    workspace = _workspace(f"sender-{sample.name}")
    _account(sample, url, workspace)
    in_use.forget()
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
        last_message_id=numbers[-1],
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
    VendorLane().send(deliverable.by_id(numbers[1:]))

    def work() -> None:
        sent = 0
        while sent < count:
            sent += sender.send_due(workspace.pk, channel, budget_seconds=60)

    spent = _timed(work)
    assert Message.objects.filter(task=task, status=2).count() == count
    return spent


if __name__ == "__main__":
    sys.exit(not main())
