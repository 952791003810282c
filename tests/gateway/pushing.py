"""Pushing to a device of a test, and waiting for what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from pushcore.devices.registry import KnownDevice
from pushcore.models import Message, PushTask, Workspace
from pushcore.push import pushes, requests
from tests.gateway.conftest import RunningGateway


def send(
    workspace: Workspace, target: str, msgkey: str, *, delivery_type: int = 1, expired_seconds: int = 300
) -> Message:
    """Push to one target; returns the message's row."""
    request = requests.SimplePush(
        task_name="t", title="Title", content="Content", delivery_type=delivery_type, target_msgkey={target: msgkey},
        expired_seconds=expired_seconds,
    )  # fmt: skip
    task = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
    return Message.objects.get(task=task)


def status_of(message: Message) -> int:
    return Message.objects.values_list("status", flat=True).get(pk=message.pk)


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> bool:
    """Whether the condition came to hold in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def flood(gateway: RunningGateway, device: KnownDevice) -> None:
    """Write some megabytes to a device, little by little: more than the kernel keeps for one that does not read."""
    session = gateway.session_of(device)
    now_ms = int(time.time() * 1000)
    for message_id in range(1, 41):
        gateway.call(partial(session.deliver, message_id, bytes(200_000), now_ms + 60_000, False, now_ms))
        time.sleep(0.01)
