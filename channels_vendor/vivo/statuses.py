"""Status codes of vivo (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.causes import Cause
from pushcore.codes.statuses import Status

STATUSES = (
    Status("vivo", 10000, "", _("permission check failed"), Cause.CREDENTIALS),
    Status("vivo", 10040, "", _("resource at its upper limit; try later"), Cause.QUOTA),
    Status("vivo", 10050, "", _("alias and regId both empty"), Cause.DEAD_TOKEN),
    Status("vivo", 10055, "", _("title empty"), Cause.CONTENT),
    Status("vivo", 10056, "", _("title over 40 characters"), Cause.TOO_LARGE),
    Status("vivo", 10058, "", _("content over 100 characters"), Cause.TOO_LARGE),
    Status("vivo", 10066, "", _("more than 10 custom key/value pairs"), Cause.TOO_LARGE),
    Status("vivo", 10067, "", _("invalid custom key/value pair"), Cause.PARAMETER),
    Status("vivo", 10070, "", _("total messages sent exceeds the limit"), Cause.QUOTA),
    Status("vivo", 10071, "", _("outside the allowed sending hours"), Cause.PARAMETER),
    Status("vivo", 10072, "", _("pushing too fast; try later"), Cause.QUOTA),
    Status("vivo", 10101, "", _("content not approved"), Cause.CONTENT),
    Status("vivo", 10102, "", _("unknown vivo server error"), Cause.VENDOR_FAULT),
    Status("vivo", 10103, "", _("content contains sensitive information"), Cause.CONTENT),
    Status("vivo", 10104, "", _("content looks like a test message (send formal text)"), Cause.CONTENT),
    Status("vivo", 10110, "", _("commercial message frequency must be set"), Cause.PARAMETER),
    Status("vivo", 10302, "", _("invalid regId"), Cause.DEAD_TOKEN),
    Status("vivo", 10303, "", _("requestId already exists"), Cause.PARAMETER),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({10302})
