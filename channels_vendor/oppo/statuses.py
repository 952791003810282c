"""Status codes of OPPO (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from pushcore.codes.statuses import Status

STATUSES = (
    Status("oppo", -1, "Service Currently Unavailable", "service unavailable; try later"),
    Status("oppo", -2, "Service in RateControl Control", "service is under traffic control"),
    Status("oppo", 11, "Invalid Auth Token", "auth token invalid"),
    Status("oppo", 13, "App Call Limited", "call count or frequency over the limit"),
    Status("oppo", 14, "Invalid App Key", "app key invalid"),
    Status("oppo", 15, "Missing App Key", "app key missing"),
    Status("oppo", 16, "Invalid Signature", "signature check failed"),
    Status("oppo", 17, "Missing Signature", "signature missing"),
    Status("oppo", 28, "App Disabled", "app unavailable"),
    Status("oppo", 29, "Missing Auth Token", "auth token missing"),
    Status("oppo", 30, "Api Permission Denied", "app may not use API push"),
    Status("oppo", 10000, "Invalid RegistrationId", "registration_id malformed"),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({10000})
