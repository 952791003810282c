"""What apps need to know of a workspace's vendor accounts, and what a new account begins with."""

from __future__ import annotations

from collections.abc import Mapping

from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from pushcore.channels import Channel, Platform


def enter(row: VendorAccount, values: Mapping[str, str]) -> None:
    """Enter what an operator would for an account, by field name; secrets are sealed. Does not save."""
    secret = {entry.name for entry in VENDORS[Channel(row.channel)].fields if entry.secret}
    row.public_values = {name: value for name, value in values.items() if name not in secret}
    row.set_secrets({name: value for name, value in values.items() if name in secret})


def values_for_apps(row: VendorAccount) -> dict[str, str]:
    """Return what apps need to know of an account, by its name in their configuration; no secrets."""
    vendor = VENDORS.get(Channel(row.channel))
    return dict(vendor.app_values(dict(row.public_values) | row.secrets())) if vendor else {}


def app_values(workspace_id: int, platform: Platform) -> dict[str, str]:
    """Return what apps of a platform need to know of the workspace's accounts that are switched on."""
    channels = [channel for channel, vendor in VENDORS.items() if vendor.platform == platform]
    found: dict[str, str] = {}
    for row in VendorAccount.objects.filter(workspace=workspace_id, channel__in=channels, enabled=True):
        found |= values_for_apps(row)
    return found
