"""MiPush, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from channels_vendor.base.contract import VendorDescription
from channels_vendor.xiaomi import payload
from channels_vendor.xiaomi.client import XiaomiAdapter
from channels_vendor.xiaomi.reports import read_reports
from channels_vendor.xiaomi.statuses import DEAD_TOKEN_STATUSES, STATUSES
from pushcore.channels import Platform
from pushcore.security.account_fields import AccountField

VENDOR = VendorDescription(
    number=4,
    name=_("xiaomi"),
    analysis_name="MIUI",
    title=_("Xiaomi MiPush"),
    company=_("Xiaomi"),
    platform=Platform.ANDROID,
    reports_arrival=True,
    statuses=STATUSES,
    dead_token_statuses=DEAD_TOKEN_STATUSES,
    big_text_parameter=True,
    fields=(
        AccountField("package_name", _("Package name")),
        AccountField("app_secret", _("AppSecret"), secret=True),
        AccountField("channel_id", _("Channel ID"), required=False, help_text=_("Of messages that name none.")),
    ),
    open=XiaomiAdapter,
    shown=payload.shown,
    # By daily actives: 500 below 100,000, up to 3,000.
    rate=500,
    console_url="https://admin.xmpush.xiaomi.com/",
    console_path=_("App management > App info"),
    read_reports=read_reports,
    max_report_url=128,
    report_answer=b"ok",
)
