"""HONOR Push, as an account of it is described to operators."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from channels_vendor.base.contract import VendorDescription
from channels_vendor.honor import options, payload
from channels_vendor.honor.client import HonorAdapter
from channels_vendor.honor.reports import read_reports
from pushcore.channels import Platform
from pushcore.push.vendor_options import as_text
from pushcore.security.account_fields import AccountField

VENDOR = VendorDescription(
    number=11,
    name=_("honor"),
    analysis_name="HONOR",
    title=_("HONOR Push"),
    company=_("HONOR"),
    platform=Platform.ANDROID,
    reports_arrival=True,
    categories=options.CATEGORIES,
    encode_transparent=as_text,
    fields=(
        AccountField("app_id", _("App ID")),
        AccountField("client_id", _("Client ID")),
        AccountField("client_secret", _("Client secret"), secret=True),
    ),
    open=HonorAdapter,
    shown=payload.shown,
    rate=3_000,
    console_url="https://developer.honor.com/cn/",
    console_path=_("Ecosystem services > App services > Push service"),
    read_reports=read_reports,
    report_answer=b'{"code":"0","message":"success"}',
)
