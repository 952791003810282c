"""APNs' reasons and what follows from each. The codes between Apple's listed ones follow the order of its old table."""

from __future__ import annotations

from channels_vendor.base.contract import Action, Rule

TOO_LARGE = "PayloadTooLarge"
BAD_TOKEN = "BadDeviceToken"  # noqa: S105 - a reason
CONNECTION_CLOSED = Rule(Action.RETRY, 2024)
CANNOT_CONNECT = Rule(Action.RETRY, 2025)

TABLE: dict[str, Rule] = {
    "PayloadEmpty": Rule(Action.REJECT, 2001),
    TOO_LARGE: Rule(Action.REJECT, 2002),
    "BadTopic": Rule(Action.DISABLE_ACCOUNT, 2003),
    "TopicDisallowed": Rule(Action.DISABLE_ACCOUNT, 2004),
    "BadMessageId": Rule(Action.REJECT, 2005),
    "BadExpirationDate": Rule(Action.REJECT, 2006),
    "BadPriority": Rule(Action.REJECT, 2007),
    "MissingDeviceToken": Rule(Action.REJECT, 2008),
    # A sandbox token sent to production gives the same: given up once the account has had another accepted.
    BAD_TOKEN: Rule(Action.INVALIDATE_TOKEN, 2009),
    # Another app's token, or the account is another app's.
    "DeviceTokenNotForTopic": Rule(Action.SUSPECT_TOKEN, 2010),
    "Unregistered": Rule(Action.INVALIDATE_TOKEN, 2011),
    "ExpiredToken": Rule(Action.INVALIDATE_TOKEN, 2011),
    "DuplicateHeaders": Rule(Action.REJECT, 2012),
    "BadCertificateEnvironment": Rule(Action.DISABLE_ACCOUNT, 2013),
    "BadCertificate": Rule(Action.DISABLE_ACCOUNT, 2014),
    "Forbidden": Rule(Action.DISABLE_ACCOUNT, 2015),
    "BadPath": Rule(Action.REJECT, 2016),
    "MethodNotAllowed": Rule(Action.REJECT, 2017),
    # Too many to one device: only that one waits.
    "TooManyRequests": Rule(Action.RETRY, 2018, wait=60.0),
    "IdleTimeout": Rule(Action.RETRY, 2019),
    "Shutdown": Rule(Action.RETRY, 2020),
    "InternalServerError": Rule(Action.RETRY, 2021),
    "ServiceUnavailable": Rule(Action.RETRY, 2022),
    "MissingTopic": Rule(Action.DISABLE_ACCOUNT, 2023),
    "BadCollapseId": Rule(Action.REJECT),
    "InvalidPushType": Rule(Action.REJECT),
    "ExpiredProviderToken": Rule(Action.RENEW_CREDENTIAL),
    "InvalidProviderToken": Rule(Action.DISABLE_ACCOUNT),
    "MissingProviderToken": Rule(Action.DISABLE_ACCOUNT),
    "UnrelatedKeyIdInToken": Rule(Action.DISABLE_ACCOUNT),
    "BadEnvironmentKeyIdInToken": Rule(Action.DISABLE_ACCOUNT),
    # Apple takes a new provider token every 20 minutes at most.
    "TooManyProviderTokenUpdates": Rule(Action.THROTTLE, wait=1200.0),
}
