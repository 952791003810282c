"""HONOR Push, as an account of it is described to operators."""

from __future__ import annotations

from channels_vendor.base.contract import Field, Vendor
from channels_vendor.honor.client import HonorAdapter
from channels_vendor.honor.receipts import read_receipts
from pushcore.channels import Channel

VENDOR = Vendor(
    channel=Channel.HONOR,
    label="HONOR Push",
    fields=(
        Field("app_id", "App ID"),
        Field("client_id", "Client ID"),
        Field("client_secret", "Client secret", secret=True),
    ),
    open=HonorAdapter,
    rate=3_000,
    read_receipts=read_receipts,
    receipt_answer=b'{"code":"0","message":"success"}',
)
