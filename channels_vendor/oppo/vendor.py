"""OPPO Push, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from channels_vendor.base.contract import VendorDescription
from channels_vendor.oppo import options, payload
from channels_vendor.oppo.client import OppoAdapter
from channels_vendor.oppo.reports import read_reports
from channels_vendor.oppo.statuses import DEAD_TOKEN_STATUSES, STATUSES
from pushcore.channels import Platform
from pushcore.security.account_fields import AccountField

VENDOR = VendorDescription(
    number=7,
    name=_("oppo"),
    analysis_name="OPPO",
    title=_("OPPO Push"),
    company=_("OPPO"),
    platform=Platform.ANDROID,
    reports_arrival=True,
    statuses=STATUSES,
    dead_token_statuses=DEAD_TOKEN_STATUSES,
    categories=options.CATEGORIES,
    levels=options.LEVELS,
    check_options=options.check,
    fields=(
        AccountField("app_key", _("AppKey")),
        AccountField("master_secret", _("MasterSecret"), secret=True),
        AccountField("channel_id", _("Channel ID"), required=False, help_text=_("Of messages that name none.")),
        AccountField(
            "body_length",
            _("Length of bodies"),
            required=False,
            choices=payload.BODY_LENGTHS,
            help_text=_("What OPPO takes at most, in characters: its SDK says the first, its documents the second."),
        ),
        AccountField(
            "short_validity",
            _("Validity under an hour"),
            required=False,
            choices=(payload.AN_HOUR, payload.ONLINE_ONLY, payload.AS_IT_IS),
            help_text=_("What OPPO is asked for then: some apps are refused less than an hour."),
        ),
    ),
    open=OppoAdapter,
    shown=payload.shown,
    # By number of users: 5,000 to 30,000.
    rate=5_000,
    console_url="https://push.oppo.com/",
    console_path=_("Push management > App configuration"),
    knows_repeats=True,
    read_reports=read_reports,
    max_report_url=200,
)
