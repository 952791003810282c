"""`make bench-vendor_isolation`: how a vendor that hangs for 60 s affects another vendor's messages.

Starts the whole service in a temporary directory and two simulated vendors, FCM and Xiaomi, in this process. Pushes to
the devices of both at a steady rate, and measures FCM's pushes from just before the API call until FCM has the request:
alternately while Xiaomi answers at once, and while each of its answers takes 60 s.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.latency import Backend
from bench.report import percentile, report
from channels_vendor.fcm.simulator import SimulatedFcm
from channels_vendor.simulator.script import Incoming, Reply
from channels_vendor.xiaomi.simulator import SimulatedXiaomi
from tests.channels_vendor.samples import SAMPLES
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.e2e.backends import run_in_service
from tests.support.stack import Stack

RATE = 20
HANG_SECONDS = 60.0
DEVICES = 100

_PREPARE = """
import json
from channels_vendor.models import VendorAccount
from pushcore.models import Device, Workspace
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
asked = json.loads({asked!r})
workspace = Workspace.objects.get()
ad_tokens = dict()
for name, account in asked["accounts"].items():
    row = VendorAccount(workspace=workspace, channel=account["channel"])
    row.base_url, row.auth_url = account["url"], account["auth"]
    row.set_secrets(account["values"])
    row.save()
    made = [device for device, _ in registry.register([(workspace, DeviceInfo())] * {count})]
    for number, device in enumerate(made):
        Device.objects.filter(pk=device.id).update(third_channel=account["channel"], third_token=f"{{name}}-{{number}}")
    ad_tokens[name] = [device.ad_token for device in made]
print(json.dumps(ad_tokens))
"""


class TimedFcm(SimulatedFcm):
    """An FCM that notes when each message arrived, by its msgkey."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: dict[str, float] = {}

    def send(self, incoming: Incoming) -> Reply:
        """Note when a message first arrived, and answer as FCM does."""
        now = time.perf_counter()
        self.arrived.setdefault(json.loads(incoming.body)["message"]["data"]["msgKey"], now)
        return super().send(incoming)


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4, help="of each kind (default 4)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a round (default 20)")
    arguments = parser.parse_args()
    fcm, xiaomi = TimedFcm(), SimulatedXiaomi()
    running = SimulatorServer([fcm, xiaomi], tls=False)
    with (
        tempfile.TemporaryDirectory(prefix="mps-bench-") as directory,
        Stack(Path(directory) / "var", MPS_LOG_LEVEL="ERROR", MPS_VENDOR_ALLOW_PRIVATE="1") as stack,
    ):
        targets = _prepare(stack, running.url)
        backend = Backend(stack.demo)
        _round(backend, fcm, targets["fcm"], [], "warm", 5.0)
        quiet: list[list[float]] = []
        hanging: list[list[float]] = []
        for number in range(arguments.rounds):
            xiaomi.script.latency = 0.0
            quiet.append(_round(backend, fcm, targets["fcm"], targets["xiaomi"], f"q{number}", arguments.seconds))
            xiaomi.script.latency = HANG_SECONDS
            hanging.append(_round(backend, fcm, targets["fcm"], targets["xiaomi"], f"h{number}", arguments.seconds))
    running.stop()
    return _report(quiet, hanging)


def _prepare(stack: Stack, url: str) -> dict[str, list[str]]:
    """Create accounts and devices; returns the devices' Ad-tokens by vendor."""
    samples = {sample.name: sample for sample in SAMPLES if sample.name in ("fcm", "xiaomi")}
    accounts = {
        name: {
            "channel": int(sample.vendor.channel),
            "url": url,
            "auth": url + sample.auth_path,
            "values": dict(sample.values()),
        }
        for name, sample in samples.items()
    }
    output = run_in_service(stack, _PREPARE.format(asked=json.dumps({"accounts": accounts}), count=DEVICES))
    found: dict[str, list[str]] = json.loads(output.splitlines()[-1])
    return found


def _round(
    backend: Backend, fcm: TimedFcm, targets: list[str], others: list[str], name: str, seconds: float
) -> list[float]:
    """Return the milliseconds from call to vendor of each push to FCM; `others` are pushed to as often."""
    count = int(RATE * seconds)
    with ThreadPoolExecutor(16) as callers:
        begun = time.perf_counter()
        for number in range(count):
            time.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
            callers.submit(backend.push, targets[number % len(targets)], f"{name}-{number}")
            if others:
                callers.submit(backend.push, others[number % len(others)], f"{name}-other-{number}")
    keys = [f"{name}-{number}" for number in range(count)]
    deadline = time.monotonic() + 30
    while not all(key in fcm.arrived for key in keys):
        if time.monotonic() > deadline:
            sys.exit(f"{sum(key not in fcm.arrived for key in keys)} messages did not reach FCM")
        time.sleep(0.05)
    return [1000 * (fcm.arrived[key] - backend.called[key]) for key in keys]


def _report(quiet: list[list[float]], hanging: list[list[float]]) -> bool:
    rows: list[dict[str, str]] = []
    figures: dict[str, float] = {}
    for name, rounds in (("Xiaomi answers", quiet), ("Xiaomi hangs", hanging)):
        p50, p99 = (statistics.median(percentile(times, share) for times in rounds) for share in (0.5, 0.99))
        rows.append({"FCM's messages, call to vendor": name, "p50 ms": f"{p50:.1f}", "p99 ms": f"{p99:.1f}"})
        figures |= {f"{name.split()[-1]}_p50_ms": p50, f"{name.split()[-1]}_p99_ms": p99}
    figures["p99_ratio"] = figures["hangs_p99_ms"] / figures["answers_p99_ms"]
    return report("vendor isolation", rows, figures, {"p99_ratio": 1.1})


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
