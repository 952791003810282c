"""The simulated vendors there are. A new one is a file and one line here."""

from __future__ import annotations

from channels_vendor.simulator.apns import SimulatedApns
from channels_vendor.simulator.fcm import SimulatedFcm, SimulatedLegacyFcm
from channels_vendor.simulator.honor import SimulatedHonor
from channels_vendor.simulator.huawei import SimulatedHarmonyos, SimulatedHuawei
from channels_vendor.simulator.oppo import SimulatedOppo
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from channels_vendor.simulator.vivo import SimulatedVivo
from channels_vendor.simulator.xiaomi import SimulatedXiaomi

SIMULATED_VENDORS: tuple[type[SimulatedVendor], ...] = (
    SimulatedApns,
    SimulatedFcm,
    SimulatedLegacyFcm,
    SimulatedHuawei,
    SimulatedHarmonyos,
    SimulatedXiaomi,
    SimulatedOppo,
    SimulatedVivo,
    SimulatedHonor,
)  # fmt: skip
