"""Vendor channels."""

from __future__ import annotations

from django.apps import AppConfig


class ChannelsVendorConfig(AppConfig):
    name = "channels_vendor"
    verbose_name = "Vendor channels"

    def ready(self) -> None:
        from channels_vendor.accounts.in_use import channels_of
        from channels_vendor.dispatch.lane import VendorLane
        from pushcore.ports import register_lane, register_vendor_channels

        register_lane(VendorLane(), order=10)
        register_vendor_channels(channels_of)
