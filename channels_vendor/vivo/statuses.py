"""Status codes of vivo (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.statuses import Status

STATUSES = (
    Status("vivo", 10000, "", _("permission check failed")),
    Status("vivo", 10040, "", _("resource at its upper limit; try later")),
    Status("vivo", 10050, "", _("alias and regId both empty")),
    Status("vivo", 10055, "", _("title empty")),
    Status("vivo", 10056, "", _("title over 40 characters")),
    Status("vivo", 10058, "", _("content over 100 characters")),
    Status("vivo", 10066, "", _("more than 10 custom key/value pairs")),
    Status("vivo", 10067, "", _("invalid custom key/value pair")),
    Status("vivo", 10070, "", _("total messages sent exceeds the limit")),
    Status("vivo", 10071, "", _("outside the allowed sending hours")),
    Status("vivo", 10072, "", _("pushing too fast; try later")),
    Status("vivo", 10101, "", _("content not approved")),
    Status("vivo", 10102, "", _("unknown vivo server error")),
    Status("vivo", 10103, "", _("content contains sensitive information")),
    Status("vivo", 10104, "", _("content looks like a test message (send formal text)")),
    Status("vivo", 10110, "", _("commercial message frequency must be set")),
    Status("vivo", 10302, "", _("invalid regId")),
    Status("vivo", 10303, "", _("requestId already exists")),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({10302})
