"""Status codes: what became of a message, per channel (source document, chapter 6.1.5, message push status codes).

A code means something only together with the channel that said it (10000 is one thing from OPPO, another from vivo);
the common codes are the same on every channel. This table is the only place where a status code is written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WAITING_FOR_VERIFY: Final = -1
WAITING: Final = 0
NO_BIND_INFO: Final = 1
ACKED: Final = 2
UNKNOWN: Final = 99999999
# Ours: the source has no codes for them.
REVOKED: Final = -2
EXPIRED: Final = -3

# A message in one of these may still be delivered; every other status is final.
PENDING: Final = frozenset({WAITING_FOR_VERIFY, WAITING, NO_BIND_INFO})

COMMON: Final = "common"

# What vendors say of a token that reaches nobody (any more), by channel.
DEAD_TOKEN: Final[dict[str, frozenset[int]]] = {
    "apns": frozenset({2009, 2011}),
    "fcm": frozenset({90000002, 90000003}),
    "huawei": frozenset({80000004, 80100002, 80300007}),
    "xiaomi": frozenset({10029, 20301}),
    "oppo": frozenset({10000}),
    "vivo": frozenset({10302}),
}


@dataclass(frozen=True, slots=True)
class Status:
    """One row of the table. `name` is empty where the vendor gives a code no name."""

    channel: str
    code: int
    name: str
    meaning: str

    @property
    def label(self) -> str:
        """What a receipt and the console show: the name, else the meaning."""
        return self.name or self.meaning


_TABLE: Final = (
    Status("common", -1, "WaitingForVerify", "waiting for verification"),
    Status(
        "common",
        0,
        "DeviceNotOnlineOrNoResponse",
        "device offline (no persistent connection) or delivery not confirmed yet; resent within the validity period",
    ),
    Status(
        "common",
        1,
        "NoBindInfo",
        "pushed by user ID but the user has no bound device; resent on bind within the validity period",
    ),
    Status(
        "common",
        2,
        "Acked",
        "self-built channel: the device confirmed receipt; third-party channel: the vendor gateway accepted the call",
    ),
    Status("common", 99999999, "NONE", "unknown"),
    Status("common", -2, "Revoked", "revoked before it was delivered"),
    Status("common", -3, "Expired", "not delivered within its validity period; not sent any more"),
    Status("apns", 2001, "PayloadEmpty", "message payload is empty"),
    Status("apns", 2002, "PayloadTooLarge", "message payload too large"),
    Status("apns", 2003, "BadTopic", "bundle ID in the certificate is incorrect"),
    Status("apns", 2004, "TopicDisallowed", "bundle ID in the certificate is not allowed"),
    Status("apns", 2005, "BadMessageId", "incorrect message ID"),
    Status("apns", 2006, "BadExpirationDate", "invalid expiration date"),
    Status("apns", 2007, "BadPriority", "invalid priority"),
    Status("apns", 2008, "MissingDeviceToken", "device token missing"),
    Status(
        "apns",
        2009,
        "BadDeviceToken",
        "device token invalid or malformed or unknown (often a sandbox/production mismatch)",
    ),
    Status("apns", 2010, "DeviceTokenNotForTopic", "device token does not match the topic (bundle ID)"),
    Status("apns", 2011, "Unregistered", "device token no longer valid"),
    Status("apns", 2013, "BadCertificateEnvironment", "client certificate is for the wrong environment"),
    Status("apns", 2014, "BadCertificate", "certificate invalid"),
    Status("apns", 2023, "MissingTopic", "no topic given"),
    Status("apns", 2024, "ConnClosed", "APNs closed the connection (environment / certificate / bundle ID mismatch)"),
    Status("apns", 2025, "ConnUnavailable", "no APNs connection available"),
    Status("huawei", 100, "", "invalid unknown parameter"),
    Status("huawei", 101, "", "invalid API_KEY"),
    Status("huawei", 102, "", "invalid SESSION_KEY"),
    Status("huawei", 106, "", "app or session has no permission for this service"),
    Status("huawei", 107, "", "client and secret must be obtained again"),
    Status("huawei", 109, "", "nsp_ts difference too large"),
    Status("huawei", 110, "", "internal interface error"),
    Status("huawei", 111, "", "server busy"),
    Status("huawei", 80000003, "", "terminal not online"),
    Status("huawei", 80000004, "", "app was uninstalled"),
    Status("huawei", 80000005, "", "response timed out"),
    Status("huawei", 80000006, "", "no routing: terminal never connected to Push"),
    Status("huawei", 80000007, "", "terminal is in another region"),
    Status("huawei", 80000008, "", "incorrect routing (terminal may have switched Push server)"),
    Status("huawei", 80100000, "", "some parameters are incorrect"),
    Status("huawei", 80100002, "", "illegal token list"),
    Status("huawei", 80100003, "", "illegal payload"),
    Status("huawei", 80100004, "", "invalid timeout period"),
    Status("huawei", 80300002, "", "no permission to send to the listed tokens"),
    Status("huawei", 80300007, "", "all tokens in the request are illegal"),
    Status("huawei", 81000001, "", "internal error"),
    Status("huawei", 80300008, "", "message body too large"),
    Status("xiaomi", 1001, "", "system error"),
    Status("xiaomi", 10002, "", "service suspended"),
    Status("xiaomi", 10003, "", "remote service error"),
    Status("xiaomi", 10004, "", "resource not allowed from this IP"),
    Status("xiaomi", 10005, "", "resource needs an authorised app key"),
    Status("xiaomi", 10008, "", "incorrect parameters"),
    Status("xiaomi", 10009, "", "system busy"),
    Status("xiaomi", 10012, "", "illegal request"),
    Status("xiaomi", 10013, "", "illegal user"),
    Status("xiaomi", 10014, "", "app's access to the interface is restricted"),
    Status("xiaomi", 10017, "", "illegal parameter value"),
    Status("xiaomi", 10018, "", "request exceeds the length limit"),
    Status("xiaomi", 10022, "", "requests from the IP exceed the frequency limit"),
    Status("xiaomi", 10023, "", "user's requests exceed the frequency limit"),
    Status("xiaomi", 10024, "", "user's requests to the special interface exceed the frequency limit"),
    Status("xiaomi", 10026, "", "app is on the blacklist"),
    Status("xiaomi", 10027, "", "app API called too frequently"),
    Status("xiaomi", 10029, "", "illegal device"),
    Status("xiaomi", 21301, "", "authentication failed"),
    Status("xiaomi", 22000, "", "illegal app"),
    Status("xiaomi", 22001, "", "app does not exist"),
    Status("xiaomi", 22002, "", "app was revoked"),
    Status("xiaomi", 22003, "", "app update failed"),
    Status("xiaomi", 22004, "", "app information missing"),
    Status("xiaomi", 22005, "", "invalid app name"),
    Status("xiaomi", 22006, "", "invalid app ID"),
    Status("xiaomi", 22007, "", "invalid app key"),
    Status("xiaomi", 22008, "", "invalid app secret"),
    Status("xiaomi", 22020, "", "illegal app description"),
    Status("xiaomi", 22021, "", "app not authorised by users"),
    Status("xiaomi", 22022, "", "invalid app package name"),
    Status("xiaomi", 22100, "", "app notification has an incorrect data format"),
    Status("xiaomi", 22101, "", "too many app notifications"),
    Status("xiaomi", 22102, "", "sending the app notification failed"),
    Status("xiaomi", 22103, "", "invalid app notification ID"),
    Status("xiaomi", 20301, "", "invalid target"),
    Status("oppo", -1, "Service Currently Unavailable", "service unavailable; try later"),
    Status("oppo", -2, "Service in Flow Control", "service is under traffic control"),
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
    Status("fcm", 90000002, "InvalidRegistration", "invalid target"),
    Status("fcm", 90000003, "NotRegistered", "target is no longer registered"),
    Status("fcm", 90000004, "InvalidPackageName", "invalid package name"),
    Status("fcm", 90000007, "MessageTooBig", "message body too large"),
    Status("fcm", 90000009, "InvalidTtl", "invalid time to live"),
    Status("fcm", 90000011, "InternalServerError", "FCM service error"),
    Status("fcm", 90000401, "Authentication", "permission check failed"),
)

STATUSES: Final[dict[tuple[str, int], Status]] = {(status.channel, status.code): status for status in _TABLE}


def lookup(code: int, channel: str = COMMON) -> Status:
    """The status of `code` as `channel` means it, else as all channels do, else a nameless one with the bare code."""
    return (
        STATUSES.get((channel, code))
        or STATUSES.get((COMMON, code))
        or Status(channel, code, "", f"status {code} of channel {channel}")
    )
