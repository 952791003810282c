"""MiPush, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from channels_vendor.base.contract import AccountField, VendorDescription
from channels_vendor.xiaomi.client import XiaomiAdapter
from channels_vendor.xiaomi.reports import read_reports
from pushcore.channels import Channel

VENDOR = VendorDescription(
    channel=Channel.XIAOMI,
    label="Xiaomi MiPush",
    fields=(
        AccountField("package_name", "Package name"),
        AccountField("app_secret", "App secret", secret=True),
        AccountField("channel_id", "Channel ID", required=False, help_text="Of messages that name none."),
    ),
    open=XiaomiAdapter,
    # By daily actives: 500 below 100,000, up to 3,000.
    rate=500,
    read_reports=read_reports,
    max_report_url=128,
    report_answer=b"ok",
)
