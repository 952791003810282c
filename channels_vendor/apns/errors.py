"""APNs' reasons and what follows from each. The codes between Apple's listed ones follow the order of its old table."""

from __future__ import annotations

from channels_vendor.base.contract import Action, Rule

TOO_LARGE = "PayloadTooLarge"
BAD_TOKEN = "BadDeviceToken"  # noqa: S105 - a reason
CONNECTION_CLOSED = Rule(Action.RETRY, 2024)
CANNOT_CONNECT = Rule(Action.RETRY, 2025)

TABLE: dict[str, Rule] = {
    "PayloadEmpty": Rule(Action.FIX, 2001),
    TOO_LARGE: Rule(Action.FIX, 2002),
    "BadTopic": Rule(Action.STOP, 2003),
    "TopicDisallowed": Rule(Action.STOP, 2004),
    "BadMessageId": Rule(Action.FIX, 2005),
    "BadExpirationDate": Rule(Action.FIX, 2006),
    "BadPriority": Rule(Action.FIX, 2007),
    "MissingDeviceToken": Rule(Action.FIX, 2008),
    # A sandbox token sent to production gives the same: given up once the account has had another accepted.
    BAD_TOKEN: Rule(Action.DROP, 2009),
    # Another app's token, or the account is another app's.
    "DeviceTokenNotForTopic": Rule(Action.SUSPECT, 2010),
    "Unregistered": Rule(Action.DROP, 2011),
    "ExpiredToken": Rule(Action.DROP, 2011),
    "DuplicateHeaders": Rule(Action.FIX, 2012),
    "BadCertificateEnvironment": Rule(Action.STOP, 2013),
    "BadCertificate": Rule(Action.STOP, 2014),
    "Forbidden": Rule(Action.STOP, 2015),
    "BadPath": Rule(Action.FIX, 2016),
    "MethodNotAllowed": Rule(Action.FIX, 2017),
    # Too many to one device: only that one waits.
    "TooManyRequests": Rule(Action.RETRY, 2018, wait=60.0),
    "IdleTimeout": Rule(Action.RETRY, 2019),
    "Shutdown": Rule(Action.RETRY, 2020),
    "InternalServerError": Rule(Action.RETRY, 2021),
    "ServiceUnavailable": Rule(Action.RETRY, 2022),
    "MissingTopic": Rule(Action.STOP, 2023),
    "BadCollapseId": Rule(Action.FIX),
    "InvalidPushType": Rule(Action.FIX),
    "ExpiredProviderToken": Rule(Action.AUTH),
    "InvalidProviderToken": Rule(Action.STOP),
    "MissingProviderToken": Rule(Action.STOP),
    "UnrelatedKeyIdInToken": Rule(Action.STOP),
    "BadEnvironmentKeyIdInToken": Rule(Action.STOP),
    # Apple takes a new provider token every 20 minutes at most.
    "TooManyProviderTokenUpdates": Rule(Action.SLOW, wait=1200.0),
}
