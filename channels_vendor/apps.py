"""Vendor channels."""

from __future__ import annotations

from django.apps import AppConfig


class ChannelsVendorConfig(AppConfig):
    name = "channels_vendor"
    verbose_name = "Vendor channels"
