"""The parameters that all pushes have in common, and when a push is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rest_framework import serializers

from pushcore.api.channel_texts import text_of_channels
from pushcore.api.fields import JsonObject, Moment, Number, Text, TextMap, WholeNumber
from pushcore.api.schema import OPTIONAL, NestedObject, RequestSchema
from pushcore.codes.results import ResultCode, ResultError
from pushcore.push.requests import AnyPush, FilePush
from pushcore.schedules.times import Cyclic, Strategy, Timed

EXAMPLE_PUSH = {"taskName": "june offers", "deliveryType": 3, "expiredSeconds": 600}
EXAMPLE_TEMPLATE = {"templateName": "offer", "templateKeyValue": {"name": "Ann", "percent": "20"}}
EXAMPLE_TASK = "456289270133424129"


@dataclass(frozen=True, slots=True)
class Submission:
    """A push, and when it is to be sent.

    Attributes:
        strategy: When; None for now.
        is_dry_run: The caller asks what would become of it; it is not to be sent.
    """

    push: Any
    strategy: Strategy | None
    is_dry_run: bool = False


class StrategyContent(NestedObject):
    """When a push is sent; which parts are needed depends on `strategyType`."""

    fixedTime = Moment(**OPTIONAL)
    startTime = Moment(**OPTIONAL)
    endTime = Moment(**OPTIONAL)
    circleType = Number(**OPTIONAL)
    circleValue = serializers.ListField(child=Number(), max_length=31, required=False, default=list)
    time = serializers.TimeField(**OPTIONAL)


class CommonPushSchema(RequestSchema):
    """What all pushes have in common.

    Attributes:
        request: The push that the parameters become.
    """

    codes = {
        "expiredSeconds": ResultCode.EXPIREDSECONDS_WRONG,
        "extendedParams": ResultCode.INVALID_EXTEND_PARAM,
    }

    request: ClassVar[type[AnyPush] | type[FilePush]]

    taskName = Text(
        source="task_name", help_text="Name of the push task; required in version 2019-08-21. At most 200 characters."
    )
    expiredSeconds = Number(source="expired_seconds", help_text="Validity in seconds.")
    extendedParams = TextMap(
        source="extended_params", help_text="Extension parameters, at most 20; reserved names are refused."
    )
    notifyType = Text(
        source="notify_type",
        help_text="Way to the device: notify (default), or transparent: the self-built channel only.",
    )
    messageCategory = Text(
        source="message_category",
        help_text="The workspace's message category whose caps, consent and quiet hours count (docs/timing.md).",
    )
    ignoreQuietHours = serializers.BooleanField(
        source="ignore_quiet_hours",
        help_text="true: delivered in quiet hours too, though the category keeps them.",
        required=False,
        default=False,
    )
    inbox = serializers.BooleanField(
        help_text="true: its messages are in the inboxes of their users or devices too (docs/inbox.md).",
        required=False,
        default=False,
    )
    strategyType = Number(source="schedule.type", help_text="0 now, 1 timed, 2 cyclic.", required=False, default=0)
    strategyContent = StrategyContent(
        source="schedule.content",
        help_text="When to send: fixedTime (ms) where timed; startTime, endTime (ms), circleType (1 daily, 2 weekly, "
        "3 monthly), circleValue (days of the week, 1 Monday, or of the month) and time (HH:MM:SS) where cyclic.",
        **OPTIONAL,
    )
    dryRun = serializers.BooleanField(
        source="is_dry_run",
        help_text="true: nothing is sent or kept; the answer says what would be (docs/api.md, Dry run).",
        required=False,
        default=False,
    )
    channelId = Text(source="vendor_options.channelId", help_text="Android notification channel.")
    miChannelId = Text(source="vendor_options.miChannelId", help_text="Xiaomi channel.")
    classification = Text(source="vendor_options.classification", help_text="vivo: 0 operational, 1 system (default).")
    thirdChannelCategory = TextMap(
        source="vendor_options.thirdChannelCategory",
        help_text=text_of_channels(
            "Message category by vendor ({with_categories}): its name there, or the cloud's code."
        ),
    )
    notifyLevel = TextMap(
        source="vendor_options.notifyLevel", help_text="Reminder level by vendor: hms 1 low, 2 normal; oppo 1, 2, 16."
    )
    vendorTemplate = Text(source="vendor_options.vendorTemplate", help_text="OPPO: private-message template.")
    transparentMessagePayload = JsonObject(
        source="vendor_options.transparentMessagePayload",
        help_text=text_of_channels(
            "By vendor ({with_pass_through}): text or an object that is handed to the app, not shown."
        ),
        **OPTIONAL,
    )
    transparentMessageUrgency = Text(
        source="vendor_options.transparentMessageUrgency",
        help_text="Of what is handed to the app: HIGH, NORMAL (default).",
    )
    apnsCollapseId = Text(
        source="vendor_options.apnsCollapseId",
        help_text="APNs, Web Push: notifications with the same one replace each other; at most 64 bytes.",
    )
    apnsCategory = Text(source="vendor_options.apnsCategory", help_text="APNs: category, whose actions are offered.")
    threadId = Text(source="vendor_options.threadId", help_text="APNs: notifications with the same one are grouped.")
    smsSignName = Text(source="sms.smsSignName", help_text="SMS complement: signature; else the account's.")
    smsStrategy = Number(
        source="sms.smsStrategy",
        help_text="SMS complement (docs/sms.md): 0 none, 1 where the message does not arrive in time, 2 beside it.",
        **OPTIONAL,
    )
    smsDelaySeconds = Number(
        source="sms.smsDelaySeconds",
        help_text="SMS complement: with smsStrategy 1, the seconds that messages have to arrive; else 60.",
        **OPTIONAL,
    )
    smsTemplateCode = Text(source="sms.smsTemplateCode", help_text="SMS complement: template.")
    smsTemplateParam = Text(
        source="sms.smsTemplateParam", help_text="SMS complement: the template's values, a JSON object as text."
    )
    smsText = Text(
        source="sms.smsText", help_text="SMS complement: the text where there is no template; else the body."
    )

    @classmethod
    def build(cls, values: dict[str, Any]) -> Submission:
        """Make the push and its strategy. Raises `ResultError` for an incomplete strategy."""
        values["sms"] = {name: value for name, value in values["sms"].items() if value not in (None, "")}
        schedule, is_dry_run = values.pop("schedule"), values.pop("is_dry_run")
        options = values["vendor_options"].items()
        values["vendor_options"] = {name: value for name, value in options if value not in (None, "", {})}
        strategy = _strategy_of(schedule["type"], schedule["content"] or {})
        return Submission(cls.request(**values), strategy, is_dry_run)


class PushSchema(CommonPushSchema):
    """What pushes have in common that say what their targets are: users, devices of a platform, or Live Activities."""

    codes = CommonPushSchema.codes | {"deliveryType": ResultCode.DELIVERY_TYPE_NOT_SUPPORTED}

    deliveryType = Number(
        source="delivery_type",
        help_text="What a target is: 1 Android device, 2 iOS device, 3 user, 5 Live Activity's push token, "
        "6 Live Activity's ID, 7 HarmonyOS device, 8 web device, 9 other device.",
    )
    activityEvent = Text(
        source="vendor_options.activityEvent", help_text="Live Activity: start (deliveryType 5 only), update or end."
    )
    activityContentState = JsonObject(
        source="vendor_options.activityContentState",
        help_text="Live Activity: its content, as the app declares it.",
        **OPTIONAL,
    )
    activityAttributesType = Text(
        source="vendor_options.activityAttributesType",
        help_text="Live Activity to start: the name of the app's attributes type.",
    )
    activityAttributes = JsonObject(
        source="vendor_options.activityAttributes", help_text="Live Activity to start: its attributes.", **OPTIONAL
    )
    dismissalDate = WholeNumber(
        source="vendor_options.dismissalDate",
        help_text="Live Activity that ends: when it leaves the screen, seconds since 1970.",
        low=0,
        high=253_402_300_799,
        **OPTIONAL,
    )


def _strategy_of(strategy_type: int, content: Mapping[str, Any]) -> Strategy | None:
    if strategy_type == 0:
        if any(part not in (None, []) for part in content.values()):
            raise ResultError(ResultCode.INVALID_PARAM, "strategyContent needs strategyType 1 (timed) or 2 (cyclic)")
        return None
    if strategy_type == 1:
        return Timed(_part(content, "fixedTime"))
    if strategy_type == 2:
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
