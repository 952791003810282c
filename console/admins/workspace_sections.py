"""What the sections of a workspace's page say of their present state, and the installation's limits it is under."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.components.columns import copyable
from pushcore.models import RsaKey, Workspace

MAX_KEYS = 10
# Names of sections in addresses (`address`).
PUSH_API, CALLBACK, DEVICES = "push-api", "callback", "devices"


def address(workspace_id: int, section: str) -> str:
    """Return the address of a section of a workspace's page.

    Args:
        workspace_id: The workspace's database ID.
        section: A name of `STATES`.
    """
    return f"{reverse('admin:pushcore_workspace_change', args=[workspace_id])}#section-{section}"


def described(workspace: Workspace, section: str, state: Callable[[Workspace], str]) -> SafeString:
    """Return the state of a section as the place that `address` leads to."""
    return format_html('<span id="section-{}" class="console-anchor">{}</span>', section, state(workspace))


def push_api_state(workspace: Workspace) -> str:
    """Say whether the push API is on, and how many keys may call it."""
    if not workspace.push_api_enabled:
        return _("Off: REST calls are refused.")
    access = workspace.access_keys.filter(enabled=True).count()
    rsa = workspace.rsa_keys.filter(purpose=RsaKey.Purpose.API, active=True).count()
    return _("On. Keys that may call it: access keys (RPC): %(access)s; RSA keys (REST): %(rsa)s.") % {
        "access": access,
        "rsa": rsa,
    }


def callback_state(workspace: Workspace) -> str:
    """Say whether receipts are posted, and where."""
    if not workspace.callback_enabled:
        return _("Off: no receipts are posted.")
    return _("On: receipts are posted to %(url)s.") % {"url": workspace.callback_url}


def devices_state(workspace: Workspace) -> str:
    """Say who may bind users, and whether the former client key is still good."""
    said = _("Who may bind a user: %(mode)s.") % {"mode": workspace.get_client_bind_display()}
    return f"{said} {_('The former client key is still good.')}" if workspace.former_client_key else said


STATES: Mapping[str, Callable[[Workspace], str]] = {
    PUSH_API: push_api_state,
    CALLBACK: callback_state,
    DEVICES: devices_state,
}


def access_keys(workspace: Workspace, *, may_add: bool) -> SafeString:
    """Link to the first access keys of the workspace, and to where one is added, for who may."""
    links = [
        (
            reverse("admin:pushcore_accesskey_change", args=[key.pk]),
            key.access_key_id,
            key.name,
            _("enabled") if key.enabled else _("disabled"),
        )
        for key in workspace.access_keys.defer("secret_sealed").order_by("pk")[:MAX_KEYS]
    ]
    shown = format_html_join("", '<p><a class="text-link" href="{}">{}</a> {} ({})</p>', links)
    if not may_add:
        return shown or format_html("{}", _("None: RPC calls are refused."))
    add = format_html(
        '<a class="text-link" href="{}">{}</a>', reverse("admin:pushcore_accesskey_add"), _("Add an access key")
    )
    return format_html("{}{}", shown, add)


def api_public_keys(workspace: Workspace, *, may_add: bool) -> SafeString:
    """Show the first active keys that verify REST calls, each with a button that copies it, or where one is added."""
    mine = workspace.rsa_keys.filter(purpose=RsaKey.Purpose.API, active=True)
    shown = format_html_join("", "{}", ((copyable(key.public_pem),) for key in mine[:MAX_KEYS]))
    none = _("None: REST calls are refused.")
    if shown or not may_add:
        return shown or format_html("{}", none)
    add = reverse("admin:pushcore_rsakey_add")
    return format_html('{} <a class="text-link" href="{}">{}</a>', none, add, _("Add one"))


def retention() -> SafeString:
    """Say for how many days the installation keeps things."""
    return _lines(
        (_("Messages: %(days)s days"), settings.MESSAGE_RETENTION_DAYS),
        (_("Receipts: %(days)s days"), settings.RECEIPT_RETENTION_DAYS),
        (_("Usage analysis: %(days)s days"), settings.ANALYSIS_RETENTION_DAYS),
        (_("Devices not seen: %(days)s days"), settings.DEVICE_RETENTION_DAYS),
    )


def limits() -> SafeString:
    """Say how much the installation lets a workspace's callers and devices do; 0 is no limit."""
    rows = (
        (_("API calls a second of each access key (RPC), or of the workspace (REST)"), settings.API_RATE_PER_SECOND),
        (_("API calls a day of each access key (RPC), or of the workspace (REST)"), settings.API_QUOTA_PER_DAY),
        (_("Connected devices for each gateway process"), settings.MAX_CONNECTIONS_PER_WORKSPACE),
    )
    shown = ((name, f"{value:,}" if value else _("no limit")) for name, value in rows)
    return format_html_join("", "<p>{}: {}</p>", shown)


def _lines(*rows: tuple[str, int]) -> SafeString:
    return format_html_join("", "<p>{}</p>", ((text % {"days": days},) for text, days in rows))
