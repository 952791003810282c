"""Tags, topics and attributes of a device and of its user, as the device's page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.components.columns import moment_text
from console.locale.zones import zone_of
from pushcore.audience.attributes import Value
from pushcore.audience.profiles import Profile, profile_of
from pushcore.devices.state import TargetType
from pushcore.models import Binding, Device


class KnownProfile(NamedTuple):
    """What is known of a device: its own profile, and that of the user who is bound to it now."""

    own: Profile
    users: Profile


def known_of(device: Device) -> KnownProfile:
    """Look up what is known of a device, once for the object."""
    known: KnownProfile | None = device.__dict__.get("console_known")
    if known is None:
        own = profile_of(device.workspace_id, TargetType.DEVICE, device.ad_token)
        bindings = Binding.objects.filter(device=device, unbound_at__isnull=True)
        user_id = bindings.values_list("user_id", flat=True).first()
        users = profile_of(device.workspace_id, TargetType.USER, user_id) if user_id else None
        nothing = Profile([], [], {})
        known = device.__dict__["console_known"] = KnownProfile(own or nothing, users or nothing)
    return known


def tags(device: Device) -> SafeString:
    """Render the tags of the device and its user."""
    return _lines(*(profile.tags for profile in known_of(device)))


def topics(device: Device) -> SafeString:
    """Render the topics of the device and its user."""
    return _lines(*(profile.topics for profile in known_of(device)))


def attributes(device: Device) -> SafeString:
    """Render the attributes of the device and its user, with their values."""
    return _lines(
        *(
            [f"{name}: {_text(device, value)}" for name, value in sorted(profile.attributes.items())]
            for profile in known_of(device)
        )
    )


def _text(device: Device, value: Value) -> str:
    if isinstance(value, dict):
        return moment_text(datetime.fromtimestamp(value["time"] / 1000, UTC), zone_of(device))
    return str(value)


def _lines(own: Iterable[str], users: Iterable[str]) -> SafeString:
    """Render what the device has itself, and apart what it has by its user; a dash where there is nothing."""
    lines = [
        format_html('<p><small>{}</small> <span class="console-placeholders">{}</span></p>', whose, _codes(texts))
        for whose, texts in ((_("of the device:"), own), (_("of its user:"), users))
        if texts
    ]
    return format_html_join("", "{}", ((line,) for line in lines)) if lines else SafeString("-")


def _codes(texts: Iterable[str]) -> SafeString:
    return format_html_join(" ", "<code>{}</code>", ((text,) for text in texts))
