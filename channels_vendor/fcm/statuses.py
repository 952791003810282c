"""Status codes of FCM (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from pushcore.codes.statuses import Status

STATUSES = (
    Status("fcm", 90000002, "InvalidRegistration", "invalid target"),
    Status("fcm", 90000003, "NotRegistered", "target is no longer registered"),
    Status("fcm", 90000004, "InvalidPackageName", "invalid package name"),
    Status("fcm", 90000007, "MessageTooBig", "message body too large"),
    Status("fcm", 90000009, "InvalidTtl", "invalid time to live"),
    Status("fcm", 90000011, "InternalServerError", "FCM service error"),
    Status("fcm", 90000401, "Authentication", "permission check failed"),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({90000002, 90000003})
