"""`make bench-latency`: from a backend's API call to the message on the device.

Starts the whole service in a temporary directory, connects one device over TCP and one over WebSocket, and pushes to
them alternately at a steady rate. The published Python package signs and makes the calls, and its own time counts. A
latency lasts from just before the call until the device's client hands over the message, by one clock.

With `--campaign N` it measures twice: while the service is idle otherwise, and while it loads a file of N targets, each
of them a message.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aliyunsdkcore.client import AcsClient
from aliyunsdkmpaas.request.v20190821 import PushSimpleRequest
from paho.mqtt.client import Client, MQTTMessage

from bench.report import percentile, report
from tests.e2e.backends import run_in_service
from tests.e2e.database import Database
from tests.e2e.test_server_api import call
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

TRANSPORTS = {"TCP": "tcp", "WebSocket": "websockets"}
WARM_UP = 20


class TimedDevice(PahoDevice):
    """A device that notes when each message arrived."""

    def __init__(self, demo: dict[str, str], *, transport: str) -> None:
        super().__init__(demo, transport=transport)
        self.arrived: dict[str, float] = {}

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        now = time.perf_counter()
        super()._on_message(client, userdata, message)
        if self.received:
            self.arrived.setdefault(self.received[-1][1]["msgKey"], now)


class Backend:
    """A backend that calls PushSimple, with a client for each thread."""

    def __init__(self, demo: dict[str, str]) -> None:
        self.demo = demo
        self.called: dict[str, float] = {}
        self.answered: dict[str, float] = {}
        self._local = threading.local()

    def push(self, target: str, msgkey: str) -> None:
        """Push one message to a target, and note the times of call and answer."""
        if not hasattr(self._local, "client"):
            self._local.client = AcsClient(self.demo["access_key_id"], self.demo["access_key_secret"], "cn-hongkong")
        request = PushSimpleRequest.PushSimpleRequest()
        request.set_endpoint(self.demo["http_url"].removeprefix("http://"))
        request.set_AppId(self.demo["app_id"])
        request.set_WorkspaceId(self.demo["workspace_id"])
        request.set_TaskName("bench")
        request.set_Title("Latency")
        request.set_Content("x" * 100)
        request.set_DeliveryType(1)
        request.set_ExpiredSeconds(600)
        request.set_TargetMsgkey(json.dumps({target: msgkey}))
        self.called[msgkey] = time.perf_counter()
        self._local.client.do_action_with_exception(request)
        self.answered[msgkey] = time.perf_counter()


Taken = dict[str, list[float]]


def measure(rate: float, seconds: float, campaign: int) -> bool:
    """Run the benchmark; returns whether every target is met."""
    with (
        tempfile.TemporaryDirectory(prefix="mps-bench-") as directory,
        Stack(Path(directory) / "var", MPS_LOG_LEVEL="WARNING") as stack,
    ):
        devices = {
            name: TimedDevice(stack.demo, transport=transport).connect() for name, transport in TRANSPORTS.items()
        }
        backend = Backend(stack.demo)
        idle = _push(devices, backend, rate, seconds, "idle")
        beside = None
        if campaign:
            task = push_file(stack, campaign, Path(directory))
            beside = _push(devices, backend, rate, seconds, "campaign")
            print(f"campaign: {loaded(stack, task)} of {campaign} messages made by the end")
        for device in devices.values():
            device.disconnect()
    return _report(rate, idle, beside)


def _push(devices: dict[str, TimedDevice], backend: Backend, rate: float, seconds: float, phase: str) -> Taken:
    """Push to the devices in turn; returns milliseconds from call to device by transport, and from call to answer."""
    pushed: dict[str, list[str]] = {name: [] for name in devices}
    with ThreadPoolExecutor(8) as callers:
        start = time.perf_counter()
        for number in range(WARM_UP + int(rate * seconds)):
            time.sleep(max(0.0, start + number / rate - time.perf_counter()))
            name = list(devices)[number % len(devices)]
            key = f"{phase}-{number}"
            callers.submit(backend.push, devices[name].ad_token, key)
            if number >= WARM_UP:
                pushed[name].append(key)
    for name, device in devices.items():
        keys = set(pushed[name])
        if not device.wait(lambda keys=keys, device=device: keys <= set(device.arrived), 30):  # type: ignore[misc]
            sys.exit(f"{len(keys - set(device.arrived))} messages did not arrive over {name}")
    taken = {
        f"call to device, {name}": [(device.arrived[key] - backend.called[key]) * 1000 for key in pushed[name]]
        for name, device in devices.items()
    }
    answered = [(backend.answered[key] - backend.called[key]) * 1000 for keys in pushed.values() for key in keys]
    return taken | {"call to answer": answered}


def push_file(stack: Stack, targets: int, folder: Path) -> int:
    """Push a file to so many users that no device has; returns its task's id."""
    run_in_service(stack, _TEMPLATE)
    data = "\n".join(f"user-{number},campaign-{number},name=Ann" for number in range(targets)).encode()
    query = {
        "appId": stack.demo["app_id"], "workspaceId": stack.demo["workspace_id"], "templateName": "campaign",
        "deliveryType": "3", "expiredSeconds": "3000", "taskName": "campaign",
        "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    answer = call(stack, "POST", "/api/v1/push/multiple/file", query, folder, data)
    if answer["code"] != "100":
        sys.exit(f"the file was refused: {answer}")
    return int(answer["data"])


def loaded(stack: Stack, task: int) -> int:
    """Return how many messages of the file's task were made."""
    database = Database(stack)
    [[count]] = database.query("SELECT message_count FROM pushcore_pushtask WHERE id = %s", task)
    database.close()
    return int(count)


_TEMPLATE = """
from pushcore.push import templates
from pushcore.models import Workspace
templates.create(Workspace.objects.get(), templates.TemplateDraft("campaign", "d", "Hello #name#", "Body"))
"""


def _report(rate: float, idle: Taken, beside: Taken | None) -> bool:
    rows = [_row(title, taken) for title, taken in idle.items()]
    figures: dict[str, float] = {"rate_per_s": rate}
    targets: dict[str, float] = {}
    for name in TRANSPORTS:
        taken = idle[f"call to device, {name}"]
        for figure, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
            figures[f"{name.lower()}_{figure}"] = round(percentile(taken, share), 2)
            targets[f"{name.lower()}_{figure}"] = _TARGETS[figure]
        if beside is not None:
            ratio = percentile(beside[f"call to device, {name}"], 0.99) / percentile(taken, 0.99)
            figures[f"{name.lower()}_p99_beside_campaign"] = round(ratio, 2)
            targets[f"{name.lower()}_p99_beside_campaign"] = _MOST_BESIDE_CAMPAIGN
    rows += [_row(f"{title}, beside a campaign", taken) for title, taken in (beside or {}).items()]
    return report("latency", rows, figures, targets)


_TARGETS = {"p50_ms": 20.0, "p99_ms": 100.0}
# Times the 99th percentile of the idle service.
_MOST_BESIDE_CAMPAIGN = 2.0


def _row(title: str, milliseconds: list[float]) -> dict[str, object]:
    shares = {"p50 ms": 0.5, "p90 ms": 0.9, "p99 ms": 0.99, "max ms": 1.0}
    return {"": title, "pushes": len(milliseconds)} | {
        head: f"{percentile(milliseconds, share):.1f}" for head, share in shares.items()
    }


def main() -> None:
    """Measure as the command line says; exits with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="API call to message on the device.")
    parser.add_argument("--rate", type=float, default=20.0, help="pushes a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long")
    parser.add_argument("--campaign", type=int, default=0, help="targets of a file that is pushed meanwhile")
    options = parser.parse_args()
    sys.exit(0 if measure(options.rate, options.seconds, options.campaign) else 1)


if __name__ == "__main__":
    main()
