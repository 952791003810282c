"""A device of the message push service.

`PushClient` is the client, `AsyncPushClient` the one for asyncio; `Config` says where the service is, `Store` is what
the device keeps.
"""

from mps_device.aio import AsyncPushClient
from mps_device.client import PushClient
from mps_device.clock import Clock, ManualClock, SystemClock
from mps_device.config import Config
from mps_device.errors import (
    ConfigError,
    ConsentError,
    NotRunningError,
    PushError,
    RefusedError,
    StoreInUseError,
)
from mps_device.inbox import InboxMessage, InboxPage
from mps_device.messages import Message
from mps_device.state import State, Status
from mps_device.store import Store

__all__ = [
    "AsyncPushClient",
    "Clock",
    "Config",
    "ConfigError",
    "ConsentError",
    "InboxMessage",
    "InboxPage",
    "ManualClock",
    "Message",
    "NotRunningError",
    "PushClient",
    "PushError",
    "RefusedError",
    "State",
    "Status",
    "Store",
    "StoreInUseError",
    "SystemClock",
]
__version__ = "0.1.0"
