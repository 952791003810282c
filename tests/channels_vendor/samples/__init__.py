"""The vendors that the contract suite runs for, a module for each."""

from __future__ import annotations

from tests.channels_vendor.samples import apns, fcm, harmonyos, honor, huawei, oppo, vivo, xiaomi
from tests.channels_vendor.samples.sample import Sample

__all__ = ["SAMPLES", "Sample"]

SAMPLES: list[Sample] = [
    *apns.SAMPLES,
    *fcm.SAMPLES,
    *huawei.SAMPLES,
    *harmonyos.SAMPLES,
    *xiaomi.SAMPLES,
    *oppo.SAMPLES,
    *vivo.SAMPLES,
    *honor.SAMPLES,
]
