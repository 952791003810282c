"""`make bench-latency`: from a backend's API call to the message on the device.

Starts the whole service in a temporary directory, connects one device over TCP and one over WebSocket, and pushes to
them alternately at a steady rate. The published Python package signs and makes the calls, and its own time counts. A
latency lasts from just before the call until the device's client hands over the message, by one clock.
"""

from __future__ import annotations

import argparse
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


def measure(rate: float, seconds: float) -> bool:
    """Run the benchmark; returns whether every target is met."""
    with (
        tempfile.TemporaryDirectory(prefix="mps-bench-") as directory,
        Stack(Path(directory) / "var", MPS_LOG_LEVEL="WARNING") as stack,
    ):
        devices = {
            name: TimedDevice(stack.demo, transport=transport).connect() for name, transport in TRANSPORTS.items()
        }
        backend = Backend(stack.demo)
        pushed: dict[str, list[str]] = {name: [] for name in devices}
        with ThreadPoolExecutor(8) as callers:
            start = time.perf_counter()
            for number in range(WARM_UP + int(rate * seconds)):
                time.sleep(max(0.0, start + number / rate - time.perf_counter()))
                name = list(devices)[number % len(devices)]
                key = f"{number}"
                callers.submit(backend.push, devices[name].ad_token, key)
                if number >= WARM_UP:
                    pushed[name].append(key)
        for name, device in devices.items():
            keys = set(pushed[name])
            if not device.wait(lambda keys=keys, device=device: keys <= set(device.arrived), 30):  # type: ignore[misc]
                sys.exit(f"{len(keys - set(device.arrived))} messages did not arrive over {name}")
            device.disconnect()
    return _report(rate, devices, backend, pushed)


def _report(rate: float, devices: dict[str, TimedDevice], backend: Backend, pushed: dict[str, list[str]]) -> bool:
    rows: list[dict[str, object]] = []
    figures: dict[str, float] = {}
    for name, device in devices.items():
        taken = [(device.arrived[key] - backend.called[key]) * 1000 for key in pushed[name]]
        rows.append(_row(f"call to device, {name}", taken))
        figures[f"{name.lower()}_p50_ms"] = round(percentile(taken, 0.5), 2)
        figures[f"{name.lower()}_p99_ms"] = round(percentile(taken, 0.99), 2)
    keys = [key for name in pushed for key in pushed[name]]
    rows.append(_row("call to answer", [(backend.answered[key] - backend.called[key]) * 1000 for key in keys]))
    targets = {f"{name.lower()}_{figure}": limit for name in devices for figure, limit in _TARGETS.items()}
    figures["rate_per_s"] = rate
    return report("latency", rows, figures, targets)


_TARGETS = {"p50_ms": 20.0, "p99_ms": 100.0}


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
    options = parser.parse_args()
    sys.exit(0 if measure(options.rate, options.seconds) else 1)


if __name__ == "__main__":
    main()
