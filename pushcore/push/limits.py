"""The limits of a push request, and the code that answers each breach (source document, 8.2; docs/api.md).

Every check raises `ResultError` for the first limit that is broken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from pushcore.ab_tests import limits as ab_test_limits
from pushcore.callbacks.signing import callback_problem
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models.pushes import ACTIVITIES, NAMED_TARGETS, DeliveryType
from pushcore.push import sms, vendor_options
from pushcore.push.requests import AnyPush, AudiencePush, BroadcastPush, FilePush, MultiplePush, NamedPush, SimplePush

MAX_TASK_NAME_LENGTH = 200
MAX_TITLE_LENGTH = 200
MAX_CONTENT_LENGTH = 200
MAX_URI_LENGTH = 2048
MAX_EXTENDED_PARAMS = 20
MAX_OWN_EXTENDED_PARAMS = 10
MAX_PAYLOAD_BYTES = 4096
MAX_MESSAGES_PER_SECOND = 100_000
MAX_PACE_URL_LENGTH = 1000
MAX_BEST_TIME_HOURS = 24

# `notifyType` of messages that no vendor is to carry.
SELF_BUILT_ONLY = "transparent"

RESERVED_PARAMS = frozenset({"notifyType", "action", "silent", "pushType", "templateCode", "channel", "taskId"})


# What only a Live Activity has.
ACTIVITY_OPTIONS = (
    "activityEvent", "activityContentState", "activityAttributesType", "activityAttributes", "dismissalDate",
)  # fmt: skip


def check(request: AnyPush | FilePush) -> None:
    """Check what a request says by itself: its targets, its template and its channels are looked at later.

    Raises:
        ResultError: The code of the first limit that the request breaks.
    """
    check_task_name(request.task_name, required=request.task_name_required)
    _check_kind(request)
    check_validity(request.expired_seconds)
    check_extended_params(request.extended_params)
    # What a template may say, a request may leave open.
    open_to_template: tuple[None, ...] = () if isinstance(request, SimplePush) else (None,)
    one_of("pushAction", request.push_action, (*open_to_template, 0, 1))
    one_of("silent", request.silent, (*open_to_template, 0, 1))
    if request.android_channel not in (0, 1, 2):
        raise ResultError(ResultCode.ANDROID_CHANNEL_PARAM_INVALID)
    if request.android_channel and request.delivery_type == DeliveryType.IOS:
        raise ResultError(ResultCode.ANDROID_CHANNEL_PARAM_INVALID, "there is none to choose on iOS")
    _check_vendor_options(request)
    sms.check(request)
    if isinstance(request, AudiencePush | FilePush):
        _check_pace(request)


def _check_kind(request: AnyPush | FilePush) -> None:
    """Check what only pushes of the request's kind have."""
    if isinstance(request, BroadcastPush):
        _check_broadcast(request)
    elif isinstance(request, AudiencePush):
        _check_audience(request)
    elif isinstance(request, FilePush):
        check_delivery_type(request.delivery_type)
        if not re.fullmatch("[0-9a-f]{64}", request.sha256):
            raise ResultError(ResultCode.INVALID_PARAM, "sha256 is the file's SHA-256, 64 hexadecimal digits")
    else:
        _check_activity(request)
    if isinstance(request, SimplePush):
        _check_text(request)
    elif isinstance(request, MultiplePush):
        for target in request.target_msg:
            if len(target.extended_params) > MAX_OWN_EXTENDED_PARAMS:
                raise ResultError(ResultCode.MULTIPLE_INNER_EXTEND_PARAM_TO_MUCH)
            check_extended_params(target.extended_params)


def _check_text(request: SimplePush | AudiencePush) -> None:
    if not request.title.strip() or not request.content.strip():
        raise ResultError(ResultCode.PAYLOAD_NOT_ENOUGH)
    _check_length("title", request.title, MAX_TITLE_LENGTH)
    if len(request.content) > MAX_CONTENT_LENGTH:
        raise ResultError(ResultCode.SINGLE_PUSH_CONTENT_TOO_LONG, f"at most {MAX_CONTENT_LENGTH} characters")
    _check_length("uri", request.uri, MAX_URI_LENGTH)
    one_of("pushStyle", request.push_style, (0, 1, 2))


def _check_pace(request: AudiencePush | FilePush) -> None:
    if request.messages_per_second is not None and not 1 <= request.messages_per_second <= MAX_MESSAGES_PER_SECOND:
        raise ResultError(
            ResultCode.INVALID_PARAM,
            f"messagesPerSecond is a number from 1 to {MAX_MESSAGES_PER_SECOND}",
            parameter="messagesPerSecond",
        )
    problem = callback_problem(request.pace_url) if request.pace_url else ""
    if problem or len(request.pace_url) > MAX_PACE_URL_LENGTH:
        why = problem or f"It has at most {MAX_PACE_URL_LENGTH} characters."
        raise ResultError(ResultCode.INVALID_PARAM, f"paceUrl: {why}", parameter="paceUrl")
    if request.over_seconds is None:
        return
    if not 1 <= request.over_seconds < request.expired_seconds:
        raise _over_seconds("overSeconds is a number from 1, less than expiredSeconds")
    if request.messages_per_second is not None:
        raise _over_seconds("messagesPerSecond or overSeconds, not both")
    if isinstance(request, AudiencePush) and (request.local_time or request.best_time_hours):
        raise _over_seconds("overSeconds: a push at a local or best time has messagesPerSecond only")


