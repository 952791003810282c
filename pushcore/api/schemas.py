"""Request schemas of the operations: shape and type only. Limits are the services' (`pushcore.push.limits`).

A schema's `codes` says which result code answers which field's fault; INVALID_PARAM, naming the field, where
it is silent. Fields are spelled as the API spells them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar

from rest_framework import serializers

from pushcore.api.channel_texts import text_of_channels
from pushcore.api.values import JsonObject, Moment, Number, Text, TextMap, WholeNumber, as_object
from pushcore.codes.results import ResultCode, ResultError
from pushcore.push.requests import BroadcastPush, FilePush, MultiplePush, SimplePush, TargetMessage, TemplatePush
from pushcore.push.templates import TemplateDraft
from pushcore.schedules.times import Cyclic, Strategy, Timed
from pushcore.storage import ids

OPTIONAL: dict[str, Any] = {"required": False, "default": None, "allow_null": True}


class RequestSchema(serializers.Serializer[Any]):
    """Parameters every operation has, and reading them."""

    codes: ClassVar[dict[str, ResultCode]] = {}

    appId = Text(help_text="App ID.", required=True)
    workspaceId = Text(help_text="Workspace ID.", required=True)

    @classmethod
    def map_parameters(cls) -> Mapping[str, bool]:
        """The parameters that are maps: whether a map may lie within a map."""
        return _map_fields(cls)

    @classmethod
    def names(cls) -> Collection[str]:
        """The names of all parameters."""
        return _fields(cls).keys()

    @classmethod
    def refuse_unknown(cls, parameters: Mapping[str, Any], beside: Collection[str] = ()) -> None:
        """Raises `ResultError` (INVALID_PARAM) naming a parameter, or a part of one, that this operation does not know.

        `beside`: what belongs to the call and not to the operation.
        """
        fields = _fields(cls)
        refuse_unknown_names(parameters, {*fields, *beside})
        for name, field in fields.items():
            entries = parameters.get(name)
            if isinstance(field, serializers.ListSerializer) and isinstance(entries, list):
                known = field.child.fields.keys()  # type: ignore[union-attr]
                for place, entry in enumerate(entries):
                    if isinstance(entry, Mapping):
                        refuse_unknown_names(entry, known, f"{name}[{place}].")

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as Python values, defaults filled in. Raises `ResultError` for the first field at fault."""
        values: dict[str, Any] = {}
        for name, field in _fields(cls).items():
            given = parameters.get(name)
            # A null is a parameter left out, and so is a number without digits.
            if not field.required and (given is None or (given == "" and isinstance(field, WholeNumber))):
                values[name] = field.default() if callable(field.default) else field.default
                continue
            try:
                values[name] = field.run_validation(given)
            except serializers.ValidationError:
                raise ResultError(cls.codes.get(name, ResultCode.INVALID_PARAM), name) from None
        return values


def refuse_unknown_names(given: Mapping[str, Any], known: Collection[str], path: str = "") -> None:
    """Raises `ResultError` (INVALID_PARAM) naming the first that is not known, and what may be meant."""
    unknown = next((name for name in given if name not in known), None)
    if unknown is None:
        return
    near = get_close_matches(unknown, known, n=1)
    meant = f"; is {near[0]} meant?" if near else ""
    raise ResultError(ResultCode.INVALID_PARAM, f"{path}{unknown[:64]} is no parameter of this operation{meant}")


@cache
def _fields(schema: type[RequestSchema]) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """A schema's fields by name, made once: they keep nothing of what they read, and a serializer copies each of them
    for every request. Those that are not required have a default."""
    return dict(schema().fields)


@cache
def _map_fields(schema: type[RequestSchema]) -> dict[str, bool]:
    return {
        name: not isinstance(field, TextMap)
        for name, field in _fields(schema).items()
        if isinstance(field, TextMap | JsonObject | StrategyContent)
    }


def id_of(text: str, name: str) -> int:
    if (found := ids.parse(text)) is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name}: {text[:50]!r} is not an ID")
    return found


