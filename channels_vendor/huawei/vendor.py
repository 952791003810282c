"""Huawei Push Kit, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

from channels_vendor.base import sentences
from channels_vendor.base.contract import VendorDescription
from channels_vendor.huawei import options, payload, service_account
from channels_vendor.huawei.client import HuaweiAdapter
from channels_vendor.huawei.reports import read_reports
from channels_vendor.huawei.statuses import DEAD_TOKEN_STATUSES, STATUSES
from pushcore.channels import Platform
from pushcore.push.vendor_options import as_text
from pushcore.security.account_fields import AccountField


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    """Require one of the two credentials."""
    if text := values.get("service_account"):
        problem = service_account.problem(text)
        return {"service_account": problem} if problem else reports_problem(values)
    if not values.get("app_secret"):
        return {"app_secret": sentences.SECRET_OR_ACCOUNT}
    return reports_problem(values)


def reports_problem(values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the values that verify reports.

    User name and key come together: with one of them, each report would be taken for forged.
    """
    missing = [entry.name for entry in REPORT_FIELDS if not values.get(entry.name)]
    return {missing[0]: sentences.TOGETHER} if len(missing) == 1 else {}


REPORT_FIELDS = (
    AccountField(
        "callback_user",
        _("Delivery report user name"),
        required=False,
        help_text=_("As set up at Huawei for delivery reports; with the key, reports are verified."),
    ),
    AccountField("callback_key", _("Delivery report key"), secret=True, required=False),
)

VENDOR = VendorDescription(
    number=5,
    name=_("huawei"),
    analysis_name="HMS",
    title=_("Huawei Push"),
    company=_("Huawei"),
    platform=Platform.ANDROID,
    reports_arrival=True,
    statuses=STATUSES,
    dead_token_statuses=DEAD_TOKEN_STATUSES,
    categories=options.CATEGORIES,
    levels=options.LEVELS,
    check_options=options.check,
    encode_transparent=as_text,
    big_text_parameter=True,
    fields=(
        AccountField("package_name", _("Package name"), required=False),
        AccountField("app_id", _("Client ID"), help_text=_("Of OAuth 2.0: the same number as the App ID.")),
        AccountField("app_secret", _("Client secret"), secret=True, required=False),
        AccountField(
            "service_account",
            _("Service account"),
            secret=True,
            required=False,
            multiline=True,
            help_text=_("Instead of the client secret: the JSON key file of a service account."),
        ),
        *REPORT_FIELDS,
    ),
    open=HuaweiAdapter,
    shown=payload.shown,
    rate=6_000,
    console_url="https://developer.huawei.com/consumer/en/service/josp/agc/index.html",
    console_path=_("My projects > Project settings > General information"),
    validate=_validate,
    read_reports=read_reports,
    report_answer=b'{"code":"0","message":"success"}',
)
