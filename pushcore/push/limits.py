"""The limits of a push request and the code that answers each breach (source document, 8.2; docs/api.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models.pushes import ACTIVITIES, DeliveryType
from pushcore.push import vendor_options
from pushcore.push.target_names import clean_target

if TYPE_CHECKING:
    from pushcore.push.requests import (
        AnyPush,
        BroadcastPush,
        FilePush,
        MultiplePush,
        NamedPush,
        SimplePush,
        TemplatePush,
    )

MAX_TARGETS = 10
MAX_MULTIPLE_TARGETS = 400
MAX_MSGKEY_LENGTH = 64
MAX_TASK_NAME_LENGTH = 200
MAX_TITLE_LENGTH = 200
MAX_CONTENT_LENGTH = 200
MAX_URI_LENGTH = 2048
MAX_EXTENDED_PARAMS = 20
MAX_OWN_EXTENDED_PARAMS = 10
MAX_PAYLOAD_BYTES = 4096

# `notifyType` of messages that no vendor is to carry.
SELF_BUILT_ONLY = "transparent"

RESERVED_PARAMS = frozenset({"notifyType", "action", "silent", "pushType", "templateCode", "channel", "taskId"})


# What only a Live Activity has.
ACTIVITY_OPTIONS = (
    "activityEvent", "activityContentState", "activityAttributesType", "activityAttributes", "dismissalDate",
)  # fmt: skip


def check_simple(request: SimplePush) -> None:
    """Raises `ResultError` for the first limit a simple push breaks."""
    check_task_name(request.task_name, required=request.task_name_required)
    _check_aim(request)
    _check_text(request)
    check_targets(request.delivery_type, request.target_msgkey)
    _check_common(request)
    one_of("pushAction", request.push_action, (0, 1))
    one_of("silent", request.silent, (0, 1))
    one_of("pushStyle", request.push_style, (0, 1, 2))
    _check_length("uri", request.uri, MAX_URI_LENGTH)


def check_template_push(request: TemplatePush) -> None:
    """Raises `ResultError` for the first limit a template push breaks; the template itself is looked at later."""
    check_task_name(request.task_name, required=request.task_name_required)
    _check_aim(request)
    check_targets(request.delivery_type, request.target_msgkey)
    _check_common(request)
    one_of("pushAction", request.push_action, (None, 0, 1))
    one_of("silent", request.silent, (None, 0, 1))


def check_multiple(request: MultiplePush) -> None:
    """Raises `ResultError` for the first limit a multiple push breaks."""
    check_task_name(request.task_name, required=request.task_name_required)
    _check_aim(request)
    if not request.target_msg:
        raise ResultError(ResultCode.TOKEN_OR_USERID_NULL)
    if len(request.target_msg) > MAX_MULTIPLE_TARGETS:
        raise ResultError(ResultCode.MULTIPLE_TARGET_NUMBER_TOO_MUCH, f"at most {MAX_MULTIPLE_TARGETS}")
    seen: set[tuple[str, str]] = set()
    for entry in request.target_msg:
        target = check_target(request.delivery_type, entry.target, entry.msgkey)
        if (target, entry.msgkey) in seen:
            raise ResultError(ResultCode.INVALID_PARAM, f"msgkey {entry.msgkey!r} is named twice for one target")
        seen.add((target, entry.msgkey))
        if len(entry.extended_params) > MAX_OWN_EXTENDED_PARAMS:
            raise ResultError(ResultCode.MULTIPLE_INNER_EXTEND_PARAM_TO_MUCH)
        check_extended_params(entry.extended_params)
    _check_common(request)
    one_of("pushAction", request.push_action, (None, 0, 1))
    one_of("silent", request.silent, (None, 0, 1))


def check_broadcast(request: BroadcastPush) -> None:
    """Raises `ResultError` for the first limit a broadcast breaks; its channels are looked at later."""
    check_task_name(request.task_name, required=request.task_name_required)
    if request.delivery_type == DeliveryType.USER:
        raise ResultError(ResultCode.BROADCAST_ONLY_SUPPORT_BY_DEVICE)
    check_delivery_type(request.delivery_type)
    check_msgkey(request.msgkey)
    _check_common(request)
    one_of("pushAction", request.push_action, (None, 0, 1))
    one_of("silent", request.silent, (None, 0, 1))
    one_of("pushStatus", request.push_status, (0, 1, 2))
    one_of("timeMode", request.time_mode, (0, 1))
    one_of("bindPeriod", request.bind_period, (None, 1, 2, 3, 4))
    _check_login(request)
    if request.push_status and request.unbind_period is None and request.unbind_window is None:
        raise ResultError(ResultCode.BROADCAST_ALL_USER_NEED_UNBIND_PERIOD)
    if request.unbind_period not in (None, 1, 2, 3, 4):
        raise ResultError(ResultCode.BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID)
    if request.unbind_window is not None and request.unbind_window[0] > request.unbind_window[1]:
        raise ResultError(ResultCode.BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID, "unBindStartTime is after unBindEndTime")
    if request.bind_window is not None and request.bind_window[0] > request.bind_window[1]:
        raise ResultError(ResultCode.INVALID_PARAM, "bindStartTime is after bindEndTime")


def _check_login(request: BroadcastPush) -> None:
    """Periods and times choose among users that the push status names."""
    if request.push_status == 2 and (request.bind_period is not None or request.bind_window is not None):
        raise ResultError(
            ResultCode.INVALID_PARAM, "bindPeriod and bind times choose among bound users: pushStatus 0, 1"
        )
    if request.push_status == 0 and (request.unbind_period is not None or request.unbind_window is not None):
        raise ResultError(
            ResultCode.INVALID_PARAM, "unBindPeriod and unbind times choose among unbound users: pushStatus 1, 2"
        )


def check_file_push(request: FilePush) -> None:
    """Raises `ResultError` for the first limit a multiple push from a file breaks; its records are looked at later."""
    check_task_name(request.task_name, required=request.task_name_required)
    check_delivery_type(request.delivery_type)
    _check_common(request)
    one_of("pushAction", request.push_action, (None, 0, 1))
    one_of("silent", request.silent, (None, 0, 1))
    if not re.fullmatch("[0-9a-f]{64}", request.sha256):
        raise ResultError(ResultCode.INVALID_PARAM, "sha256 is the file's SHA-256, 64 hexadecimal digits")


def _check_common(request: AnyPush | FilePush) -> None:
    check_validity(request.expired_seconds)
    check_extended_params(request.extended_params)
    _check_notify_type(request)
    vendor_options.check(request.vendor_options)
    if request.delivery_type not in ACTIVITIES:
        _refuse_options(request, ACTIVITY_OPTIONS, "a Live Activity (deliveryType 5 or 6)")
    if not re.fullmatch("[!-~]{0,64}", str(request.vendor_options.get("apnsCollapseId", ""))):
        # It travels in a header.
        raise ResultError(ResultCode.INVALID_PARAM, "apnsCollapseId is at most 64 letters, digits and signs (ASCII)")
    if request.android_channel not in (0, 1, 2):
        raise ResultError(ResultCode.ANDROID_CHANNEL_PARAM_INVALID)
    if request.android_channel and request.delivery_type == DeliveryType.IOS:
        raise ResultError(ResultCode.ANDROID_CHANNEL_PARAM_INVALID, "there is none to choose on iOS")


def _check_notify_type(request: AnyPush | FilePush) -> None:
    """Which way messages take: as ever, or by the self-built channel alone (source: document 2871125 of the cloud)."""
    if request.notify_type not in ("", "notify", SELF_BUILT_ONLY):
        raise ResultError(ResultCode.INVALID_PARAM, f"notifyType is one of notify, {SELF_BUILT_ONLY}")
    if request.notify_type != SELF_BUILT_ONLY:
        return
    if request.delivery_type == DeliveryType.IOS or request.delivery_type in ACTIVITIES:
        raise ResultError(ResultCode.INVALID_PARAM, f"notifyType {SELF_BUILT_ONLY}: iOS devices are reached by APNs")
    if vendor_options.transparent_channels(request.vendor_options):
        raise ResultError(
            ResultCode.INVALID_PARAM, f"notifyType {SELF_BUILT_ONLY} leaves transparentMessagePayload no channel"
        )


def check_task_name(name: str, *, required: bool) -> None:
    if required and not name.strip():
        raise ResultError(ResultCode.TASKNAME_NULL)
    _check_length("taskName", name, MAX_TASK_NAME_LENGTH)


def check_delivery_type(delivery_type: int) -> None:
    """Of devices and users: a Live Activity is only pushed to by name."""
    if delivery_type not in DeliveryType.values or delivery_type in ACTIVITIES:
        raise ResultError(ResultCode.DELIVERY_TYPE_NOT_SUPPORTED)


def _check_aim(request: NamedPush) -> None:
    """What the targets are, and for Live Activities what befalls them."""
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
    """Raises `ResultError` (INVALID_PARAM) where one is given that only means something with what is `needed`."""
    for name in names:
        if name in request.vendor_options:
            raise ResultError(ResultCode.INVALID_PARAM, f"{name} needs {needed}")


def _check_text(request: SimplePush) -> None:
    if not request.title.strip() or not request.content.strip():
        raise ResultError(ResultCode.PAYLOAD_NOT_ENOUGH)
    _check_length("title", request.title, MAX_TITLE_LENGTH)
    if len(request.content) > MAX_CONTENT_LENGTH:
        raise ResultError(ResultCode.SINGLE_PUSH_CONTENT_TOO_LONG, f"at most {MAX_CONTENT_LENGTH} characters")


def check_targets(delivery_type: int, target_msgkey: Mapping[str, str]) -> None:
    """Targets and msgkeys of a simple or template push."""
    if not target_msgkey:
        raise ResultError(ResultCode.TOKEN_OR_USERID_NULL)
    if len(target_msgkey) > MAX_TARGETS:
        raise ResultError(ResultCode.SINGLE_PUSH_TARGET_TOO_MUCH)
    named = {check_target(delivery_type, target, msgkey) for target, msgkey in target_msgkey.items()}
    if len(named) < len(target_msgkey):
        raise ResultError(ResultCode.INVALID_PARAM, "a target is named twice, in two spellings")


def check_target(delivery_type: int, target: str, msgkey: str) -> str:
    """The target as it is kept (`pushcore.push.target_names`), once it and its msgkey are within their limits."""
    cleaned = clean_target(delivery_type, target)
    check_msgkey(msgkey)
    return cleaned


def check_msgkey(msgkey: str) -> None:
    if not msgkey.strip():
        raise ResultError(ResultCode.INVALID_PARAM, "a msgkey is empty")
    _check_length("msgkey", msgkey, MAX_MSGKEY_LENGTH)


def check_validity(expired_seconds: int) -> None:
    if expired_seconds < 1:
        raise ResultError(ResultCode.EXPIREDSECONDS_WRONG)
    if expired_seconds > settings.MAX_EXPIRED_SECONDS:
        raise ResultError(ResultCode.EXPIREDTIME_TOO_LONG, f"at most {settings.MAX_EXPIRED_SECONDS} seconds")


def check_extended_params(params: Mapping[str, str]) -> None:
    """Number, reserved names, and the two that have rules of their own (Huawei badges)."""
    if len(params) > MAX_EXTENDED_PARAMS:
        raise ResultError(ResultCode.EXTEND_PARAM_TO_MUCH)
    reserved = sorted(RESERVED_PARAMS & params.keys())
    if reserved:
        raise ResultError(ResultCode.INVALID_EXTEND_PARAM, f"{reserved[0]} is reserved")
    if any(not name.strip() for name in params):
        raise ResultError(ResultCode.INVALID_EXTEND_PARAM, "a name is empty")
    if "badge" in params and not _is_count(params["badge"]):
        raise ResultError(ResultCode.INVALID_EXTEND_PARAM, "badge is a number")
    if "badge_add_num" in params:
        if not _is_count(params["badge_add_num"]):
            raise ResultError(ResultCode.BADGE_ADD_NUM_INVALID)
        if not params.get("badge_class", "").strip():
            raise ResultError(ResultCode.BADGE_ADD_NUM_NEED_BADGE_CLASS)


def check_payload(content: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> None:
    """The encoded content, and what vendors are told beside it, must fit what every channel can carry."""
    if payload_bytes(content, options) > MAX_PAYLOAD_BYTES:
        raise ResultError(ResultCode.MSG_PAYLOAD_TOO_LONG, f"at most {MAX_PAYLOAD_BYTES} bytes as JSON")


def payload_bytes(content: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> int:
    whole = {**content, **vendor_options.counted(options or {})}
    return len(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode())


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _check_length(name: str, value: str, longest: int) -> None:
    if len(value) > longest:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is longer than {longest} characters")


def one_of(name: str, value: int | None, allowed: tuple[int | None, ...]) -> None:
    """Raises `ResultError` (INVALID_PARAM) naming the parameter and what it may be."""
    if value not in allowed:
        choices = ", ".join(str(choice) for choice in allowed if choice is not None)
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is one of {choices}")