def between(values: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value: int = values[name]
    if not low <= value <= high:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is from {low} to {high}")
    return value


def needed(values: Mapping[str, Any], name: str) -> Any:
    if values[name] is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is missing")
    return values[name]


class StrategyContent(serializers.Serializer[Any]):
    """When a push is sent; which parts are needed depends on `strategyType`."""

    fixedTime = Moment(**OPTIONAL)
    startTime = Moment(**OPTIONAL)
    endTime = Moment(**OPTIONAL)
    circleType = Number(**OPTIONAL)
    circleValue = serializers.ListField(child=Number(), max_length=31, required=False, default=list)
    time = serializers.TimeField(**OPTIONAL)

    def to_internal_value(self, data: Any) -> Any:
        content = as_object(data, "strategyContent")
        if isinstance(content, Mapping):
            refuse_unknown_names(content, self.fields.keys(), "strategyContent.")
        return super().to_internal_value(content)


class PushSchema(RequestSchema):
    """What pushes to named targets have in common."""

    codes = {
        "deliveryType": ResultCode.DELIVERY_TYPE_NOT_SUPPORTED,
        "expiredSeconds": ResultCode.EXPIREDSECONDS_WRONG,
        "extendedParams": ResultCode.INVALID_EXTEND_PARAM,
    }

    taskName = Text(help_text="Name of the push task; required in version 2019-08-21. At most 200 characters.")
    deliveryType = Number(
        help_text="What a target is: 1 Android device, 2 iOS device, 3 user, 5 Live Activity's push token, "
        "6 Live Activity's ID, 7 HarmonyOS device."
    )
    expiredSeconds = Number(help_text="Validity in seconds.")
    extendedParams = TextMap(help_text="Extension parameters, at most 20; reserved names are refused.")
    notifyType = Text(help_text="Way to the device: notify (default), or transparent: the self-built channel only.")
    strategyType = Number(help_text="0 now, 1 timed, 2 cyclic.", required=False, default=0)
    strategyContent = StrategyContent(
        help_text="When to send: fixedTime (ms) where timed; startTime, endTime (ms), circleType (1 daily, 2 weekly, "
        "3 monthly), circleValue (days of the week, 1 Monday, or of the month) and time (HH:MM:SS) where cyclic.",
        **OPTIONAL,
    )
    channelId = Text(help_text="Android notification channel.")
    miChannelId = Text(help_text="Xiaomi channel.")
    classification = Text(help_text="vivo: 0 operational, 1 system (default).")
    thirdChannelCategory = TextMap(
        help_text=text_of_channels(
            "Message category by vendor ({with_categories}): its name there, or the cloud's code."
        )
    )
    notifyLevel = TextMap(help_text="Reminder level by vendor: hms 1 low, 2 normal; oppo 1, 2, 16.")
    vendorTemplate = Text(help_text="OPPO: private-message template.")
    transparentMessagePayload = JsonObject(
        help_text=text_of_channels(
            "By vendor ({with_pass_through}): text or an object that is handed to the app, not shown."
        ),
        **OPTIONAL,
    )
    transparentMessageUrgency = Text(help_text="Of what is handed to the app: HIGH, NORMAL (default).")
    apnsCollapseId = Text(help_text="APNs: notifications with the same one replace each other; at most 64 bytes.")
    apnsCategory = Text(help_text="APNs: category, whose actions are offered.")
    threadId = Text(help_text="APNs: notifications with the same one are grouped.")
    activityEvent = Text(help_text="Live Activity: start (deliveryType 5 only), update or end.")
    activityContentState = JsonObject(help_text="Live Activity: its content, as the app declares it.", **OPTIONAL)
    activityAttributesType = Text(help_text="Live Activity to start: the name of the app's attributes type.")
    activityAttributes = JsonObject(help_text="Live Activity to start: its attributes.", **OPTIONAL)
    dismissalDate = WholeNumber(
        help_text="Live Activity that ends: when it leaves the screen, seconds since 1970.",
        low=0,
        high=253_402_300_799,
        **OPTIONAL,
    )
    smsSignName = Text(help_text="SMS complement: signature.")
    smsStrategy = Number(help_text="SMS complement: 0, for none is sent.", **OPTIONAL)
    smsTemplateCode = Text(help_text="SMS complement: template.")
    smsTemplateParam = Text(help_text="SMS complement: template parameters.")


def strategy_of(values: Mapping[str, Any]) -> Strategy | None:
    """When the push is to be sent; None for now. Raises `ResultError` (INVALID_PARAM)."""
    content = values["strategyContent"] or {}
    if values["strategyType"] == 0:
        if any(part not in (None, []) for part in content.values()):
            raise ResultError(ResultCode.INVALID_PARAM, "strategyContent needs strategyType 1 (timed) or 2 (cyclic)")
        return None
    if values["strategyType"] == 1:
        return Timed(_part(content, "fixedTime"))
    if values["strategyType"] == 2:
        return Cyclic(
            _part(content, "startTime"),
            _part(content, "endTime"),
            _part(content, "circleType"),
            tuple(_part(content, "circleValue")),
            _part(content, "time"),
        )
    raise ResultError(ResultCode.INVALID_PARAM, "strategyType is one of 0, 1, 2")


def _part(content: Mapping[str, Any], name: str) -> Any:
    if content.get(name) is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"strategyContent: {name} is missing")
    return content[name]


