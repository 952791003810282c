"""MiPush, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from channels_vendor.base.contract import Field, Vendor
from channels_vendor.xiaomi.client import XiaomiAdapter
from channels_vendor.xiaomi.receipts import read_receipts
from pushcore.channels import Channel

VENDOR = Vendor(
    channel=Channel.XIAOMI,
    label="Xiaomi MiPush",
    fields=(
        Field("package_name", "Package name"),
        Field("app_secret", "App secret", secret=True),
        Field("channel_id", "Channel ID", required=False, help_text="Of messages that name none."),
    ),
    open=XiaomiAdapter,
    # By daily actives: 500 below 100,000, up to 3,000.
    rate=500,
    read_receipts=read_receipts,
    max_receipt_url=128,
    receipt_answer=b"ok",
)
