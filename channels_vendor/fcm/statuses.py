"""Status codes of FCM (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.causes import Cause
from pushcore.codes.statuses import Status

STATUSES = (
    Status("fcm", 90000002, "InvalidRegistration", _("invalid target"), Cause.DEAD_TOKEN),
    Status("fcm", 90000003, "NotRegistered", _("target is no longer registered"), Cause.DEAD_TOKEN),
    Status("fcm", 90000004, "InvalidPackageName", _("invalid package name"), Cause.WRONG_APP),
    Status("fcm", 90000007, "MessageTooBig", _("message body too large"), Cause.TOO_LARGE),
    Status("fcm", 90000009, "InvalidTtl", _("invalid time to live"), Cause.PARAMETER),
    Status("fcm", 90000011, "InternalServerError", _("FCM service error"), Cause.VENDOR_FAULT),
    Status("fcm", 90000401, "Authentication", _("permission check failed"), Cause.CREDENTIALS),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({90000002, 90000003})
