"""Custom data: what the app gets at each vendor beside the texts that are shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.channels_vendor.payloads.bodies import (
    apns_request,
    fcm_message,
    harmonyos_body,
    honor_body,
    huawei_message,
    oppo_message,
    vivo_message,
    xiaomi_form,
)
from tests.support import device_schemas


def _harmonyos_data(**changes: Any) -> dict[str, Any]:
    body = harmonyos_body(**changes)
    shown = body["payload"].get("notification")
    return dict(shown["clickAction"]["data"] if shown else json.loads(body["payload"]["extraData"]))


CUSTOM_DATA: dict[str, Any] = {
    "apns": lambda **changes: apns_request(**changes)[0],
    "fcm": lambda **changes: fcm_message(**changes)["data"],
    "huawei": lambda **changes: json.loads(huawei_message(**changes)["data"]),
    "honor": lambda **changes: json.loads(honor_body(**changes)["data"]),
    "harmonyos": _harmonyos_data,
    "xiaomi": lambda **changes: json.loads(xiaomi_form(**changes)["payload"]),
    "oppo": lambda **changes: json.loads(oppo_message(**changes)["notification"]["action_parameters"]),
    "vivo": lambda **changes: json.loads(vivo_message(**changes)["clientCustomMap"]["data"]),
}
# Names that this service or the vendor gives a meaning.
RESERVED = {
    "style": "dark", "k": "v", "msgKey": "mine", "url": "https://mine", "title": "t", "content": "c", "image": "i",
    "params": "p", "channelId": "ch",
}  # fmt: skip
RESERVED_BY_VENDOR = {"fcm": {"from": "me", "google.x": "1", "gcm.y": "2", "collapse_key": "z"}, "apns": {"aps": "{}"}}


@pytest.mark.parametrize("vendor", CUSTOM_DATA)
@pytest.mark.parametrize("silent", [False, True])
def test_extension_parameters_with_reserved_names_reach_the_app_under_params(vendor: str, silent: bool) -> None:
    if silent and vendor in ("oppo", "vivo"):
        pytest.skip("sends no silent messages")
    kept, others = RESERVED_BY_VENDOR.get(vendor, {}), {"order": "42", "from_x": "7"}
    custom_data = CUSTOM_DATA[vendor](params=RESERVED | kept | others, url="https://shop.example/1", silent=silent)
    assert json.loads(custom_data["params"]) == RESERVED | kept
    assert others.items() <= custom_data.items()
    assert (custom_data["k"], custom_data["msgKey"], custom_data["url"], custom_data["style"]) == (
        "1001", "key-1", "https://shop.example/1", "0",
    )  # fmt: skip
    # Names that only another vendor reserves are plain ones here.
    foreign: dict[str, str] = {}
    for other in RESERVED_BY_VENDOR.keys() - {vendor}:
        foreign |= RESERVED_BY_VENDOR[other]
    assert foreign.items() <= CUSTOM_DATA[vendor](params=foreign, silent=silent).items()


@pytest.mark.parametrize("vendor", CUSTOM_DATA)
def test_custom_data_are_as_the_devices_protocol_says(vendor: str) -> None:
    rich = {"params": RESERVED, "vendor_options": {"channelId": "orders"}, "url": "app://page", "opens_page": True}
    for changes in ({}, rich, {"silent": True} if vendor not in ("oppo", "vivo") else {}):
        data = CUSTOM_DATA[vendor](**changes)
        device_schemas.check("vendor-data", {name: value for name, value in data.items() if name != "aps"})


@pytest.mark.parametrize("vendor", CUSTOM_DATA)
def test_extension_parameters_with_other_names_are_not_nested(vendor: str) -> None:
    custom_data = CUSTOM_DATA[vendor](params={"order": "42"}, vendor_options={"channelId": "orders"})
    assert custom_data["order"] == "42"
    assert "params" not in custom_data
    # The app gets it too, for vendors without a field for it.
    assert custom_data["channelId"] == "orders"