class PushSimpleSchema(PushSchema):
    """A simple push: one message to each of up to 10 targets."""

    codes = PushSchema.codes | {
        "targetMsgkey": ResultCode.TOKEN_OR_USERID_NULL,
        "title": ResultCode.PAYLOAD_NOT_ENOUGH,
        "content": ResultCode.PAYLOAD_NOT_ENOUGH,
    }

    title = Text(help_text="Title, at most 200 characters.")
    content = Text(help_text="Body, at most 200 characters.")
    targetMsgkey = TextMap(help_text="Target -> msgkey: at most 10 targets; a msgkey has at most 64 characters.")
    pushAction = Number(help_text="On tap: 0 web URL, 1 intent activity.", required=False, default=0)
    uri = Text(help_text="URL to open on tap.")
    silent = Number(help_text="1: not shown.", required=False, default=0)
    pushStyle = Number(help_text="0 default, 1 big text, 2 rich.", required=False, default=0)
    iconUrls = TextMap(help_text="Icon per channel.")
    imageUrls = TextMap(help_text="Large image per channel.")


class PushTemplateSchema(PushSchema):
    """A template push: a template, filled in once, to each of up to 10 targets."""

    codes = PushSchema.codes | {
        "targetMsgkey": ResultCode.TOKEN_OR_USERID_NULL,
        "templateName": ResultCode.NEED_TEMPLATE,
        "templateKeyValue": ResultCode.TEMPLATEKV_NOT_ENOUGH,
    }

    templateName = Text(help_text="Name of the template.")
    templateKeyValue = TextMap(help_text="Placeholder -> value.")
    targetMsgkey = TextMap(help_text="Target -> msgkey: at most 10 targets; a msgkey has at most 64 characters.")
    pushAction = Number(help_text="On tap: 0 web URL, 1 intent activity; else the template's.", **OPTIONAL)
    silent = Number(help_text="1: not shown; else the template's.", **OPTIONAL)


class TargetMsgSchema(serializers.Serializer[Any]):
    """One target of a multiple push."""

    target = Text(help_text="User ID, Ad-token or APNs token.")
    msgKey = Text(help_text="The caller's own ID of the message, at most 64 characters.")
    templateKeyValue = TextMap(help_text="Placeholder -> value.")
    extendedParams = TextMap(help_text="Extension parameters of this target, at most 10.")


class PushMultipleSchema(PushSchema):
    """A multiple push: a template, filled in for each of up to 400 targets."""

    codes = PushSchema.codes | {
        "templateName": ResultCode.NEED_TEMPLATE,
        "targetMsg": ResultCode.TOKEN_OR_USERID_NULL,
    }

    templateName = Text(help_text="Name of the template.")
    targetMsg = TargetMsgSchema(many=True, help_text="The targets, at most 400.", required=False, default=list)
    pushAction = Number(help_text="On tap: 0 web URL, 1 intent activity; else the template's.", **OPTIONAL)
    silent = Number(help_text="1: not shown; else the template's.", **OPTIONAL)


class FilePushSchema(PushSchema):
    """A multiple push from a file; the parameters stand in the query, maps as JSON text."""

    codes = PushSchema.codes | {"templateName": ResultCode.NEED_TEMPLATE}

    templateName = Text(help_text="Name of the template.")
    sha256 = Text(help_text="SHA-256 of the file, hexadecimal.")
    pushAction = Number(help_text="On tap: 0 web URL, 1 intent activity; else the template's.", **OPTIONAL)
    silent = Number(help_text="1: not shown; else the template's.", **OPTIONAL)


