"""A push to the devices that meet a condition. The published packages have no such action: it is our own."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from pushcore.api.fields import ConditionValue, Number, Text, TextMap, as_object
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2020, Operation
from pushcore.api.operations.push_schema import EXAMPLE_TASK, CommonPushSchema, Submission
from pushcore.api.operations.pushes import submit
from pushcore.api.schema import OPTIONAL
from pushcore.codes.results import ResultCode, ResultError
from pushcore.push import limits
from pushcore.push.requests import AudiencePush, Variant


class ObjectList(serializers.ListSerializer[Any]):
    """A list of objects, or its JSON text."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the objects as their schema reads them."""
        return super().to_internal_value(as_object(data, str(self.field_name)))


class VariantSchema(serializers.Serializer[Any]):
    """A variant of an audience push. What it leaves out is the push's own."""

    class Meta:
        list_serializer_class = ObjectList

    name = Text(help_text="A, B and so on.")
    share = Number(help_text="Its share of the audience in percent, 1 to 100.")
    title = Text(help_text="Title, at most 200 characters.")
    content = Text(help_text="Body, at most 200 characters.")
    uri = Text(help_text="URL to open on tap.")
    templateKeyValue = TextMap(
        source="template_key_value", help_text="Placeholder -> value; others are the push's own."
    )

    def validate(self, attrs: Any) -> Any:
        """Return the variant as the request has it."""
        return Variant(**attrs)


class PushToAudienceSchema(CommonPushSchema):
    """An audience push: one message to each device that meets a condition, of whatever platform."""

    request = AudiencePush
    codes = CommonPushSchema.codes | {
        "condition": ResultCode.CONDITION_INVALID,
        "templateKeyValue": ResultCode.TEMPLATEKV_NOT_ENOUGH,
        "androidChannel": ResultCode.ANDROID_CHANNEL_PARAM_INVALID,
    }

    condition = ConditionValue(help_text="Which devices: an object, or text (docs/audiences.md).", **OPTIONAL)
    segmentName = Text(source="segment_name", help_text="The segment whose condition counts, in place of condition.")
    msgkey = Text(help_text="The caller's own ID of the push, at most 64 characters.")
    templateName = Text(source="template_name", help_text="Name of the template; or title and content.")
    templateKeyValue = TextMap(source="template_key_value", help_text="Placeholder -> value.")
    title = Text(help_text="Title, at most 200 characters; not beside templateName.")
    content = Text(help_text="Body, at most 200 characters; not beside templateName.")
    uri = Text(help_text="URL to open on tap; not beside templateName.")
    pushStyle = Number(
        source="push_style",
        help_text="0 default, 1 big text, 2 rich; not beside templateName.",
        required=False,
        default=0,
    )
    iconUrls = TextMap(source="icon_urls", help_text="Icon per channel; not beside templateName.")
    imageUrls = TextMap(source="image_urls", help_text="Large image per channel; not beside templateName.")
    pushAction = Number(
        source="push_action",
        help_text="On tap: 0 web URL (default), 1 intent activity; with a template, the template's by default.",
        **OPTIONAL,
    )
    silent = Number(help_text="1: not shown; with a template, the template's by default.", **OPTIONAL)
    androidChannel = Number(
        source="android_channel",
        help_text="1 self-built channel only, 2 default; iOS devices are reached by APNs.",
        **OPTIONAL,
    )
    messagesPerSecond = Number(
        source="messages_per_second",
        help_text="Pace: so many messages a second at most, 1 to 100,000 (docs/timing.md).",
        **OPTIONAL,
    )
    overSeconds = Number(
        source="over_seconds",
        help_text="The period over which the push is spread, in place of messagesPerSecond; less than expiredSeconds.",
        **OPTIONAL,
    )
    paceUrl = Text(source="pace_url", help_text="The push goes on while this URL says so (docs/timing.md).")
    localTime = Text(
        source="local_time",
        help_text="HH:MM: each device gets it when it is that time where it is, within 24 hours (docs/timing.md).",
    )
    localDate = Text(
        source="local_date", help_text="YYYY-MM-DD: localTime of that date; not with strategyType 1 and 2."
    )
    bestTime = serializers.BooleanField(
        source="is_at_best_time",
        help_text="true: each user gets it at the hour at which the user opens most (docs/timing.md).",
        required=False,
        default=False,
    )
    bestTimeHours = Number(
        source="best_time_hours", help_text="With bestTime: the best hour within so many hours, 1 to 24.", **OPTIONAL
    )

    variants = VariantSchema(
        many=True,
        help_text="2 to 5 variants for shares of the audience, and the winner for the rest (docs/ab-tests.md).",
        required=False,
        default=list,
    )
    winner = Text(help_text="What decides which variant the rest gets: opens (default) or manual (PushDecideVariant).")
    testSeconds = Number(
        source="test_seconds",
        help_text="After how many seconds open rates decide; needed with variants, unless winner is manual.",
        **OPTIONAL,
    )
    requireSignificance = serializers.BooleanField(
        source="require_significance",
        help_text="true: somebody decides where the difference of the open rates may be chance.",
        required=False,
        default=False,
    )

    @classmethod
    def build(cls, values: dict[str, Any]) -> Submission:
        """Make the push."""
        values["variants"] = tuple(values["variants"])
        if values.pop("is_at_best_time"):
            if values["best_time_hours"] is None:
                values["best_time_hours"] = limits.MAX_BEST_TIME_HOURS
        elif values["best_time_hours"] is not None:
            raise ResultError(ResultCode.INVALID_PARAM, "bestTimeHours needs bestTime", parameter="bestTimeHours")
        values["android_channel"] = values["android_channel"] or 0
        submission = super().build(values)
        if submission.strategy is not None and submission.push.local_date:
            raise ResultError(ResultCode.INVALID_PARAM, "localDate: strategyContent says on which days it is sent")
        return submission


OPERATIONS = (
    Operation(
        "PushToAudience",
        "push/audience",
        "Push to the devices that meet a condition",
        PushToAudienceSchema,
        submit,
        {V2020: (*SCOPE, "msgkey", "expiredSeconds")},
        example=(
            EXAMPLE_SCOPE
            | {
                "taskName": "june offers",
                "condition": {"and": [{"tag": "vip"}, {"last_seen_within_days": 30}]},
                "msgkey": "1578807462793",
                "title": "Hello",
                "content": "Half price until Sunday",
                "expiredSeconds": 86400,
            },
            EXAMPLE_TASK,
        ),
    ),
)
