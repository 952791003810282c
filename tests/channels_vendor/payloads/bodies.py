"""Bodies that the adapters make, for a message with id 1001, task id 7 and msgkey `key-1`."""

from __future__ import annotations

import json
from typing import Any

from channels_vendor.apns import payload as apns
from channels_vendor.base.contract import Account
from channels_vendor.base.delivery import Delivery, Style
from channels_vendor.fcm import payload as fcm
from channels_vendor.harmonyos import payload as harmonyos
from channels_vendor.honor import payload as honor
from channels_vendor.huawei import payload as huawei
from channels_vendor.oppo import payload as oppo
from channels_vendor.vivo import payload as vivo
from channels_vendor.xiaomi import payload as xiaomi
from pushcore.channels import Channel
from tests.channels_vendor.conftest import notification

ACCOUNT = Account(1, Channel.XIAOMI, {"package_name": "com.example", "app_id": "10004"}, report_url="https://x/r/k")
# A notification with every wish that a vendor may have a field for.
RICH: dict[str, Any] = {
    "style": Style.RICH, "image": "https://x/i.png", "icon": "https://x/c.png", "badge": 5, "badge_class": "com.Main",
    "sound": "/raw/ding", "url": "https://shop.example/1", "params": {"order": "42"},
    "vendor_options": {
        "channelId": "orders", "miChannelId": "104", "classification": "1",
        "thirdChannelCategory": {
            "hms": "EXPRESS", "oppo": "ORDER", "vivo": "ORDER", "honor": "LOW", "harmonyos": "WORK"
        },
        "notifyLevel": {"oppo": "2"},
    },
}  # fmt: skip


def delivery(**changes: Any) -> Delivery:
    """Return a delivery to the token `tok`; `changes` override the notification's fields, here and below."""
    return Delivery(1001, 1, "tok", "key-1", notification(**changes))


def apns_request(**changes: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the body and the headers for APNs."""
    one = delivery(**changes)
    parts = apns.request_template(one.notification, "com.example.shop", one.msgkey)
    assert parts is not None
    return json.loads(parts.template.render(one)), dict(header.split(": ", 1) for header in parts.headers)


def fcm_message(**changes: Any) -> dict[str, Any]:
    """Return the message for FCM without its token."""
    one = delivery(**changes)
    template = fcm.template_of(one.notification, one.msgkey)
    assert template is not None
    message = json.loads(template.render(one))["message"]
    assert message.pop("token") == "tok"
    return dict(message)


def huawei_message(**changes: Any) -> dict[str, Any]:
    """Return the message for Huawei without its tokens."""
    body = huawei.body_of(notification(**changes), "1001", "key-1")
    assert body is not None
    return dict(body["message"])


def harmonyos_body(category: str = "", **changes: Any) -> dict[str, Any]:
    """Return the body for HarmonyOS without its tokens; `category` is the account's default."""
    body = harmonyos.body_of(notification(**changes), category, "1001", "key-1")
    assert body is not None
    return body


def honor_body(**changes: Any) -> dict[str, Any]:
    """Return the body for Honor without its tokens."""
    body = honor.body_of(notification(**changes), "1001", "key-1")
    assert body is not None
    return body


def xiaomi_form(**changes: Any) -> dict[str, str]:
    """Return the form's fields for Xiaomi."""
    return xiaomi.fields_of(notification(**changes), ACCOUNT, "1001", "key-1")


def oppo_message(values: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """Return one message of a call to OPPO; `values` are further values of the account."""
    one = delivery(**changes)
    account = Account(1, Channel.OPPO, values or {}, report_url=ACCOUNT.report_url)
    return dict(json.loads(oppo.template_of(one.notification, account).render(one, oppo.data_of(one))))


def vivo_message(values: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """Return the message for vivo; `values` are further values of the account."""
    one = delivery(**changes)
    account = Account(1, Channel.VIVO, {"app_id": "10004", **(values or {})}, report_url=ACCOUNT.report_url)
    return dict(json.loads(vivo.template_of(one.notification, account).render(one, vivo.data_of(one))))
