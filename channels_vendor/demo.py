"""The demo's accounts at simulated vendors, and a message through each of them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from channels_vendor.accounts import in_use
from channels_vendor.accounts.app_values import enter
from channels_vendor.models import VendorAccount, VendorMessage
from channels_vendor.registry import VENDORS, demo_account, demo_token
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.devices import client_requests, registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, PushTask, Workspace
from pushcore.push import pushes, requests
from pushcore.storage import ids

WAIT_SECONDS = 60.0
_LOCAL = "http://127.0.0.1:"


class DemoResult(NamedTuple):
    """What became of a message: `text` for people, `succeeded` where it was accepted and has arrived."""

    channel: Channel
    text: str
    succeeded: bool


def show(
    workspace: Workspace,
    url: str,
    simulated_vendors: Mapping[str, SimulatedVendor],
    stop: threading.Event | None = None,
) -> Iterator[DemoResult]:
    """Set up an account at each simulated vendor, push a message through each, and yield what became of it.

    An account an operator has made is left alone.

    Args:
        workspace: The demo's.
        url: Where the simulated vendors listen.
        simulated_vendors: The simulated vendors, by name.
        stop: Ends the waiting once it is set.
    """
    stop = stop or threading.Event()
    tasks = {}
    for channel in VENDORS:
        if channel.label not in simulated_vendors:
            continue
        row = _account(workspace, channel, url, simulated_vendors)
        if row is None:
            yield DemoResult(channel, "left alone: the workspace has an account of its own", succeeded=True)
        else:
            in_use.forget()
            tasks[channel] = _push(workspace, channel)
    deadline = time.monotonic() + WAIT_SECONDS
    for channel, task in tasks.items():
        while not (told := _result_of(channel, task)).succeeded and time.monotonic() < deadline and not stop.is_set():
            stop.wait(0.1)
        yield told


def _account(
    workspace: Workspace, channel: Channel, url: str, simulated_vendors: Mapping[str, SimulatedVendor]
) -> VendorAccount | None:
    """Make the demo's account or bring it up to date; None where an operator has made one.

    Delivery reports are set up at vendors that take their address from their own console.
    """
    row = VendorAccount.objects.filter(workspace=workspace, channel=channel).first()
    if row is not None and not row.base_url.startswith(_LOCAL):
        return None
    row, simulated = row or VendorAccount(workspace=workspace, channel=channel), simulated_vendors[channel.label]
    values = demo_account(channel) or {}
    enter(row, values)
    row.base_url, row.auth_url = url, url + simulated.credential_path if simulated.credential_path else ""
    row.enabled, row.stopped_at, row.stopped_reason, row.stopped_after = True, None, "", 0
    row.save()
    simulated.script.report_url = row.report_url
    simulated.script.report_user, simulated.script.report_key = (
        values.get("callback_user", ""),
        values.get("callback_key", ""),
    )
    return row


def _push(workspace: Workspace, channel: Channel) -> PushTask:
    """Push one message to the demo's device of the vendor."""
    token = demo_token(channel, hashlib.sha256(f"demo-{channel.label}".encode()).hexdigest())
    platform = VENDORS[channel].platform or Platform.ANDROID
    known = Device.objects.filter(workspace=workspace, third_channel=channel, third_token=token).first()
    if known is None:
        device, _ = registry.register([(workspace, DeviceInfo(platform, "demo", channel.label))])[0]
        client_requests.report(device.id, channel, token)
        known = Device.objects.get(pk=device.id)
    request = requests.SimplePush(
        task_name=f"demo: {channel.label}",
        title="Hello",
        content=f"A message by way of {channel.label}.",
        delivery_type=platform.value,
        expired_seconds=600,
        target_msgkey={token if platform == Platform.IOS else known.ad_token: str(ids.new_ids(1)[0])},
    )
    return pushes.accept(workspace, request, source=PushTask.Source.CONSOLE, author="demo")


def _result_of(channel: Channel, task: PushTask) -> DemoResult:
    message = task.own_messages().get()
    row = VendorMessage.objects.filter(message_id=message.pk).first()
    if message.status != statuses.ACKED or row is None:
        return DemoResult(channel, f"status {message.status} {row.vendor_code if row else ''}".strip(), succeeded=False)
    arrived = "no delivery report came"
    if message.arrived_at is not None:
        arrived = "arrived (delivery report)" if channel.reports_arrival else "arrived (as soon as accepted)"
    text = f"status {message.status}, accepted as {row.vendor_id}, {arrived}"
    return DemoResult(channel, text, succeeded=message.arrived_at is not None)
