"""HONOR Push, as an account of it is described to operators."""

from __future__ import annotations

from channels_vendor.base.contract import AccountField, VendorDescription
from channels_vendor.honor.client import HonorAdapter
from channels_vendor.honor.reports import read_reports
from pushcore.channels import Channel

VENDOR = VendorDescription(
    channel=Channel.HONOR,
    label="HONOR Push",
    fields=(
        AccountField("app_id", "App ID"),
        AccountField("client_id", "Client ID"),
        AccountField("client_secret", "Client secret", secret=True),
    ),
    open=HonorAdapter,
    rate=3_000,
    read_reports=read_reports,
    report_answer=b'{"code":"0","message":"success"}',
)