class PushBroadcastSchema(PushSchema):
    """A broadcast: a template, filled in once, to every device of a platform."""

    codes = PushSchema.codes | {
        "templateName": ResultCode.NEED_TEMPLATE,
        "templateKeyValue": ResultCode.TEMPLATEKV_NOT_ENOUGH,
        "unBindPeriod": ResultCode.BROADCAST_ALL_USER_UNBIND_PERIOD_INVALID,
        "androidChannel": ResultCode.ANDROID_CHANNEL_PARAM_INVALID,
    }

    deliveryType = Number(help_text="The platform: 1 Android, 2 iOS, 7 HarmonyOS.")
    templateName = Text(help_text="Name of the template.")
    templateKeyValue = TextMap(help_text="Placeholder -> value.")
    msgkey = Text(help_text="The caller's own ID of the message, at most 64 characters.")
    pushStatus = Number(
        help_text="By login: 0 bound users (Android, HarmonyOS: every device), 1 bound or unbound, 2 unbound.",
        required=False,
        default=0,
    )
    unBindPeriod = Number(help_text="Unbound within the last 1: 7, 2: 15, 3: 60 days, 4: ever.", **OPTIONAL)
    bindPeriod = Number(help_text="Bound within the last 1: 7, 2: 15, 3: 60 days, 4: ever.", **OPTIONAL)
    bindStartTime = Moment(help_text="Bound from this time on, milliseconds since 1970.", **OPTIONAL)
    bindEndTime = Moment(help_text="Bound until this time, milliseconds since 1970.", **OPTIONAL)
    unBindStartTime = Moment(help_text="Unbound from this time on, milliseconds since 1970.", **OPTIONAL)
    unBindEndTime = Moment(help_text="Unbound until this time, milliseconds since 1970.", **OPTIONAL)
    timeMode = Number(
        help_text="Which counts where periods and times are given: 0 periods, 1 times.", required=False, default=1
    )
    androidChannel = Number(help_text="1 self-built channel only, 2 default; not on iOS.", **OPTIONAL)
    pushAction = Number(help_text="On tap: 0 web URL, 1 intent activity; else the template's.", **OPTIONAL)
    silent = Number(help_text="1: not shown; else the template's.", **OPTIONAL)


_VENDOR_FIELDS = (
    "channelId", "miChannelId", "classification", "thirdChannelCategory", "notifyLevel", "vendorTemplate",
    "transparentMessagePayload", "transparentMessageUrgency", "apnsCollapseId", "apnsCategory", "threadId",
    "activityEvent", "activityContentState", "activityAttributesType", "activityAttributes", "dismissalDate",
)  # fmt: skip
_SMS_FIELDS = ("smsSignName", "smsTemplateCode", "smsTemplateParam")


def _common(values: Mapping[str, Any], *, task_name_required: bool) -> dict[str, Any]:
    """The services' common fields from what a `PushSchema` read. Raises `ResultError` for the wish for an SMS."""
    _refuse_sms(values)
    return {
        "task_name": values["taskName"],
        "delivery_type": values["deliveryType"],
        "expired_seconds": values["expiredSeconds"],
        "extended_params": values["extendedParams"],
        "notify_type": values["notifyType"],
        "vendor_options": {name: values[name] for name in _VENDOR_FIELDS if values[name] not in (None, "", {})},
        "task_name_required": task_name_required,
    }


def _refuse_sms(values: Mapping[str, Any]) -> None:
    """No SMS is sent, so none may be asked for; strategy 0 says that none is wanted, whatever else is set up."""
    strategy = values["smsStrategy"]
    if strategy:
        raise ResultError(ResultCode.INVALID_PARAM, "smsStrategy: this service sends no SMS; leave it out, or 0")
    named = [name for name in _SMS_FIELDS if values[name]]
    if strategy is None and named:
        raise ResultError(ResultCode.INVALID_PARAM, f"{named[0]}: this service sends no SMS")


def simple_push(values: Mapping[str, Any], *, task_name_required: bool) -> SimplePush:
    """The service's request from what `PushSimpleSchema` read."""
    return SimplePush(
        **_common(values, task_name_required=task_name_required),
        title=values["title"],
        content=values["content"],
        target_msgkey=values["targetMsgkey"],
        push_action=values["pushAction"],
        uri=values["uri"],
        silent=values["silent"],
        push_style=values["pushStyle"],
        icon_urls=values["iconUrls"],
        image_urls=values["imageUrls"],
    )


