"""FCM's errors (HTTP v1: the FcmError detail's errorCode, else the status) and what follows from each."""

from __future__ import annotations

from typing import Any

from channels_vendor.base.outcomes import Action, AnswerRule

TOO_BIG = "INVALID_ARGUMENT/size"

_QUOTA_WAIT = 60.0

TABLE: dict[str, AnswerRule] = {
    "UNREGISTERED": AnswerRule(Action.INVALIDATE_TOKEN, 90000003),
    # Without FCM's own detail it is not the token that is not found, but the project.
    "NOT_FOUND": AnswerRule(Action.DISABLE_ACCOUNT, 90000401),
    "INVALID_ARGUMENT/token": AnswerRule(Action.INVALIDATE_TOKEN, 90000002),
    "INVALID_ARGUMENT/ttl": AnswerRule(Action.REJECT, 90000009),
    "INVALID_ARGUMENT/package": AnswerRule(Action.REJECT, 90000004),
    TOO_BIG: AnswerRule(Action.REJECT, 90000007),
    "INVALID_ARGUMENT": AnswerRule(Action.REJECT),
    # A token of another project: this project will never reach it, others of the batch it does.
    "SENDER_ID_MISMATCH": AnswerRule(Action.SUSPECT_TOKEN, 90000401),
    "UNAUTHENTICATED": AnswerRule(Action.RENEW_CREDENTIAL, 90000401),
    "PERMISSION_DENIED": AnswerRule(Action.DISABLE_ACCOUNT, 90000401),
    # The project's APNs or web push key: only tokens of that platform are concerned.
    # https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
    "THIRD_PARTY_AUTH_ERROR": AnswerRule(Action.REJECT, 90000401),
    "APNS_AUTH_ERROR": AnswerRule(Action.REJECT, 90000401),
    "QUOTA_EXCEEDED": AnswerRule(Action.THROTTLE, wait=_QUOTA_WAIT),
    # Of one device: only that one waits.
    "QUOTA_EXCEEDED/device": AnswerRule(Action.RETRY, wait=_QUOTA_WAIT),
    "RESOURCE_EXHAUSTED": AnswerRule(Action.THROTTLE, wait=_QUOTA_WAIT),
    "INTERNAL": AnswerRule(Action.RETRY, 90000011),
    "UNAVAILABLE": AnswerRule(Action.RETRY, 90000011),
}

# Where the answer names no error of the table.
STATUSES: dict[int, AnswerRule] = {
    401: TABLE["UNAUTHENTICATED"],
    429: TABLE["QUOTA_EXCEEDED"],
}

# What an INVALID_ARGUMENT is about: by the field that is named, else by FCM's words.
# The whole path: an app's own data may have a field of any name ("message.data.token").
_FIELDS = {
    "message.token": "token",
    "message.android.ttl": "ttl",
    "message.android.restricted_package_name": "package",
}
_WORDS = (
    ("registration token", "token"),
    ("too big", "size"),
    ("exceeds the maximum", "size"),
    ("ttl", "ttl"),
    ("package", "package"),
)


def code_of(http_status: int, error: dict[str, Any]) -> str:
    """Return the key in `TABLE` of an error object, or FCM's own word for what the table does not know."""
    details = [detail for detail in error.get("details", ()) if isinstance(detail, dict)]
    code = next((detail["errorCode"] for detail in details if detail.get("errorCode")), "") or error.get("status", "")
    if code == "INVALID_ARGUMENT":
        return code + _subject(str(error.get("message", "")).lower(), details)
    if code == "QUOTA_EXCEEDED" and _is_of_a_device(details):
        return "QUOTA_EXCEEDED/device"
    return str(code) or f"HTTP {http_status}"


def _is_of_a_device(details: list[dict[str, Any]]) -> bool:
    """Tell whether a `google.rpc.QuotaFailure` names a device's quota."""
    violations = [violation for detail in details for violation in detail.get("violations", ())]
    return any(
        "device" in f"{violation.get('subject')} {violation.get('description')}".lower() for violation in violations
    )


def _subject(message: str, details: list[dict[str, Any]]) -> str:
    fields = [str(violation.get("field", "")) for detail in details for violation in detail.get("fieldViolations", ())]
    if fields:
        return next((f"/{_FIELDS[field]}" for field in fields if field in _FIELDS), "")
    return next((f"/{subject}" for words, subject in _WORDS if words in message), "")
