"""Status codes of OPPO (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.causes import Cause
from pushcore.codes.statuses import Status

STATUSES = (
    Status("oppo", -1, "Service Currently Unavailable", _("service unavailable; try later"), Cause.VENDOR_FAULT),
    Status("oppo", -2, "Service in RateControl Control", _("service is under traffic control"), Cause.QUOTA),
    Status("oppo", 11, "Invalid Auth Token", _("auth token invalid"), Cause.CREDENTIALS),
    Status("oppo", 13, "App Call Limited", _("call count or frequency over the limit"), Cause.QUOTA),
    Status("oppo", 14, "Invalid App Key", _("app key invalid"), Cause.CREDENTIALS),
    Status("oppo", 15, "Missing App Key", _("app key missing"), Cause.CREDENTIALS),
    Status("oppo", 16, "Invalid Signature", _("signature check failed"), Cause.CREDENTIALS),
    Status("oppo", 17, "Missing Signature", _("signature missing"), Cause.CREDENTIALS),
    Status("oppo", 28, "App Disabled", _("app unavailable"), Cause.NOT_PERMITTED),
    Status("oppo", 29, "Missing Auth Token", _("auth token missing"), Cause.CREDENTIALS),
    Status("oppo", 30, "Api Permission Denied", _("app may not use API push"), Cause.NOT_PERMITTED),
    Status("oppo", 10000, "Invalid RegistrationId", _("registration_id malformed"), Cause.DEAD_TOKEN),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({10000})
