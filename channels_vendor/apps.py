"""The Django app of the vendors' channels."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy

from channels_vendor import registry

# While Django reads the apps' configurations, before it loads any model: modules may use channels when they are loaded.
registry.discover()


class ChannelsVendorConfig(AppConfig):
    """Plugs the vendors' lane into pushcore."""

    name = "channels_vendor"
    verbose_name = gettext_lazy("Vendor channels")

    def ready(self) -> None:
        """Offer the lane, and which vendors a workspace has."""
        from channels_vendor.accounts.in_use import channels_of
        from channels_vendor.dispatch.lane import VendorLane
        from pushcore.ports import register_lane, register_vendor_channels

        register_lane(VendorLane(), order=10)
        register_vendor_channels(channels_of)
