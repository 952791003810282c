"""How the console looks: names, colours, sidebar (django-unfold's `UNFOLD` setting and the callbacks it names).

Imported by the settings, so nothing here may import models at module level.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

TITLE = _("Message Push Console")


def environment(request: HttpRequest) -> list[str]:
    """Return the badge in the header that says where this console runs, so that nobody pushes to the wrong place."""
    if settings.DEBUG:
        return [gettext("Development"), "warning"]
    return [gettext("Local"), "info"] if _is_local(settings.PUBLIC_HOST) else [gettext("Production"), "danger"]


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def may_view(request: HttpRequest) -> bool:
    """Tell whether the user may see messages in any app: shows entries of the sidebar."""
    from console.access.rights import Right, scope_of

    return scope_of(request).may(Right.VIEW)


def may_push(request: HttpRequest) -> bool:
    """Tell whether the user may push in any app: shows entries of the sidebar."""
    from console.access.rights import Right, scope_of

    return scope_of(request).may(Right.PUSH)


def may_configure(request: HttpRequest) -> bool:
    """Tell whether the user may configure any app: shows entries of the sidebar."""
    from console.access.rights import Right, scope_of

    return scope_of(request).may(Right.CONFIGURE)


def is_superuser(request: HttpRequest) -> bool:
    """Tell whether the user is a superuser: shows the group Installation."""
    from console.access.rights import scope_of

    return scope_of(request).superuser


def _asset(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(name)


def _entry(
    title: str | Promise,
    icon: str,
    view: str,
    permission: Callable[[HttpRequest], bool] = may_view,
    shortcut: str = "",
    args: tuple[str, ...] = (),
    pages: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Describe an entry.

    Args:
        title: Its text.
        icon: The name of its icon.
        view: The name of the URL it leads to.
        permission: The function that shows it.
        shortcut: Keys that lead there, pressed one after the other (`shortcuts.js`).
        args: The arguments of that URL.
        pages: Where addresses begin, below the console's, at which it is marked as well.
    """
    link = reverse_lazy(f"admin:{view}", args=args)
    entry = {"title": title, "icon": icon, "link": link, "permission": permission, "shortcut": shortcut}
    return entry | {"active": _is_below(link, *pages)} if pages else entry


def _is_below(link: str | Promise, *pages: str) -> Callable[[HttpRequest], bool]:
    def is_active(request: HttpRequest) -> bool:
        console = reverse("admin:index")
        return request.path.startswith((str(link), *(console + page for page in pages)))

    return is_active


def _group(title: str | Promise, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "items": list(items)}


