"""Result codes: what an operation answers, in both APIs (source document, chapter 8.2, result codes).

This enumeration is the only place where a result code is written down.
"""

from __future__ import annotations

from enum import Enum

from django.utils.translation import gettext_noop as _


class ResultCode(Enum):
    """A result code: `code` is answered as text, with `name` beside it; `meaning` is the default message.

    Answers say the meaning in English; it is marked for translation for the console, which shows it to operators.
    """

    SUCCESS = ("100", _("succeeded"))
    SIGNATURE_MISMATCH = ("-1", _("request signature does not match"))
    NEED_DELIVERYTOKEN = ("3001", _("deliveryToken is empty"))
    NEED_FILE = ("3002", _("file is empty"))
    NEED_APPID_WORKSPACEID = ("3003", _("app ID or workspace is empty"))
    APPID_WRONG = ("3007", _("unknown app ID or workspace"))
    OS_TYPE_NOT_SUPPORTED = ("3008", _("push platform not supported"))
    DELIVERY_TYPE_NOT_SUPPORTED = ("3009", _("deliveryType not supported"))
    NEED_USERID = ("3012", _("userId is empty"))
    TASKNAME_NULL = ("3019", _("task name is empty"))
    EXPIREDSECONDS_WRONG = ("3020", _("illegal validity period"))
    TOKEN_OR_USERID_NULL = ("3021", _("target is empty"))
    TEMPLATE_NOT_EXIST = ("3022", _("template does not exist"))
    TEMPLATEKV_NOT_ENOUGH = ("3023", _("template parameters do not match the placeholders"))
    PAYLOAD_NOT_ENOUGH = ("3024", _("title or content is empty"))
    NEED_TEMPLATE = ("3025", _("template is empty"))
    EXPIREDTIME_TOO_LONG = ("3026", _("validity period too long"))
    INVALID_PARAM = ("3028", _("illegal parameter"))
    SINGLE_PUSH_TARGET_TOO_MUCH = ("3029", _("too many targets (simple and template push: 10)"))
    BROADCAST_ONLY_SUPPORT_BY_DEVICE = ("3030", _("broadcast works by device only"))
    REQUEST_SHOULD_BE_UTF8 = ("3031", _("request body must be UTF-8"))
    REST_API_SWITCH_NOT_OPEN = ("3032", _("push API is switched off"))
    UNKNOWN_REST_SIGN_TYPE = ("3033", _("signature type not supported"))
    EXTEND_PARAM_TO_MUCH = ("3035", _("more than 20 extension parameters"))
    TEMPLATE_ALREADY_EXIST = ("3036", _("template already exists"))
    TEMPLATE_NAME_NULL = ("3037", _("template name is empty"))
    TEMPLATE_NAME_INVALID = ("3038", _("illegal template name"))
    TEMPLATE_CONTENT_INVALID = ("3039", _("illegal template content"))
    TEMPLATE_TITLE_INVALID = ("3040", _("illegal template title"))
    TEMPLATE_DESC_INFO_INVALID = ("3041", _("illegal template description"))
    TEMPLATE_URI_INVALID = ("3042", _("illegal template URI"))
    SINGLE_PUSH_CONTENT_TOO_LONG = ("3043", _("message body too long"))
    INVALID_EXTEND_PARAM = ("3044", _("illegal extension parameter"))
    MULTIPLE_INNER_EXTEND_PARAM_TO_MUCH = (
        "3049",
        _("multiple push: more than 10 extension parameters inside one target"),
    )
    MSG_PAYLOAD_TOO_LONG = ("3050", _("message payload too long"))
    BROADCAST_ALL_USER_NEED_UNBIND_PERIOD = ("3051", _("broadcast to logged-out users needs unBindPeriod"))
    BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID = ("3052", _("illegal unBindPeriod"))
    BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID = (
        "3053",
        _("self-built Android channel does not support broadcast to logged-out users"),
    )
    DELIVERYTOKEN_INVALID = ("3054", _("illegal self-built channel token"))
    MULTIPLE_TARGET_NUMBER_TOO_MUCH = ("3055", _("too many targets in one multiple push (400)"))
    TEMPLATE_NUM_TOO_MUCH = ("3056", _("too many templates"))
    ANDROID_CHANNEL_PARAM_INVALID = ("3057", _("invalid androidChannel"))
    BADGE_ADD_NUM_INVALID = ("3058", _("invalid badge_add_num"))
    BADGE_ADD_NUM_NEED_BADGE_CLASS = ("3059", _("badge_add_num needs badge_class"))
    # Of this service alone.
    TAG_NUM_TOO_MUCH = ("3101", _("too many tags, topics or attributes"))
    CONDITION_INVALID = ("3102", _("illegal condition"))
    SEGMENT_NOT_EXIST = ("3103", _("segment does not exist"))
    SEGMENT_ALREADY_EXIST = ("3104", _("segment already exists"))
    SEGMENT_NUM_TOO_MUCH = ("3105", _("too many segments"))
    SEGMENT_NAME_INVALID = ("3106", _("illegal segment name"))
    MESSAGE_CATEGORY_NOT_EXIST = ("3121", _("message category does not exist"))
    SYSTEM_ERROR = ("9000", _("system error"))

    def __init__(self, code: str, meaning: str) -> None:
        self.code = code
        self.meaning = meaning


class ResultError(Exception):
    """An operation refuses its input.

    Attributes:
        result: The code to answer.
        message: The code's meaning and, optionally, what exactly is wrong.
        parameter: What is at fault, where the code does not say it: a parameter by its name in the API, or what there
            is too much of already ("schedules", "files", ...).
    """

    def __init__(self, result: ResultCode, detail: str = "", *, parameter: str = "") -> None:
        self.result = result
        self.parameter = parameter
        self.message = f"{result.meaning}: {detail}" if detail else result.meaning
        super().__init__(f"{result.code} {result.name}: {self.message}")
