"""What requests may ask of HONOR: values of vendor options (help.aliyun.com, documents 436435 and 2835878)."""

from __future__ import annotations

from channels_vendor.base.options import as_named

# HONOR's importance: marketing, or service and communication.
CATEGORIES = as_named("LOW", "NORMAL")
