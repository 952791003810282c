"""Categories of Huawei and HarmonyOS."""

from __future__ import annotations

from tests.channels_vendor.payloads.bodies import RICH, harmonyos_body, huawei_message


def test_a_message_for_harmonyos_always_has_a_category() -> None:
    for changes, account, category in ((RICH, "IM", "WORK"), ({}, "IM", "IM"), ({}, "", "MARKETING")):
        body = harmonyos_body(account, **changes)
        assert body["payload"]["notification"]["category"] == category
        assert body["payload"]["notification"]["appMessageId"] == "1001"


def test_category_codes_of_the_cloud_become_the_vendors_names() -> None:
    options = {"thirdChannelCategory": {"hms": "9", "harmonyos": "12"}}
    message = huawei_message(vendor_options=options)
    body = harmonyos_body(vendor_options=options)
    assert message["android"]["category"] == "FINANCE"
    assert body["payload"]["notification"]["category"] == "CUSTOMER_SERVICE"
