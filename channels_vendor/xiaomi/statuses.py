"""Status codes of MiPush (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from pushcore.codes.statuses import Status

STATUSES = (
    Status("xiaomi", 1001, "", "system error"),
    Status("xiaomi", 10002, "", "service suspended"),
    Status("xiaomi", 10003, "", "remote service error"),
    Status("xiaomi", 10004, "", "resource not allowed from this IP"),
    Status("xiaomi", 10005, "", "resource needs an authorised app key"),
    Status("xiaomi", 10008, "", "incorrect parameters"),
    Status("xiaomi", 10009, "", "system busy"),
    Status("xiaomi", 10012, "", "illegal request"),
    Status("xiaomi", 10013, "", "illegal user"),
    Status("xiaomi", 10014, "", "app's access to the interface is restricted"),
    Status("xiaomi", 10017, "", "illegal parameter value"),
    Status("xiaomi", 10018, "", "request exceeds the length limit"),
    Status("xiaomi", 10022, "", "requests from the IP exceed the frequency limit"),
    Status("xiaomi", 10023, "", "user's requests exceed the frequency limit"),
    Status("xiaomi", 10024, "", "user's requests to the special interface exceed the frequency limit"),
    Status("xiaomi", 10026, "", "app is on the blacklist"),
    Status("xiaomi", 10027, "", "app API called too frequently"),
    Status("xiaomi", 10029, "", "illegal device"),
    Status("xiaomi", 21301, "", "authentication failed"),
    Status("xiaomi", 22000, "", "illegal app"),
    Status("xiaomi", 22001, "", "app does not exist"),
    Status("xiaomi", 22002, "", "app was revoked"),
    Status("xiaomi", 22003, "", "app update failed"),
    Status("xiaomi", 22004, "", "app information missing"),
    Status("xiaomi", 22005, "", "invalid app name"),
    Status("xiaomi", 22006, "", "invalid app ID"),
    Status("xiaomi", 22007, "", "invalid app key"),
    Status("xiaomi", 22008, "", "invalid app secret"),
    Status("xiaomi", 22020, "", "illegal app description"),
    Status("xiaomi", 22021, "", "app not authorised by users"),
    Status("xiaomi", 22022, "", "invalid app package name"),
    Status("xiaomi", 22100, "", "app notification has an incorrect data format"),
    Status("xiaomi", 22101, "", "too many app notifications"),
    Status("xiaomi", 22102, "", "sending the app notification failed"),
    Status("xiaomi", 22103, "", "invalid app notification ID"),
    Status("xiaomi", 20301, "", "invalid target"),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({10029, 20301})
