"""The vendors there are. A new one is a folder and one line here."""

from __future__ import annotations

from channels_vendor.apns.adapter import VENDOR as APNS
from channels_vendor.contract import Vendor
from channels_vendor.fcm.adapter import VENDOR as FCM
from pushcore.channels import Channel

VENDORS: dict[Channel, Vendor] = {
    vendor.channel: vendor
    for vendor in (
        APNS,
        FCM,
    )
}  # fmt: skip
