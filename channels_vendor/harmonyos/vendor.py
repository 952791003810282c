"""Push Kit for HarmonyOS, as an account of it is described to operators."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

from channels_vendor.base.contract import VendorDescription
from channels_vendor.harmonyos import options, payload
from channels_vendor.harmonyos.client import HarmonyAdapter
from channels_vendor.huawei import service_account
from channels_vendor.huawei.reports import read_reports
from channels_vendor.huawei.vendor import REPORT_FIELDS, reports_problem
from pushcore.channels import Platform
from pushcore.push.vendor_options import as_text
from pushcore.security.account_fields import AccountField


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    problem = service_account.problem(values.get("service_account", ""))
    return {"service_account": problem} if problem else reports_problem(values)


VENDOR = VendorDescription(
    number=13,
    name=_("harmonyos"),
    analysis_name="HARMONYOS",
    title=_("Huawei HarmonyOS Push"),
    company=_("HarmonyOS"),
    platform=Platform.HARMONYOS,
    reports_arrival=True,
    categories=options.CATEGORIES,
    encode_transparent=as_text,
    fields=(
        AccountField(
            "service_account",
            _("Service account"),
            secret=True,
            multiline=True,
            help_text=_("The JSON key file of a service account."),
        ),
        AccountField(
            "category",
            _("Category"),
            required=False,
            help_text=_("Of messages that name none (IM, SUBSCRIPTION, EXPRESS, ...); empty: MARKETING."),
        ),
        AccountField("algorithm", _("Signature"), required=False, choices=("PS256", "RS256")),
        *REPORT_FIELDS,
    ),
    open=HarmonyAdapter,
    shown=payload.shown,
    rate=6_000,
    console_url="https://developer.huawei.com/consumer/en/console",
    console_path=_("API Console > Credentials > Service account key"),
    validate=_validate,
    read_reports=read_reports,
    report_answer=b'{"code":"0","message":"success"}',
)
