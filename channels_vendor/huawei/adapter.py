"""Huawei Push Kit, as an account of it is described to operators (source document, 6.6)."""

from __future__ import annotations

from collections.abc import Mapping

from channels_vendor.base.contract import Field, Vendor
from channels_vendor.huawei import service_account
from channels_vendor.huawei.client import HuaweiAdapter
from channels_vendor.huawei.receipts import read_receipts
from pushcore.channels import Channel


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    """One of the two credentials."""
    if text := values.get("service_account"):
        problem = service_account.problem(text)
        return {"service_account": problem} if problem else receipts_problem(values)
    if not values.get("app_secret"):
        return {"app_secret": "the app secret or a service account is needed"}
    return receipts_problem(values)


def receipts_problem(values: Mapping[str, str]) -> dict[str, str]:
    """Receipts are signed with user name and key together: with one of them, each would be taken for forged."""
    missing = [entry.name for entry in RECEIPT_FIELDS if not values.get(entry.name)]
    return {missing[0]: "user name and key come together"} if len(missing) == 1 else {}


RECEIPT_FIELDS = (
    Field(
        "callback_user",
        "Receipt user name",
        required=False,
        help_text="As set up at Huawei for receipts; with the key, receipts are verified.",
    ),
    Field("callback_key", "Receipt key", secret=True, required=False),
)

VENDOR = Vendor(
    channel=Channel.HUAWEI,
    label="Huawei Push",
    fields=(
        Field("package_name", "Package name", required=False),
        Field("app_id", "App ID"),
        Field("app_secret", "App secret", secret=True, required=False),
        Field(
            "service_account",
            "Service account",
            secret=True,
            required=False,
            help_text="Instead of the app secret: the JSON key file of a service account.",
        ),
        *RECEIPT_FIELDS,
    ),
    open=HuaweiAdapter,
    rate=6_000,
    validate=_validate,
    read_receipts=read_receipts,
    receipt_answer=b'{"code":"0","message":"success"}',
)