NAVIGATION: list[dict[str, Any]] = [
    {"items": [{"title": _("Home"), "icon": "home", "link": reverse_lazy("admin:index"), "shortcut": "g h"}]},
    _group(
        _("Push"),
        _entry(_("Messages"), "mail", "pushcore_message_changelist", shortcut="g m"),
        _entry(
            _("Create a message"),
            "send",
            "create_message",
            may_push,
            shortcut="c",
            args=("simple",),
            pages=("create/",),
        ),
        _entry(_("Push tasks"), "stacks", "pushcore_pushtask_changelist", shortcut="g t"),
        _entry(
            _("Schedules"),
            "calendar_clock",
            "pushcore_schedule_changelist",
            shortcut="g s",
            pages=("schedule-calendar/",),
        ),
        _entry(_("Templates"), "draft", "pushcore_template_changelist", shortcut="g p"),
        _entry(_("Segments"), "groups", "pushcore_segment_changelist", shortcut="g e"),
    ),
    _group(
        _("Outcomes"),
        _entry(_("Usage analysis"), "monitoring", "analysis", shortcut="g a"),
        _entry(_("Receipts"), "receipt_long", "pushcore_receipt_changelist"),
        _entry(_("Webhook events"), "webhook", "pushcore_webhookdelivery_changelist"),
        _entry(_("Message events"), "touch_app", "analytics_messageevent_changelist"),
    ),
    _group(
        _("Devices"),
        _entry(_("Devices"), "smartphone", "pushcore_device_changelist", shortcut="g d", pages=("connection-log/",)),
        _entry(_("Device simulator"), "phone_android", "device_simulator", may_push),
        _entry(_("Test devices"), "developer_mode", "console_testdevice_changelist"),
        _entry(_("Query tool"), "search", "query_tool", shortcut="g q"),
        _entry(_("Bindings"), "link", "pushcore_binding_changelist"),
        _entry(_("Tags and topics"), "sell", "pushcore_audiencename_changelist"),
        _entry(_("Erasures"), "person_remove", "pushcore_erasure_changelist"),
    ),
    _group(
        _("Settings"),
        _entry(_("Apps"), "apps", "pushcore_app_changelist"),
        _entry(_("Workspaces"), "workspaces", "pushcore_workspace_changelist", shortcut="g w"),
        _entry(_("Message categories"), "category", "pushcore_messagecategory_changelist"),
        _entry(_("Quiet hours"), "bedtime", "pushcore_quiethours_changelist"),
        _entry(_("Access keys"), "key", "pushcore_accesskey_changelist"),
        _entry(_("RSA keys"), "encrypted", "pushcore_rsakey_changelist"),
        _entry(_("Webhook endpoints"), "webhook", "pushcore_webhookendpoint_changelist"),
        _entry(_("Channels"), "hub", "channels", pages=("channels_vendor/vendoraccount/",)),
        _entry(_("SMS accounts"), "sms", "sms_smsaccount_changelist"),
        _entry(_("Members"), "group", "console_membership_changelist"),
        _entry(_("Audit log"), "policy", "console_auditentry_changelist", may_configure),
    ),
    _group(
        _("Installation"),
        _entry(_("Users"), "person", "auth_user_changelist", is_superuser),
        _entry(_("Groups"), "groups", "auth_group_changelist", is_superuser),
        _entry(_("Message keys"), "fingerprint", "pushcore_messagekey_changelist", is_superuser),
        _entry(_("Watermarks"), "flag", "pushcore_watermark_changelist", is_superuser),
    ),
]

# Indigo: enough contrast for white text on the 600 in both themes (WCAG AA).
_PRIMARY = {
    "50": "oklch(96.2% .018 272.314)",
    "100": "oklch(93% .034 272.788)",
    "200": "oklch(87% .065 274.039)",
    "300": "oklch(78.5% .115 274.713)",
    "400": "oklch(67.3% .182 276.935)",
    "500": "oklch(58.5% .233 277.117)",
    "600": "oklch(51.1% .262 276.966)",
    "700": "oklch(45.7% .24 277.023)",
    "800": "oklch(39.8% .195 277.366)",
    "900": "oklch(35.9% .144 278.697)",
    "950": "oklch(25.7% .09 281.288)",
}

SCRIPTS = ("console/console.js", "console/command_palette.js", "console/shortcuts.js")

# In this order: of two rules that weigh the same, the later one wins.
STYLES = (
    "base", "values", "lists", "header", "task_report", "panels", "tables", "forms", "metrics", "preview", "create",
    "device_simulator", "analysis", "command_palette", "account", "calendar", "templates",
)  # fmt: skip

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": TITLE,
    "SITE_HEADER": TITLE,
    "SITE_SYMBOL": "send",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _asset("console/favicon.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "ENVIRONMENT": "console.theme.settings.environment",
    "DASHBOARD_CALLBACK": "console.pages.home.view.dashboard",
    "ACCOUNT": {
        "navigation": [
            {"title": _("Profile"), "link": reverse_lazy("admin:profile")},
            {"title": _("Two-factor login"), "link": reverse_lazy("admin:two_factor")},
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
        ]
    },
    "LOGIN": {"image": _asset("console/login.svg")},
    "STYLES": [_asset(f"console/css/{name}.css") for name in STYLES],
    # First the words of the user's language, which the others speak with.
    "SCRIPTS": [lambda request: reverse("console_script_texts"), *map(_asset, SCRIPTS)],
    "BORDER_RADIUS": "8px",
    "COLORS": {"primary": _PRIMARY},
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "show_all_applications": False,
        "navigation": NAVIGATION,
    },
}
