"""Push Kit for HarmonyOS, as an account of it is described to operators."""

from __future__ import annotations

from collections.abc import Mapping

from channels_vendor.base.contract import Field, Vendor
from channels_vendor.harmonyos.client import HarmonyAdapter
from channels_vendor.huawei import service_account
from channels_vendor.huawei.adapter import RECEIPT_FIELDS, receipts_problem
from channels_vendor.huawei.receipts import read_receipts
from pushcore.channels import Channel


def _validate(values: Mapping[str, str]) -> dict[str, str]:
    problem = service_account.problem(values.get("service_account", ""))
    return {"service_account": problem} if problem else receipts_problem(values)


VENDOR = Vendor(
    channel=Channel.HARMONYOS,
    label="Huawei HarmonyOS Push",
    fields=(
        Field("service_account", "Service account", secret=True, help_text="The JSON key file of a service account."),
        Field(
            "category",
            "Category",
            required=False,
            help_text="Of messages that name none (IM, SUBSCRIPTION, EXPRESS, ...); empty: MARKETING.",
        ),
        Field("algorithm", "Signature", required=False, choices=("PS256", "RS256")),
        *RECEIPT_FIELDS,
    ),
    open=HarmonyAdapter,
    rate=6_000,
    validate=_validate,
    read_receipts=read_receipts,
    receipt_answer=b'{"code":"0","message":"success"}',
)
