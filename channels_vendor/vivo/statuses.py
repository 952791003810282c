"""Status codes of vivo (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from pushcore.codes.statuses import Status

STATUSES = (
    Status("vivo", 10000, "", "permission check failed"),
    Status("vivo", 10040, "", "resource at its upper limit; try later"),
    Status("vivo", 10050, "", "alias and regId both empty"),
    Status("vivo", 10055, "", "title empty"),
    Status("vivo", 10056, "", "title over 40 characters"),
    Status("vivo", 10058, "", "content over 100 characters"),
    Status("vivo", 10066, "", "more than 10 custom key/value pairs"),
    Status("vivo", 10067, "", "invalid custom key/value pair"),
    Status("vivo", 10070, "", "total messages sent exceeds the limit"),
    Status("vivo", 10071, "", "outside the allowed sending hours"),
    Status("vivo", 10072, "", "pushing too fast; try later"),
    Status("vivo", 10101, "", "content not approved"),
    Status("vivo", 10102, "", "unknown vivo server error"),
    Status("vivo", 10103, "", "content contains sensitive information"),
    Status("vivo", 10104, "", "content looks like a test message (send formal text)"),
    Status("vivo", 10110, "", "commercial message frequency must be set"),
    Status("vivo", 10302, "", "invalid regId"),
    Status("vivo", 10303, "", "requestId already exists"),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({10302})
