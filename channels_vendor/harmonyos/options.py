"""What requests may ask of HarmonyOS: values of vendor options (help.aliyun.com, documents 436435 and 2835878)."""

from __future__ import annotations

from channels_vendor.base.options import as_named, by_code

CATEGORIES = by_code(
    "IM", "VOIP", "SUBSCRIPTION", "TRAVEL", "HEALTH", "WORK", "ACCOUNT", "EXPRESS", "FINANCE", "DEVICE_REMINDER",
    "MAIL", "CUSTOMER_SERVICE", "MARKETING",
) | as_named("MISS_CALL")  # fmt: skip