def template_push(values: Mapping[str, Any], *, task_name_required: bool) -> TemplatePush:
    """The service's request from what `PushTemplateSchema` read."""
    return TemplatePush(
        **_common(values, task_name_required=task_name_required),
        template_name=values["templateName"],
        template_key_value=values["templateKeyValue"],
        target_msgkey=values["targetMsgkey"],
        push_action=values["pushAction"],
        silent=values["silent"],
    )


def multiple_push(values: Mapping[str, Any], *, task_name_required: bool) -> MultiplePush:
    """The service's request from what `PushMultipleSchema` read."""
    return MultiplePush(
        **_common(values, task_name_required=task_name_required),
        template_name=values["templateName"],
        target_msg=[
            TargetMessage(
                target=entry["target"],
                msgkey=entry["msgKey"],
                template_key_value=entry["templateKeyValue"],
                extended_params=entry["extendedParams"],
            )
            for entry in values["targetMsg"]
        ],
        push_action=values["pushAction"],
        silent=values["silent"],
    )


def file_push(values: Mapping[str, Any]) -> FilePush:
    """The service's request from what `FilePushSchema` read. Raises `ResultError` for the wish to send it later."""
    if strategy_of(values) is not None:
        raise ResultError(ResultCode.INVALID_PARAM, "strategyType: a file is pushed when it comes; leave it out, or 0")
    return FilePush(
        **_common(values, task_name_required=False),
        template_name=values["templateName"],
        sha256=values["sha256"].lower(),
        push_action=values["pushAction"],
        silent=values["silent"],
    )


def broadcast_push(values: Mapping[str, Any], *, task_name_required: bool) -> BroadcastPush:
    """The service's request from what `PushBroadcastSchema` read. Raises `ResultError` for half a window."""
    return BroadcastPush(
        **_common(values, task_name_required=task_name_required),
        template_name=values["templateName"],
        template_key_value=values["templateKeyValue"],
        msgkey=values["msgkey"],
        push_status=values["pushStatus"],
        bind_period=values["bindPeriod"],
        unbind_period=values["unBindPeriod"],
        bind_window=_window(values, "bindStartTime", "bindEndTime"),
        unbind_window=_window(values, "unBindStartTime", "unBindEndTime"),
        time_mode=values["timeMode"],
        android_channel=_android_channel(values["androidChannel"]),
        push_action=values["pushAction"],
        silent=values["silent"],
    )


def _android_channel(given: int | None) -> int:
    if given not in (None, 1, 2):
        raise ResultError(ResultCode.ANDROID_CHANNEL_PARAM_INVALID)
    return given or 0


def _window(values: Mapping[str, Any], start: str, end: str) -> tuple[datetime, datetime] | None:
    if values[start] is None and values[end] is None:
        return None
    if values[start] is None or values[end] is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"{start} and {end} come together")
    return values[start], values[end]


class PushBindSchema(RequestSchema):
    """Bind a user to a device."""

    codes = {
        "userId": ResultCode.NEED_USERID,
        "deliveryToken": ResultCode.NEED_DELIVERYTOKEN,
        "osType": ResultCode.OS_TYPE_NOT_SUPPORTED,
    }

    userId = Text(help_text="User ID, at most 256 characters.")
    deliveryToken = Text(help_text="Ad-token; on iOS the APNs device token.")
    osType = Number(help_text="1 Android, 2 iOS, 7 HarmonyOS.")
    phoneNumber = Text(help_text="The user's phone number, kept encrypted: 5 to 15 digits, + before them or not.")


class PushUnBindSchema(RequestSchema):
    """End a user's binding to a device."""

    codes = {"userId": ResultCode.NEED_USERID, "deliveryToken": ResultCode.NEED_DELIVERYTOKEN}

    userId = Text(help_text="User ID.")
    deliveryToken = Text(help_text="Ad-token; on iOS the APNs device token.")


