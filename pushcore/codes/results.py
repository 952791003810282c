"""Result codes: what an operation answers, in both APIs (source document, chapter 8.2, result codes).

This enumeration is the only place where a result code is written down.
"""

from __future__ import annotations

from enum import Enum


class ResultCode(Enum):
    """A result code: `code` is answered as text, with `name` beside it; `meaning` is the default message."""

    SUCCESS = ("100", "succeeded")
    SIGNATURE_MISMATCH = ("-1", "request signature does not match")
    NEED_DELIVERYTOKEN = ("3001", "deliveryToken is empty")
    NEED_FILE = ("3002", "file is empty")
    NEED_APPID_WORKSPACEID = ("3003", "app ID or workspace is empty")
    APPID_WRONG = ("3007", "unknown app ID or workspace")
    OS_TYPE_NOT_SUPPORTED = ("3008", "push platform not supported")
    DELIVERY_TYPE_NOT_SUPPORTED = ("3009", "deliveryType not supported")
    NEED_USERID = ("3012", "userId is empty")
    TASKNAME_NULL = ("3019", "task name is empty")
    EXPIREDSECONDS_WRONG = ("3020", "illegal validity period")
    TOKEN_OR_USERID_NULL = ("3021", "target is empty")
    TEMPLATE_NOT_EXIST = ("3022", "template does not exist")
    TEMPLATEKV_NOT_ENOUGH = ("3023", "template parameters do not match the placeholders")
    PAYLOAD_NOT_ENOUGH = ("3024", "title or content is empty")
    NEED_TEMPLATE = ("3025", "template is empty")
    EXPIREDTIME_TOO_LONG = ("3026", "validity period too long")
    INVALID_PARAM = ("3028", "illegal parameter")
    SINGLE_PUSH_TARGET_TOO_MUCH = ("3029", "too many targets (simple and template push: 10)")
    BROADCAST_ONLY_SUPPORT_BY_DEVICE = ("3030", "broadcast works by device only")
    REQUEST_SHOULD_BE_UTF8 = ("3031", "request body must be UTF-8")
    REST_API_SWITCH_NOT_OPEN = ("3032", "push API is switched off")
    UNKNOWN_REST_SIGN_TYPE = ("3033", "signature type not supported")
    EXTEND_PARAM_TO_MUCH = ("3035", "more than 20 extension parameters")
    TEMPLATE_ALREADY_EXIST = ("3036", "template already exists")
    TEMPLATE_NAME_NULL = ("3037", "template name is empty")
    TEMPLATE_NAME_INVALID = ("3038", "illegal template name")
    TEMPLATE_CONTENT_INVALID = ("3039", "illegal template content")
    TEMPLATE_TITLE_INVALID = ("3040", "illegal template title")
    TEMPLATE_DESC_INFO_INVALID = ("3041", "illegal template description")
    TEMPLATE_URI_INVALID = ("3042", "illegal template URI")
    SINGLE_PUSH_CONTENT_TOO_LONG = ("3043", "message body too long")
    INVALID_EXTEND_PARAM = ("3044", "illegal extension parameter")
    MULTIPLE_INNER_EXTEND_PARAM_TO_MUCH = ("3049", "multiple push: more than 10 extension parameters inside one target")
    MSG_PAYLOAD_TOO_LONG = ("3050", "message payload too long")
    BROADCAST_ALL_USER_NEED_UNBIND_PERIOD = ("3051", "broadcast to logged-out users needs unBindPeriod")
    BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID = ("3052", "illegal unBindPeriod")
    BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID = (
        "3053",
        "self-built Android channel does not support broadcast to logged-out users",
    )
    DELIVERYTOKEN_INVALID = ("3054", "illegal self-built channel token")
    MULTIPLE_TARGET_NUMBER_TOO_MUCH = ("3055", "too many targets in one multiple push (400)")
    TEMPLATE_NUM_TOO_MUCH = ("3056", "too many templates")
    ANDROID_CHANNEL_PARAM_INVALID = ("3057", "invalid androidChannel")
    BADGE_ADD_NUM_INVALID = ("3058", "invalid badge_add_num")
    BADGE_ADD_NUM_NEED_BADGE_CLASS = ("3059", "badge_add_num needs badge_class")
    SYSTEM_ERROR = ("9000", "system error")

    def __init__(self, code: str, meaning: str) -> None:
        self.code = code
        self.meaning = meaning


class ResultError(Exception):
    """An operation refuses its input, with the code to answer and, optionally, what exactly is wrong."""

    def __init__(self, result: ResultCode, detail: str = "") -> None:
        self.result = result
        self.message = f"{result.meaning}: {detail}" if detail else result.meaning
        super().__init__(f"{result.code} {result.name}: {self.message}")
