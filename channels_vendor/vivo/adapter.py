"""vivo Push, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from channels_vendor.contract import Field, Vendor
from channels_vendor.vivo.client import VivoAdapter
from channels_vendor.vivo.receipts import read_receipts
from pushcore.channels import Channel

VENDOR = Vendor(
    channel=Channel.VIVO,
    label="vivo Push",
    fields=(
        Field("app_id", "App ID"),
        Field("app_key", "App key"),
        Field("app_secret", "App secret", secret=True),
    ),
    open=VivoAdapter,
    # By number of users: 3,000 to 5,000.
    rate=3_000,
    # A call for each device, and one at a time on a connection.
    connections=64,
    read_receipts=read_receipts,
    max_receipt_url=128,
)
