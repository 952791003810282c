"""The states of a client."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """What a client is doing.

    `REFUSED` and `REPLACED` make no more attempts until the app starts the client again.
    """

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    REFUSED = "refused"
    REPLACED = "replaced"


class State(NamedTuple):
    """A client's state.

    Attributes:
        status: What it is doing.
        reason: Why, in words; empty where nothing went wrong.
        seconds: How long it waits before the next attempt; only while waiting.
    """

    status: Status
    reason: str = ""
    seconds: float | None = None