def _over_seconds(why: str) -> ResultError:
    return ResultError(ResultCode.INVALID_PARAM, why, parameter="overSeconds")


def _check_best_time(request: AudiencePush) -> None:
    if request.best_time_hours is None:
        return
    if not 1 <= request.best_time_hours <= MAX_BEST_TIME_HOURS:
        raise _best_time(f"bestTimeHours is a number from 1 to {MAX_BEST_TIME_HOURS}")
    if request.local_time or request.local_date:
        raise _best_time("bestTime or localTime, not both")


def _best_time(why: str) -> ResultError:
    return ResultError(ResultCode.INVALID_PARAM, why, parameter="bestTimeHours")


def _check_audience(request: AudiencePush) -> None:
    ab_test_limits.check(request)
    _check_best_time(request)
    if not request.template_name:
        _check_text(request)
        for variant in request.variants:
            _check_length("title", variant.title, MAX_TITLE_LENGTH)
            _check_length("content", variant.content, MAX_CONTENT_LENGTH)
            _check_length("uri", variant.uri, MAX_URI_LENGTH)
        if request.template_key_value:
            raise ResultError(ResultCode.NEED_TEMPLATE, "templateKeyValue needs templateName")
        return
    given = (request.title, request.content, request.uri, request.push_style, request.icon_urls, request.image_urls)
    if any(given):
        raise ResultError(
            ResultCode.INVALID_PARAM,
            "templateName stands in the place of title, content, uri, pushStyle, iconUrls and imageUrls",
        )


def _check_broadcast(request: BroadcastPush) -> None:
    if request.delivery_type == DeliveryType.USER:
        raise ResultError(ResultCode.BROADCAST_ONLY_SUPPORT_BY_DEVICE)
    check_delivery_type(request.delivery_type)
    one_of("pushStatus", request.push_status, (0, 1, 2))
    one_of("timeMode", request.time_mode, (0, 1))
    one_of("bindPeriod", request.bind_period, (None, 1, 2, 3, 4))
    # Periods and times choose among users that the push status names.
    if request.push_status == 2 and (request.bind_period is not None or request.bind_window is not None):
        raise ResultError(
            ResultCode.INVALID_PARAM, "bindPeriod and bind times choose among bound users: pushStatus 0, 1"
        )
    if request.push_status == 0 and (request.unbind_period is not None or request.unbind_window is not None):
        raise ResultError(
            ResultCode.INVALID_PARAM, "unBindPeriod and unbind times choose among unbound users: pushStatus 1, 2"
        )
    if request.push_status and request.unbind_period is None and request.unbind_window is None:
        raise ResultError(ResultCode.BROADCAST_ALL_USER_NEED_UNBIND_PERIOD)
    if request.unbind_period not in (None, 1, 2, 3, 4):
        raise ResultError(ResultCode.BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID)
    if request.unbind_window is not None and request.unbind_window[0] > request.unbind_window[1]:
        raise ResultError(ResultCode.BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID, "unBindStartTime is after unBindEndTime")
    if request.bind_window is not None and request.bind_window[0] > request.bind_window[1]:
        raise ResultError(ResultCode.INVALID_PARAM, "bindStartTime is after bindEndTime")


def _check_vendor_options(request: AnyPush | FilePush) -> None:
    """Check what only vendors' channels read, and that there is a channel left to take it."""
    options, is_activity = request.vendor_options, request.delivery_type in ACTIVITIES
    if not is_activity:
        _refuse_options(request, ACTIVITY_OPTIONS, "a Live Activity (deliveryType 5 or 6)")
    if not re.fullmatch("[!-~]{0,64}", str(options.get("apnsCollapseId", ""))):
        # It travels in a header.
        raise ResultError(ResultCode.INVALID_PARAM, "apnsCollapseId is at most 64 letters, digits and signs (ASCII)")
    # Document 2871125 of the cloud: messages go by any channel, or by the self-built one alone.
    if request.notify_type not in ("", "notify", SELF_BUILT_ONLY):
        raise ResultError(ResultCode.INVALID_PARAM, f"notifyType is one of notify, {SELF_BUILT_ONLY}")
    vendor_options.check(options)
    if request.notify_type != SELF_BUILT_ONLY:
        return
    if request.delivery_type == DeliveryType.IOS or is_activity:
        raise ResultError(ResultCode.INVALID_PARAM, f"notifyType {SELF_BUILT_ONLY}: iOS devices are reached by APNs")
    if vendor_options.transparent_channels(options):
        raise ResultError(
            ResultCode.INVALID_PARAM, f"notifyType {SELF_BUILT_ONLY} leaves transparentMessagePayload no channel"
        )


