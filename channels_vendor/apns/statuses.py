"""Status codes of APNs (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.causes import Cause
from pushcore.codes.statuses import Status

STATUSES = (
    Status("apns", 2001, "PayloadEmpty", _("message payload is empty"), Cause.CONTENT),
    Status("apns", 2002, "PayloadTooLarge", _("message payload too large"), Cause.TOO_LARGE),
    Status("apns", 2003, "BadTopic", _("bundle ID in the certificate is incorrect"), Cause.WRONG_APP),
    Status("apns", 2004, "TopicDisallowed", _("bundle ID in the certificate is not allowed"), Cause.WRONG_APP),
    Status("apns", 2005, "BadMessageId", _("incorrect message ID"), Cause.PARAMETER),
    Status("apns", 2006, "BadExpirationDate", _("invalid expiration date"), Cause.PARAMETER),
    Status("apns", 2007, "BadPriority", _("invalid priority"), Cause.PARAMETER),
    Status("apns", 2008, "MissingDeviceToken", _("device token missing"), Cause.DEAD_TOKEN),
    Status(
        "apns",
        2009,
        "BadDeviceToken",
        _("device token invalid or malformed or unknown (often a sandbox/production mismatch)"),
        Cause.DEAD_TOKEN,
    ),
    Status(
        "apns", 2010, "DeviceTokenNotForTopic", _("device token does not match the topic (bundle ID)"), Cause.WRONG_APP
    ),
    Status("apns", 2011, "Unregistered", _("device token no longer valid"), Cause.DEAD_TOKEN),
    Status(
        "apns", 2013, "BadCertificateEnvironment", _("client certificate is for the wrong environment"), Cause.WRONG_APP
    ),
    Status("apns", 2014, "BadCertificate", _("certificate invalid"), Cause.CREDENTIALS),
    Status("apns", 2023, "MissingTopic", _("no topic given"), Cause.WRONG_APP),
    Status(
        "apns",
        2024,
        "ConnClosed",
        _("APNs closed the connection (environment / certificate / bundle ID mismatch)"),
        Cause.WRONG_APP,
    ),
    Status("apns", 2025, "ConnUnavailable", _("no APNs connection available"), Cause.VENDOR_FAULT),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({2009, 2011})
