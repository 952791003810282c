"""The registry of devices: register them, find them, keep what they say of themselves.

Functions work on batches: a storm of connects costs a few queries, not one for each device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from pushcore.channels import Platform
from pushcore.devices import tokens
from pushcore.devices.info import INFO_COLUMNS, DeviceInfo
from pushcore.devices.tokens import Claim, Gone
from pushcore.models import Device, Workspace
from pushcore.security import crypto
from pushcore.storage import clock
from pushcore.storage.sql import statements
from pushcore.webhooks import events as webhook_events
from pushcore.webhooks.event_types import EventType

_SQL = statements(__file__)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What a gateway needs of a device.

    Attributes:
        id: The device's ID.
        app_id: The primary key of its app.
        workspace_id: The primary key of its workspace.
        ad_token: The name by which it logs in.
        secret_hash: Of the secret it logs in with; empty where it has none.
        username: `{appId}-{workspaceId}`, both as in the API.
        enabled: App and workspace are enabled.
        platform: The device's operating system.
        third_channel: The vendor's channel it reported a token of.
        broadcast_position: Its `BroadcastCursor`.
    """

    id: int
    app_id: int
    workspace_id: int
    ad_token: str
    secret_hash: str
    username: str
    enabled: bool
    platform: int = Platform.ANDROID
    third_channel: int | None = None
    broadcast_position: int = 0

    def has_secret(self, secret: str) -> bool:
        """Tell whether `secret` is the one issued to the device, in constant time."""
        return bool(self.secret_hash) and crypto.same_secret(crypto.fingerprint_secret(secret), self.secret_hash)


def find_devices(ad_tokens: Sequence[str]) -> dict[str, KnownDevice]:
    """Find devices by their Ad-tokens. One query; unknown tokens are absent from the result."""
    rows = Device.objects.filter(ad_token__in=ad_tokens).values_list(
        "id",
        "workspace__app_id",
        "workspace_id",
        "ad_token",
        "secret_hash",
        "workspace__app__app_id",
        "workspace__workspace_id",
        "workspace__enabled",
        "workspace__app__enabled",
        "platform",
        "third_channel",
        "cursor__position",
    )
    return {
        ad_token: KnownDevice(
            pk,
            app,
            workspace,
            ad_token,
            secret_hash,
            f"{app_id}-{name}",
            on and app_on,
            platform,
            channel,
            position or 0,
        )
        for pk, app, workspace, ad_token, secret_hash, app_id, name, on, app_on, platform, channel, position in rows
    }


def find_workspaces(usernames: Sequence[str]) -> dict[str, Workspace]:
    """Find enabled workspaces of enabled apps by their `{appId}-{workspaceId}` names. One query."""
    wanted = Q(pk__in=[])
    for username in set(usernames):
        # Either id may hold a hyphen itself, so every split is asked for.
        parts = username.split("-")
        for cut in range(1, min(len(parts), 8)):
            wanted |= Q(app__app_id="-".join(parts[:cut]), workspace_id="-".join(parts[cut:]))
    rows = Workspace.objects.select_related("app").filter(wanted, enabled=True, app__enabled=True)
    return {f"{row.app.app_id}-{row.workspace_id}": row for row in rows}


def renew_secret(workspace: Workspace, ad_token: str) -> str | None:
    """Replace a device's secret.

    Returns:
        The new secret, of which only the hash is kept; None where the workspace has no such device.
    """
    secret = crypto.new_secret()
    known = Device.objects.filter(workspace=workspace, ad_token=ad_token)
    return secret if known.update(secret_hash=crypto.fingerprint_secret(secret)) else None


def register(requests: Sequence[tuple[Workspace, DeviceInfo]]) -> list[tuple[KnownDevice, str]]:
    """Create a device for each request, with a new Ad-token and a new secret.

    Takes one INSERT, and a few statements more where devices come with tokens at vendors' channels: whoever held such a
    token loses it.

    Returns:
        Device and secret in the order of the requests. Of the secret only the hash is kept.
    """
    secrets = [crypto.new_secret() for _ in requests]
    now = clock.now()
    with transaction.atomic():
        devices = Device.objects.bulk_create(
            [
                Device(
                    workspace=workspace,
                    secret_hash=crypto.fingerprint_secret(secret),
                    platform=info.platform,
                    last_seen_at=now,
                    **{column: getattr(info, column) for column in INFO_COLUMNS},
                )
                for (workspace, info), secret in zip(requests, secrets, strict=True)
            ]
        )
        tokens.claim(
            [
                Claim(workspace.pk, device.pk, info.channel, info.third_token)
                for device, (workspace, info) in zip(devices, requests, strict=True)
                if info.channel is not None
            ]
        )
        webhook_events.devices_changed(
            EventType.DEVICE_REGISTERED,
            {
                device.pk: {}
                for device, (workspace, _) in zip(devices, requests, strict=True)
                if EventType.DEVICE_REGISTERED.title in workspace.webhook_events
            },
        )
    return [
        (
            KnownDevice(
                id=device.pk,
                app_id=workspace.app_id,
                workspace_id=workspace.pk,
                ad_token=device.ad_token,
                secret_hash=device.secret_hash,
                username=f"{workspace.app.app_id}-{workspace.workspace_id}",
                enabled=True,
                platform=device.platform,
                third_channel=info.channel,
            ),
            secret,
        )
        for device, (workspace, info), secret in zip(devices, requests, secrets, strict=True)
    ]


def update_info(infos: Mapping[int, Mapping[str, str]]) -> None:
    """Keep the descriptions of devices. One statement, which writes only rows that change.

    Args:
        infos: Values by column (`parse_info`) by device id; empty values change nothing.
    """
    infos = {device_id: info for device_id, info in infos.items() if any(info.values())}
    if not infos:
        return
    parameters: dict[str, list[Any]] = {
        column: [info.get(column, "") for info in infos.values()] for column in INFO_COLUMNS
    }
    with connection.cursor() as cursor:
        cursor.execute(_SQL["keep_info"], {**parameters, "devices": list(infos)})


def drop_third_tokens(gone: Sequence[tuple[int, str, datetime]]) -> None:
    """Delete vendors' tokens that are dead.

    Args:
        gone: Device id, token, and since when the vendor calls it dead; a token reported later than that stays.
    """
    tokens.change(gone=[Gone(*one) for one in gone])
