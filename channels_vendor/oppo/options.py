"""What requests may ask of OPPO: values of vendor options (help.aliyun.com, documents 436435 and 2835878)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_vendor.base.options import OPERATIONAL_CATEGORIES, SYSTEM_CATEGORIES, as_named
from pushcore.channels import Channel
from pushcore.push.vendor_options import category, level

# open.oppomobile.com 13189.
CATEGORIES = as_named(*SYSTEM_CATEGORIES, *OPERATIONAL_CATEGORIES)

# A notice in the drawer; on the lock screen too; with banner, sound and vibration.
LEVELS = as_named("1", "2", "16")


def check(options: Mapping[str, Any]) -> str:
    """Return what is wrong with a request's options for OPPO, or nothing."""
    if level(options, Channel.OPPO) and not category(options, Channel.OPPO):
        return "notifyLevel of oppo needs its thirdChannelCategory"
    return ""