def check_task_name(name: str, *, required: bool) -> None:
    """Check a task's name, which may be empty unless it is `required`."""
    if required and not name.strip():
        raise ResultError(ResultCode.TASKNAME_NULL)
    _check_length("taskName", name, MAX_TASK_NAME_LENGTH)


def check_delivery_type(delivery_type: int) -> None:
    """Check that targets are devices or users: a Live Activity is only pushed to by name."""
    if delivery_type not in NAMED_TARGETS:
        raise ResultError(ResultCode.DELIVERY_TYPE_NOT_SUPPORTED)


def _check_activity(request: NamedPush) -> None:
    """Check what the targets are, and if these are Live Activities, the options that only they have."""
    event = request.vendor_options.get("activityEvent")
    if request.delivery_type not in ACTIVITIES:
        check_delivery_type(request.delivery_type)
        return
    # What is to start has no ID yet, only the app's token for starting (push to start).
    events = ("start", "update", "end") if request.delivery_type == DeliveryType.ACTIVITY_TOKEN else ("update", "end")
    if event not in events:
        raise ResultError(ResultCode.INVALID_PARAM, f"activityEvent is one of {', '.join(events)}")
    if event != "end" and not request.vendor_options.get("activityContentState"):
        raise ResultError(ResultCode.INVALID_PARAM, "activityContentState is missing")
    if event == "start" and not request.vendor_options.get("activityAttributesType"):
        raise ResultError(ResultCode.INVALID_PARAM, "activityAttributesType is missing")
    if event != "start":
        _refuse_options(request, ("activityAttributesType", "activityAttributes"), "activityEvent start")
    if event != "end":
        _refuse_options(request, ("dismissalDate",), "activityEvent end")
    check_payload(request.vendor_options)


def _refuse_options(request: AnyPush | FilePush, names: Iterable[str], needed: str) -> None:
    """Refuse options that only mean something with what is `needed`."""
    for name in names:
        if name in request.vendor_options:
            raise ResultError(ResultCode.INVALID_PARAM, f"{name} needs {needed}")


def check_validity(expired_seconds: int) -> None:
    """Check how long a message is valid, in seconds."""
    if expired_seconds < 1:
        raise ResultError(ResultCode.EXPIREDSECONDS_WRONG)
    if expired_seconds > settings.MAX_EXPIRED_SECONDS:
        raise ResultError(ResultCode.EXPIREDTIME_TOO_LONG, f"at most {settings.MAX_EXPIRED_SECONDS} seconds")


def check_extended_params(params: Mapping[str, str]) -> None:
    """Check the extension parameters: their number, their names, and the two that have rules of their own (badges)."""
    if len(params) > MAX_EXTENDED_PARAMS:
        raise ResultError(ResultCode.EXTEND_PARAM_TO_MUCH)
    reserved = sorted(RESERVED_PARAMS & params.keys())
    if reserved:
        raise ResultError(ResultCode.INVALID_EXTEND_PARAM, f"{reserved[0]} is reserved", parameter=reserved[0])
    if any(not name.strip() for name in params):
        raise ResultError(ResultCode.INVALID_EXTEND_PARAM, "a name is empty")
    if "badge" in params and not _is_count(params["badge"]):
        raise ResultError(ResultCode.INVALID_EXTEND_PARAM, "badge is a number", parameter="badge")
    if "badge_add_num" in params:
        if not _is_count(params["badge_add_num"]):
            raise ResultError(ResultCode.BADGE_ADD_NUM_INVALID, parameter="badge_add_num")
        if not params.get("badge_class", "").strip():
            raise ResultError(ResultCode.BADGE_ADD_NUM_NEED_BADGE_CLASS, parameter="badge_add_num")


def check_payload(content: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> None:
    """Check that the content, and what vendors are told beside it, fit what every channel can carry.

    Raises:
        ResultError: They are too large together (MSG_PAYLOAD_TOO_LONG).
    """
    if payload_bytes(content, options) > MAX_PAYLOAD_BYTES:
        raise ResultError(ResultCode.MSG_PAYLOAD_TOO_LONG, f"at most {MAX_PAYLOAD_BYTES} bytes as JSON")


def payload_bytes(content: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> int:
    """Return the size of the content, and what vendors are told beside it, as JSON in bytes."""
    whole = {**content, **vendor_options.counted(options or {})}
    return len(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode())


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _check_length(name: str, value: str, longest: int) -> None:
    if len(value) > longest:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is longer than {longest} characters", parameter=name)


def one_of(name: str, value: int | None, allowed: tuple[int | None, ...]) -> None:
    """Check that a parameter has one of a few values.

    Raises:
        ResultError: It has another (INVALID_PARAM); the message names the parameter and what it may be.
    """
    if value not in allowed:
        choices = ", ".join(str(choice) for choice in allowed if choice is not None)
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is one of {choices}", parameter=name)
