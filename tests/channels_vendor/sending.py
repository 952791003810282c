"""Pushes to devices of vendors in tests, and the sender's work."""

from __future__ import annotations

import time
from collections.abc import Callable

from channels_vendor.dispatch import sender
from pushcore.channels import Channel
from pushcore.models import PushTask, Workspace

# Pushes to targets (the fixture `send`).
Send = Callable[..., PushTask]


def work(workspace: Workspace, channel: Channel = Channel.FCM) -> int:
    """Send what is due of an account; returns how many messages that was."""
    return sender.send_due(workspace.pk, channel, budget_seconds=5)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
