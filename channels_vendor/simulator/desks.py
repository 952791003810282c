"""The simulated vendors there are. A new one is a file and one line here."""

from __future__ import annotations

from channels_vendor.simulator.apns import ApnsDesk
from channels_vendor.simulator.desk import Desk
from channels_vendor.simulator.fcm import FcmDesk

DESKS: tuple[type[Desk], ...] = (
    ApnsDesk,
    FcmDesk,
)  # fmt: skip
