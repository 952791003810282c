"""APNs' reasons and what follows from each. The codes between Apple's listed ones follow the order of its old table."""

from __future__ import annotations

from channels_vendor.base.outcomes import Action, AnswerRule

TOO_LARGE = "PayloadTooLarge"
BAD_TOKEN = "BadDeviceToken"  # noqa: S105 - a reason
CONNECTION_CLOSED = AnswerRule(Action.RETRY, 2024)
CANNOT_CONNECT = AnswerRule(Action.RETRY, 2025)

TABLE: dict[str, AnswerRule] = {
    "PayloadEmpty": AnswerRule(Action.REJECT, 2001),
    TOO_LARGE: AnswerRule(Action.REJECT, 2002),
    "BadTopic": AnswerRule(Action.DISABLE_ACCOUNT, 2003),
    "TopicDisallowed": AnswerRule(Action.DISABLE_ACCOUNT, 2004),
    "BadMessageId": AnswerRule(Action.REJECT, 2005),
    "BadExpirationDate": AnswerRule(Action.REJECT, 2006),
    "BadPriority": AnswerRule(Action.REJECT, 2007),
    "MissingDeviceToken": AnswerRule(Action.REJECT, 2008),
    # A sandbox token sent to production gives the same: given up once the account has had another accepted.
    BAD_TOKEN: AnswerRule(Action.INVALIDATE_TOKEN, 2009),
    # Another app's token, or the account is another app's.
    "DeviceTokenNotForTopic": AnswerRule(Action.SUSPECT_TOKEN, 2010),
    "Unregistered": AnswerRule(Action.INVALIDATE_TOKEN, 2011),
    "ExpiredToken": AnswerRule(Action.INVALIDATE_TOKEN, 2011),
    "DuplicateHeaders": AnswerRule(Action.REJECT, 2012),
    "BadCertificateEnvironment": AnswerRule(Action.DISABLE_ACCOUNT, 2013),
    "BadCertificate": AnswerRule(Action.DISABLE_ACCOUNT, 2014),
    "Forbidden": AnswerRule(Action.DISABLE_ACCOUNT, 2015),
    "BadPath": AnswerRule(Action.REJECT, 2016),
    "MethodNotAllowed": AnswerRule(Action.REJECT, 2017),
    # Too many to one device: only that one waits.
    "TooManyRequests": AnswerRule(Action.RETRY, 2018, wait=60.0),
    "IdleTimeout": AnswerRule(Action.RETRY, 2019),
    "Shutdown": AnswerRule(Action.RETRY, 2020),
    "InternalServerError": AnswerRule(Action.RETRY, 2021),
    "ServiceUnavailable": AnswerRule(Action.RETRY, 2022),
    "MissingTopic": AnswerRule(Action.DISABLE_ACCOUNT, 2023),
    "BadCollapseId": AnswerRule(Action.REJECT),
    "InvalidPushType": AnswerRule(Action.REJECT),
    "ExpiredProviderToken": AnswerRule(Action.RENEW_CREDENTIAL),
    "InvalidProviderToken": AnswerRule(Action.DISABLE_ACCOUNT),
    "MissingProviderToken": AnswerRule(Action.DISABLE_ACCOUNT),
    "UnrelatedKeyIdInToken": AnswerRule(Action.DISABLE_ACCOUNT),
    "BadEnvironmentKeyIdInToken": AnswerRule(Action.DISABLE_ACCOUNT),
    # Apple takes a new provider token every 20 minutes at most.
    "TooManyProviderTokenUpdates": AnswerRule(Action.THROTTLE, wait=1200.0),
}
