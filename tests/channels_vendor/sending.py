"""Pushes to devices of vendors in tests, and the sender's work."""

from __future__ import annotations

from collections.abc import Callable

from channels_vendor.dispatch import sender
from pushcore.channels import Channel
from pushcore.models import PushTask, Workspace

# Pushes to targets (the fixture `send`).
Send = Callable[..., PushTask]


def work(workspace: Workspace, channel: Channel = Channel.FCM) -> int:
    """Send what is due of an account; returns how many messages that was."""
    return sender.send_due(workspace.pk, channel, budget_seconds=5)
