"""The vendors there are. A new one is a folder and one line here."""

from __future__ import annotations

from channels_vendor.apns.vendor import VENDOR as APNS
from channels_vendor.base.contract import VendorDescription
from channels_vendor.fcm.vendor import VENDOR as FCM
from channels_vendor.harmonyos.vendor import VENDOR as HARMONYOS
from channels_vendor.honor.vendor import VENDOR as HONOR
from channels_vendor.huawei.vendor import VENDOR as HUAWEI
from channels_vendor.oppo.vendor import VENDOR as OPPO
from channels_vendor.vivo.vendor import VENDOR as VIVO
from channels_vendor.xiaomi.vendor import VENDOR as XIAOMI
from pushcore.channels import Channel

VENDORS: dict[Channel, VendorDescription] = {
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
