"""The configuration of a workspace's devices: the file `mps-device.json` of the SDKs (sdk/schemas/config.json)."""

from __future__ import annotations

from django.conf import settings

from pushcore.channels import Platform
from pushcore.models import Workspace

FILE_NAME = "mps-device.json"


def device_config(workspace: Workspace, platform: Platform) -> dict[str, str]:
    """Return what an app's SDK needs to reach this service, the workspace's client key included.

    Browsers get the gateway's WebSocket, other platforms its MQTT port; a TLS port is preferred where there is one.
    """
    return {
        "endpoint": _endpoint(platform),
        "httpEndpoint": settings.PUBLIC_URL or f"http://{settings.PUBLIC_HOST}:{settings.HTTP_PORT}",
        "appId": workspace.app.app_id,
        "workspaceId": workspace.workspace_id,
        "clientKey": workspace.client_key,
        "platform": platform.api_name,
    }


def _endpoint(platform: Platform) -> str:
    host = settings.PUBLIC_HOST
    if platform is Platform.WEB:
        scheme, port = ("wss", settings.WS_TLS_PORT) if settings.WS_TLS_PORT else ("ws", settings.WS_PORT)
        return f"{scheme}://{host}:{port}/gateway/mqtt"
    scheme, port = ("mqtts", settings.MQTT_TLS_PORT) if settings.MQTT_TLS_PORT else ("mqtt", settings.MQTT_PORT)
    return f"{scheme}://{host}:{port}"
