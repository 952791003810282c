"""Device gateway."""

from __future__ import annotations

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """Registers the self-built channel with the domain."""

    name = "gateway"
    verbose_name = "Device gateway"

    def ready(self) -> None:
        """Register lane, presence and listeners."""
        from gateway.cluster.presence import online
        from gateway.lane import GatewayLane, notify_broadcasts_changed, notify_devices_changed
        from pushcore.ports import (
            register_broadcast_listener,
            register_device_listener,
            register_lane,
            register_presence_source,
        )

        register_lane(GatewayLane(), order=100)
        register_presence_source(online)
        register_broadcast_listener(notify_broadcasts_changed)
        register_device_listener(notify_devices_changed)
