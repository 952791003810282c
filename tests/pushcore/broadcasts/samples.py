"""A broadcast for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pushcore.models import Device, PushTask
from pushcore.push.requests import BroadcastPush

RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
NEWS = BroadcastPush(
    delivery_type=1, expired_seconds=300, task_name="t", template_name="news", msgkey="b1",
    template_key_value={"content": "tea"},
)  # fmt: skip
Fleet = Callable[..., list[Device]]
