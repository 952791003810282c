"""Channels: the ways a message can take to a device, and the platforms a device can be of.

Numbers of `Channel` are the `thirdChannel` values of the API (source document, chapter 8.1, and API version
2020-10-28); 0 is ours: the self-built channel.
"""

from __future__ import annotations

from django.db import models


class Platform(models.IntegerChoices):
    """A device's operating system; the numbers of `osType` and of `deliveryType` for device pushes."""

    ANDROID = 1, "android"
    IOS = 2, "ios"
    HARMONYOS = 7, "harmonyos"


class Channel(models.IntegerChoices):
    """The label is the name status codes are looked up by (`pushcore.codes.statuses`)."""

    SELF_BUILT = 0, "common"
    APNS = 2, "apns"
    XIAOMI = 4, "xiaomi"
    HUAWEI = 5, "huawei"
    FCM = 6, "fcm"
    OPPO = 7, "oppo"
    VIVO = 8, "vivo"
    HONOR = 11, "honor"
    HARMONYOS = 13, "harmonyos"


# Vendors' channels, and the platform whose devices each reaches.
PLATFORMS: dict[int, Platform] = {
    Channel.APNS: Platform.IOS,
    Channel.XIAOMI: Platform.ANDROID,
    Channel.HUAWEI: Platform.ANDROID,
    Channel.FCM: Platform.ANDROID,
    Channel.OPPO: Platform.ANDROID,
    Channel.VIVO: Platform.ANDROID,
    Channel.HONOR: Platform.ANDROID,
    Channel.HARMONYOS: Platform.HARMONYOS,
}

# These say later, in a receipt of their own, that a message arrived; of the others an accepted message has.
SAYS_ARRIVED = frozenset({Channel.XIAOMI, Channel.HUAWEI, Channel.OPPO, Channel.VIVO, Channel.HONOR, Channel.HARMONYOS})

# How analysis and the console name a channel (source document, chapter 6.2).
ANALYSIS_NAMES: dict[Channel, str] = {
    Channel.SELF_BUILT: "ANDROID",
    Channel.APNS: "IOS",
    Channel.FCM: "FCM",
    Channel.HUAWEI: "HMS",
    Channel.XIAOMI: "MIUI",
    Channel.OPPO: "OPPO",
    Channel.VIVO: "VIVO",
    Channel.HONOR: "HONOR",
    Channel.HARMONYOS: "HARMONYOS",
}
