"""vivo Push, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

from channels_vendor.base import sentences
from channels_vendor.base.contract import VendorDescription
from channels_vendor.vivo import options, payload
from channels_vendor.vivo.client import VivoAdapter
from channels_vendor.vivo.reports import read_reports
from channels_vendor.vivo.statuses import DEAD_TOKEN_STATUSES, STATUSES
from pushcore.channels import Platform
from pushcore.security.account_fields import AccountField


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    app_id = values.get("app_id", "")
    return (
        {} if app_id.isascii() and app_id.isdigit() and len(app_id) <= 18 else {"app_id": sentences.APP_ID_IS_A_NUMBER}
    )


VENDOR = VendorDescription(
    number=8,
    name=_("vivo"),
    analysis_name="VIVO",
    title=_("vivo Push"),
    company=_("vivo"),
    platform=Platform.ANDROID,
    reports_arrival=True,
    statuses=STATUSES,
    dead_token_statuses=DEAD_TOKEN_STATUSES,
    categories=options.CATEGORIES,
    check_options=options.check,
    fields=(
        AccountField("app_id", _("AppID")),
        AccountField("app_key", _("AppKey")),
        AccountField("app_secret", _("AppSecret"), secret=True),
        AccountField(
            "text_width",
            _("Length of texts"),
            required=False,
            choices=(payload.BY_CHARACTER, payload.CHINESE_AS_TWO),
            help_text=_("How vivo counts a title (40) and a body (100). Older apps are held to the second."),
        ),
        AccountField(
            "max_ttl",
            _("Longest validity"),
            required=False,
            choices=tuple(payload.MAX_TTL),
            help_text=_("How long vivo keeps a message at most. Older apps are granted 7 days."),
        ),
    ),
    open=VivoAdapter,
    shown=payload.shown,
    # By number of users: 3,000 to 5,000.
    rate=3_000,
    console_url="https://push.vivo.com.cn/",
    console_path=_("App management > App info"),
    knows_repeats=True,
    # A call for each device, and one at a time on a connection.
    connections=64,
    validate=_validate,
    read_reports=read_reports,
    max_report_url=128,
)
