"""The simulated vendors there are. A new one is a file and one line here."""

from __future__ import annotations

from channels_vendor.simulator.apns import ApnsDesk
from channels_vendor.simulator.fcm import FcmDesk, FcmLegacyDesk
from channels_vendor.simulator.honor import HonorDesk
from channels_vendor.simulator.huawei import HarmonyDesk, HuaweiDesk
from channels_vendor.simulator.oppo import OppoDesk
from channels_vendor.simulator.simulated_vendor import Desk
from channels_vendor.simulator.vivo import VivoDesk
from channels_vendor.simulator.xiaomi import XiaomiDesk

DESKS: tuple[type[Desk], ...] = (
    ApnsDesk,
    FcmDesk,
    FcmLegacyDesk,
    HuaweiDesk,
    HarmonyDesk,
    XiaomiDesk,
    OppoDesk,
    VivoDesk,
    HonorDesk,
)  # fmt: skip
