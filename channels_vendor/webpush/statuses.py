"""Status codes of Web Push: the HTTP statuses of push services (RFC 8030)."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.causes import Cause
from pushcore.codes.statuses import Status

STATUSES = (
    Status("webpush", 400, "Bad Request", _("the push service refused the request"), Cause.PARAMETER),
    Status("webpush", 401, "Unauthorized", _("VAPID token refused"), Cause.CREDENTIALS),
    Status("webpush", 403, "Forbidden", _("VAPID key refused, or not that of the subscription"), Cause.CREDENTIALS),
    Status("webpush", 404, "Not Found", _("subscription unknown or expired"), Cause.DEAD_TOKEN),
    Status("webpush", 410, "Gone", _("the browser or its user ended the subscription"), Cause.DEAD_TOKEN),
    Status("webpush", 413, "Payload Too Large", _("message larger than 4096 bytes"), Cause.TOO_LARGE),
    Status("webpush", 429, "Too Many Requests", _("too many messages at once"), Cause.QUOTA),
)

# What a service says of a subscription that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({404, 410})
