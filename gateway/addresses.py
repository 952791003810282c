"""The addresses that devices are told: where they connect, and where their HTTP requests go."""

from __future__ import annotations

from django.conf import settings

from pushcore.channels import Platform

WEBSOCKET_PATH = "/gateway/mqtt"


def endpoint(platform: Platform) -> str:
    """Return where devices of a platform connect: browsers by WebSocket, all others by MQTT over TCP."""
    return websocket_url() if platform is Platform.WEB else mqtt_url()


def mqtt_url() -> str:
    """Return the gateway's address for MQTT over TCP, with TLS where it has a port for it."""
    if settings.DEVICE_MQTT_URL:
        return str(settings.DEVICE_MQTT_URL)
    scheme, port = ("mqtts", settings.MQTT_TLS_PORT) if settings.MQTT_TLS_PORT else ("mqtt", settings.MQTT_PORT)
    return f"{scheme}://{settings.PUBLIC_HOST}:{port}"


def websocket_url() -> str:
    """Return the gateway's address for MQTT over WebSocket, likewise."""
    if settings.DEVICE_WS_URL:
        return str(settings.DEVICE_WS_URL)
    scheme, port = ("wss", settings.WS_TLS_PORT) if settings.WS_TLS_PORT else ("ws", settings.WS_PORT)
    return f"{scheme}://{settings.PUBLIC_HOST}:{port}{WEBSOCKET_PATH}"


def http_url() -> str:
    """Return the base of devices' HTTP requests."""
    return settings.PUBLIC_URL or f"http://{settings.PUBLIC_HOST}:{settings.HTTP_PORT}"
