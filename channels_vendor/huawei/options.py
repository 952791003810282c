"""What requests may ask of Huawei: values of vendor options (help.aliyun.com, documents 436435 and 2835878)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_vendor.base.options import by_code
from pushcore.channels import Channel
from pushcore.push.vendor_options import category, transparent_payload

# Of pass-through messages only.
_PLAY_VOICE = "PLAY_VOICE"

CATEGORIES = by_code(
    "IM", "VOIP", "SUBSCRIPTION", "TRAVEL", "HEALTH", "WORK", "ACCOUNT", "EXPRESS", "FINANCE", "DEVICE_REMINDER",
    "SYSTEM_REMINDER", "MAIL", _PLAY_VOICE, "MARKETING",
)  # fmt: skip

# Its importance.
LEVELS = by_code("LOW", "NORMAL")


def check(options: Mapping[str, Any]) -> str:
    """Return what is wrong with a request's options for Huawei, or nothing."""
    huawei = Channel.HUAWEI
    if category(options, huawei) == _PLAY_VOICE and not transparent_payload(options, huawei):
        return f"thirdChannelCategory: {_PLAY_VOICE} is for messages handed through (transparentMessagePayload)"
    return ""