class PushReportSchema(RequestSchema):
    """Report a device's facts and its token at a vendor's channel."""

    codes = {"deliveryToken": ResultCode.NEED_DELIVERYTOKEN, "osType": ResultCode.OS_TYPE_NOT_SUPPORTED}

    deliveryToken = Text(help_text="Ad-token; on iOS the APNs device token.")
    osType = Number(help_text="1 Android, 2 iOS, 7 HarmonyOS.")
    thirdChannel = Number(
        help_text=text_of_channels("{numbers}."),
        required=False,
        default=None,
        allow_null=True,
    )
    thirdChannelDeviceToken = Text(help_text="The device's token at that channel.")
    appVersion = Text(help_text="App version.")
    model = Text(help_text="Device model.")
    channel = Text(help_text="Distribution channel of the app.")
    connectType = Text(help_text="Network.")
    imei = Text(help_text="Not kept.")
    imsi = Text(help_text="Not kept.")
    pushVersion = Text(help_text="Version of the push client.")
    activityId = Text(help_text="A Live Activity on the device: the app's ID of it, at most 128 characters.")
    activityPushToken = Text(help_text="Its push token, reported again when it changes.")


class PushQueryDeviceStateSchema(RequestSchema):
    """Ask for the device behind a target."""

    codes = {
        "target": ResultCode.TOKEN_OR_USERID_NULL,
        "targetType": ResultCode.DELIVERY_TYPE_NOT_SUPPORTED,
    }

    target = Text(help_text="User ID, Ad-token or APNs token.")
    targetType = Number(help_text="What the target is: 1 device of any platform, 2 user.")


class RevokePushMessageSchema(RequestSchema):
    """Revoke a message."""

    messageId = Text(help_text="The caller's own ID of the message (msgkey).")
    targetId = Text(help_text="The target it was pushed to.")


class RevokePushTaskSchema(RequestSchema):
    """Revoke all messages of a push."""

    taskId = Text(help_text="ID of the push task.")


class QueryPushSchedulerListSchema(RequestSchema):
    """List scheduled pushes."""

    startTime = Moment(help_text="Times of sending from this one on, milliseconds since 1970.", **OPTIONAL)
    endTime = Moment(help_text="Times of sending up to this one, milliseconds since 1970.", **OPTIONAL)
    type = Number(help_text="0 simple, 1 template, 2 multiple, 3 broadcast push.", **OPTIONAL)
    uniqueId = Text(help_text="ID of a schedule, or of one of its occurrences.")
    pageNumber = Number(help_text="From 1.", required=False, default=1)
    pageSize = Number(help_text="At most 500.", required=False, default=500)


class CancelPushSchedulerSchema(RequestSchema):
    """Cancel scheduled pushes."""

    uniqueIds = Text(help_text="IDs, at most 30, separated by commas.")
    type = Number(help_text="0: IDs of schedules, 1: IDs of occurrences.", required=False, default=0)


class TemplateSchema(RequestSchema):
    """A message template. Placeholders in title, body and uri are written `#name#`."""

    codes = {
        "name": ResultCode.TEMPLATE_NAME_INVALID,
        "description": ResultCode.TEMPLATE_DESC_INFO_INVALID,
        "title": ResultCode.TEMPLATE_TITLE_INVALID,
        "body": ResultCode.TEMPLATE_CONTENT_INVALID,
        "uri": ResultCode.TEMPLATE_URI_INVALID,
    }

    name = Text(help_text="1 to 200 letters, digits and underscores; unique in the workspace.")
    description = Text(help_text="1 to 200 characters.")
    displayType = Number(help_text="0 show, 1 silent push.", required=False, default=0)
    style = Number(  # type: ignore[assignment]  # the metaclass takes it out of the class
        help_text="0 default, 1 big text, 2 rich.", required=False, default=0
    )
    title = Text(help_text="1 to 200 characters.")
    body = Text(help_text="1 to 200 characters.")
    action = Number(help_text="On tap: 0 web URL, 1 intent activity.", required=False, default=0)
    uri = Text(help_text="URL to open on tap.")
    variables = Text(help_text="Names of the placeholders, separated by commas; else what looks like names.")
    icon = TextMap(help_text="Icon per channel.")
    image = TextMap(help_text="Large image per channel.")


def template_draft(values: Mapping[str, Any]) -> TemplateDraft:
    """The service's draft from what `TemplateSchema` read."""
    return TemplateDraft(
        name=values["name"],
        description=values["description"],
        title=values["title"],
        body=values["body"],
        silent=values["displayType"],
        style=values["style"],
        action=values["action"],
        uri=values["uri"],
        icon=values["icon"],
        image=values["image"],
        variables=names_in(values["variables"]),
    )


def names_in(text: str) -> list[str] | None:
    """Names separated by commas; None where there are none."""
    return [name.strip() for name in text.split(",") if name.strip()] or None
