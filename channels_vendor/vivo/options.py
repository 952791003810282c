"""What requests may ask of vivo: values of vendor options (help.aliyun.com, documents 436435 and 2835878)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_vendor.base.options import OPERATIONAL_CATEGORIES, SYSTEM_CATEGORIES, as_named
from pushcore.channels import Channel
from pushcore.push.vendor_options import category

# dev.vivo.com.cn 359.
CATEGORIES = as_named(*SYSTEM_CATEGORIES, *OPERATIONAL_CATEGORIES)

# `classification`: operational, system.
_CLASSIFICATIONS = {"0": OPERATIONAL_CATEGORIES, "1": SYSTEM_CATEGORIES}


def check(options: Mapping[str, Any]) -> str:
    """Return what is wrong with a request's options for vivo, or nothing."""
    classification, chosen = str(options.get("classification", "")), category(options, Channel.VIVO)
    if classification and classification not in _CLASSIFICATIONS:
        return "classification is one of 0, 1"
    if classification and chosen and chosen not in _CLASSIFICATIONS[classification]:
        # vivo refuses it for each device (10097).
        return f"classification {classification} has no category {chosen} at vivo"
    return ""
