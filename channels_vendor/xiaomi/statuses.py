"""Status codes of MiPush (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.causes import Cause
from pushcore.codes.statuses import Status

STATUSES = (
    Status("xiaomi", 1001, "", _("system error"), Cause.VENDOR_FAULT),
    Status("xiaomi", 10002, "", _("service suspended"), Cause.VENDOR_FAULT),
    Status("xiaomi", 10003, "", _("remote service error"), Cause.VENDOR_FAULT),
    Status("xiaomi", 10004, "", _("resource not allowed from this IP"), Cause.NOT_PERMITTED),
    Status("xiaomi", 10005, "", _("resource needs an authorised app key"), Cause.CREDENTIALS),
    Status("xiaomi", 10008, "", _("incorrect parameters"), Cause.PARAMETER),
    Status("xiaomi", 10009, "", _("system busy"), Cause.VENDOR_FAULT),
    Status("xiaomi", 10012, "", _("illegal request"), Cause.NOT_PERMITTED),
    Status("xiaomi", 10013, "", _("illegal user"), Cause.NOT_PERMITTED),
    Status("xiaomi", 10014, "", _("app's access to the interface is restricted"), Cause.NOT_PERMITTED),
    Status("xiaomi", 10017, "", _("illegal parameter value"), Cause.PARAMETER),
    Status("xiaomi", 10018, "", _("request exceeds the length limit"), Cause.TOO_LARGE),
    Status("xiaomi", 10022, "", _("requests from the IP exceed the frequency limit"), Cause.QUOTA),
    Status("xiaomi", 10023, "", _("user's requests exceed the frequency limit"), Cause.QUOTA),
    Status("xiaomi", 10024, "", _("user's requests to the special interface exceed the frequency limit"), Cause.QUOTA),
    Status("xiaomi", 10026, "", _("app is on the blacklist"), Cause.NOT_PERMITTED),
    Status("xiaomi", 10027, "", _("app API called too frequently"), Cause.QUOTA),
    Status("xiaomi", 10029, "", _("illegal device"), Cause.DEAD_TOKEN),
    Status("xiaomi", 21301, "", _("authentication failed"), Cause.CREDENTIALS),
    Status("xiaomi", 22000, "", _("illegal app"), Cause.CREDENTIALS),
    Status("xiaomi", 22001, "", _("app does not exist"), Cause.CREDENTIALS),
    Status("xiaomi", 22002, "", _("app was revoked"), Cause.NOT_PERMITTED),
    Status("xiaomi", 22003, "", _("app update failed"), Cause.PARAMETER),
    Status("xiaomi", 22004, "", _("app information missing"), Cause.PARAMETER),
    Status("xiaomi", 22005, "", _("invalid app name"), Cause.PARAMETER),
    Status("xiaomi", 22006, "", _("invalid app ID"), Cause.CREDENTIALS),
    Status("xiaomi", 22007, "", _("invalid app key"), Cause.CREDENTIALS),
    Status("xiaomi", 22008, "", _("invalid app secret"), Cause.CREDENTIALS),
    Status("xiaomi", 22020, "", _("illegal app description"), Cause.PARAMETER),
    Status("xiaomi", 22021, "", _("app not authorised by users"), Cause.NOT_PERMITTED),
    Status("xiaomi", 22022, "", _("invalid app package name"), Cause.WRONG_APP),
    Status("xiaomi", 22100, "", _("app notification has an incorrect data format"), Cause.CONTENT),
    Status("xiaomi", 22101, "", _("too many app notifications"), Cause.QUOTA),
    Status("xiaomi", 22102, "", _("sending the app notification failed"), Cause.VENDOR_FAULT),
    Status("xiaomi", 22103, "", _("invalid app notification ID"), Cause.PARAMETER),
    Status("xiaomi", 20301, "", _("invalid target"), Cause.DEAD_TOKEN),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({10029, 20301})
