"""Status codes of MiPush (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.statuses import Status

STATUSES = (
    Status("xiaomi", 1001, "", _("system error")),
    Status("xiaomi", 10002, "", _("service suspended")),
    Status("xiaomi", 10003, "", _("remote service error")),
    Status("xiaomi", 10004, "", _("resource not allowed from this IP")),
    Status("xiaomi", 10005, "", _("resource needs an authorised app key")),
    Status("xiaomi", 10008, "", _("incorrect parameters")),
    Status("xiaomi", 10009, "", _("system busy")),
    Status("xiaomi", 10012, "", _("illegal request")),
    Status("xiaomi", 10013, "", _("illegal user")),
    Status("xiaomi", 10014, "", _("app's access to the interface is restricted")),
    Status("xiaomi", 10017, "", _("illegal parameter value")),
    Status("xiaomi", 10018, "", _("request exceeds the length limit")),
    Status("xiaomi", 10022, "", _("requests from the IP exceed the frequency limit")),
    Status("xiaomi", 10023, "", _("user's requests exceed the frequency limit")),
    Status("xiaomi", 10024, "", _("user's requests to the special interface exceed the frequency limit")),
    Status("xiaomi", 10026, "", _("app is on the blacklist")),
    Status("xiaomi", 10027, "", _("app API called too frequently")),
    Status("xiaomi", 10029, "", _("illegal device")),
    Status("xiaomi", 21301, "", _("authentication failed")),
    Status("xiaomi", 22000, "", _("illegal app")),
    Status("xiaomi", 22001, "", _("app does not exist")),
    Status("xiaomi", 22002, "", _("app was revoked")),
    Status("xiaomi", 22003, "", _("app update failed")),
    Status("xiaomi", 22004, "", _("app information missing")),
    Status("xiaomi", 22005, "", _("invalid app name")),
    Status("xiaomi", 22006, "", _("invalid app ID")),
    Status("xiaomi", 22007, "", _("invalid app key")),
    Status("xiaomi", 22008, "", _("invalid app secret")),
    Status("xiaomi", 22020, "", _("illegal app description")),
    Status("xiaomi", 22021, "", _("app not authorised by users")),
    Status("xiaomi", 22022, "", _("invalid app package name")),
    Status("xiaomi", 22100, "", _("app notification has an incorrect data format")),
    Status("xiaomi", 22101, "", _("too many app notifications")),
    Status("xiaomi", 22102, "", _("sending the app notification failed")),
    Status("xiaomi", 22103, "", _("invalid app notification ID")),
    Status("xiaomi", 20301, "", _("invalid target")),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({10029, 20301})
