"""OPPO Push, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from channels_vendor.base.contract import AccountField, VendorDescription
from channels_vendor.oppo import options, payload
from channels_vendor.oppo.client import OppoAdapter
from channels_vendor.oppo.reports import read_reports
from channels_vendor.oppo.statuses import DEAD_TOKEN_STATUSES, STATUSES
from pushcore.channels import Platform

VENDOR = VendorDescription(
    number=7,
    name="oppo",
    analysis_name="OPPO",
    title="OPPO Push",
    platform=Platform.ANDROID,
    reports_arrival=True,
    statuses=STATUSES,
    dead_token_statuses=DEAD_TOKEN_STATUSES,
    categories=options.CATEGORIES,
    levels=options.LEVELS,
    check_options=options.check,
    fields=(
        AccountField("app_key", "App key"),
        AccountField("master_secret", "Master secret", secret=True),
        AccountField("channel_id", "Channel ID", required=False, help_text="Of messages that name none."),
        AccountField(
            "body_length",
            "Length of bodies",
            required=False,
            choices=payload.BODY_LENGTHS,
            help_text="What OPPO takes at most, in characters: its SDK says the first, its documents the second.",
        ),
        AccountField(
            "short_validity",
            "Validity under an hour",
            required=False,
            choices=(payload.AN_HOUR, payload.ONLINE_ONLY, payload.AS_IT_IS),
            help_text="What OPPO is asked for then: some apps are refused less than an hour.",
        ),
    ),
    open=OppoAdapter,
    # By number of users: 5,000 to 30,000.
    rate=5_000,
    knows_repeats=True,
    read_reports=read_reports,
    max_report_url=200,
)
