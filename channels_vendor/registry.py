"""The vendors there are. A new one is a folder and one line here."""

from __future__ import annotations

from channels_vendor.apns.adapter import VENDOR as APNS
from channels_vendor.base.contract import Vendor
from channels_vendor.fcm.adapter import VENDOR as FCM
from channels_vendor.harmonyos.adapter import VENDOR as HARMONYOS
from channels_vendor.honor.adapter import VENDOR as HONOR
from channels_vendor.huawei.adapter import VENDOR as HUAWEI
from channels_vendor.oppo.adapter import VENDOR as OPPO
from channels_vendor.vivo.adapter import VENDOR as VIVO
from channels_vendor.xiaomi.adapter import VENDOR as XIAOMI
from pushcore.channels import Channel

VENDORS: dict[Channel, Vendor] = {
    vendor.channel: vendor
    for vendor in (
        APNS,
        FCM,
        HUAWEI,
        HARMONYOS,
        XIAOMI,
        OPPO,
        VIVO,
        HONOR,
    )
}  # fmt: skip
