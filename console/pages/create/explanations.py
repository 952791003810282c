"""What an operator reads where the service refuses a push: a sentence in plain words, and the field it stands at.

The APIs answer the same refusals with their codes; here nobody is shown one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.functional import Promise, lazy
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from console.components.refusals import translated
from pushcore.audience import walks
from pushcore.broadcast import broadcasts
from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push import upload
from pushcore.push import limits, placeholders, templates
from pushcore.schedules import service, times

# Fields of the forms beside the push form, as `MessageForms.refuse` finds them.
PARAMETERS, SENDING = "parameters", "sending"


class Explanation(NamedTuple):
    """A refusal as the page shows it.

    Attributes:
        field: The field of the push form, or "sending." and one of the schedule's, or "parameters"; empty for none.
        sentence: What is wrong and what to do. Names in braces are filled in by `_figures`.
    """

    field: str
    sentence: str | Promise


_Code = ResultCode

# By result code and parameter (`ResultError.parameter`); without a parameter: whatever is at fault by that code.
EXPLANATIONS: dict[tuple[ResultCode, str], Explanation] = {
    (_Code.TOKEN_OR_USERID_NULL, ""): Explanation("target", _("Enter a target ID.")),
    (_Code.INVALID_PARAM, "target"): Explanation("target", _("This target ID is too long.")),
    (_Code.DELIVERY_TYPE_NOT_SUPPORTED, ""): Explanation("target_type", _("Choose another kind of target.")),
    (_Code.DELIVERY_TYPE_NOT_SUPPORTED, "platform"): Explanation(
        "platform", _("This device is of another platform. Choose its platform.")
    ),
    (_Code.INVALID_PARAM, "taskName"): Explanation(
        "task_name", _("The name is too long: {task_name} characters at most.")
    ),
    (_Code.INVALID_PARAM, "msgkey"): Explanation(
        "msgkey",
        _("A different message with this ID was pushed to this target within the last 24 hours. Enter another ID."),
    ),
    (_Code.INVALID_PARAM, "title"): Explanation("title", _("The title is too long: {title} characters at most.")),
    (_Code.SINGLE_PUSH_CONTENT_TOO_LONG, ""): Explanation(
        "body", _("The body is too long: {body} characters at most.")
    ),
    (_Code.INVALID_PARAM, "uri"): Explanation("url", _("The URL is too long: {url} characters at most.")),
    (_Code.EXPIREDSECONDS_WRONG, ""): Explanation(
        "valid_seconds", _("Enter for how many seconds the message is valid: 1 or more.")
    ),
    (_Code.EXPIREDTIME_TOO_LONG, ""): Explanation(
        "valid_seconds", _("A message is valid for {valid_seconds} seconds at most.")
    ),
    (_Code.ANDROID_CHANNEL_PARAM_INVALID, ""): Explanation(
        "android_channel", _("iOS devices have no channel to choose.")
    ),
    (_Code.SEGMENT_NOT_EXIST, ""): Explanation(
        "segment", _("This segment does not exist any more. Select another.")
    ),
    (_Code.CONDITION_INVALID, ""): Explanation(
        "segment", _("Its condition names a tag or topic that the workspace does not have. Change the segment.")
    ),
    (_Code.INVALID_PARAM, "audience pushes"): Explanation(
        "", _("{audience_pushes} pushes to segments are under way in this workspace. Try again in a few minutes.")
    ),
    (_Code.MESSAGE_CATEGORY_NOT_EXIST, ""): Explanation(
        "message_category", _("Its message category does not exist any more. Select another.")
    ),
    (_Code.NEED_TEMPLATE, ""): Explanation("template", _("Select a template.")),
    (_Code.TEMPLATE_NOT_EXIST, ""): Explanation(
        "template", _("This template does not exist any more. Select another.")
    ),
    (_Code.TEMPLATEKV_NOT_ENOUGH, ""): Explanation("template", _("Enter a value for each placeholder.")),
    (_Code.PAYLOAD_NOT_ENOUGH, "templateKeyValue"): Explanation(
        "template", _("With these values nothing is left of the title or the body.")
    ),
    (_Code.NEED_FILE, ""): Explanation("file", _("Select a file with at least one line.")),
    (_Code.REQUEST_SHOULD_BE_UTF8, ""): Explanation("file", _("The file is not UTF-8 text. Save it as UTF-8.")),
    (_Code.MSG_PAYLOAD_TOO_LONG, "file"): Explanation("file", _("The file is too large: {file} bytes at most.")),
    (_Code.INVALID_PARAM, "file"): Explanation(
        "file", _("This file was pushed already, or is not kept any more. Upload it again.")
    ),
    (_Code.INVALID_PARAM, "files"): Explanation(
        "file", _("{files} files of this workspace are being read already. Try again in a few minutes.")
    ),
    (_Code.BROADCAST_ALL_USER_NEED_UNBIND_PERIOD, ""): Explanation(
        "logout_period", _("Choose how long ago they logged out at most.")
    ),
    (_Code.BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID, ""): Explanation(
        "android_channel", _("Users who logged out are reached by vendors' channels only.")
    ),
    (_Code.INVALID_PARAM, "broadcasts"): Explanation(
        "", _("{broadcasts} broadcasts of this workspace are valid already. Wait until one has expired.")
    ),
    (_Code.EXTEND_PARAM_TO_MUCH, ""): Explanation(PARAMETERS, _("There are more than {parameters} parameters.")),
    (_Code.INVALID_EXTEND_PARAM, ""): Explanation(
        PARAMETERS, _("The service uses this key itself. Choose another.")
    ),
    (_Code.INVALID_EXTEND_PARAM, "badge"): Explanation(PARAMETERS, _("The value of badge is a number.")),
    (_Code.BADGE_ADD_NUM_INVALID, ""): Explanation(PARAMETERS, _("The value of badge_add_num is a number.")),
    (_Code.BADGE_ADD_NUM_NEED_BADGE_CLASS, ""): Explanation(
        PARAMETERS, _("badge_add_num needs badge_class beside it.")
    ),
    (_Code.MSG_PAYLOAD_TOO_LONG, ""): Explanation(
        "", _("The message is too large: texts, addresses and parameters take {payload} bytes together at most.")
    ),
    (_Code.INVALID_PARAM, "localTime"): Explanation("local_time", _("Enter a time of the day, such as 09:00.")),
    (_Code.INVALID_PARAM, "bestTimeHours"): Explanation(
        "best_time_hours", _("A number from 1 to {best_time_hours}, or nothing; not beside a local time.")
    ),
    (_Code.INVALID_PARAM, "variants"): Explanation(
        "ab_test", _("Not beside a local time, a best time or a period over which the push is spread.")
    ),
    (_Code.INVALID_PARAM, "testSeconds"): Explanation(
        "test_minutes", _("The time of the test and the valid period are too long together.")
    ),
    (_Code.INVALID_PARAM, "messagesPerSecond"): Explanation(
        "messages_per_second", _("A number from 1 to {messages_per_second}, or nothing.")
    ),
    (_Code.INVALID_PARAM, "paceUrl"): Explanation(
        "pace_url", _("Enter a URL without user name, fragment and a parameter sign, or nothing.")
    ),
    (_Code.INVALID_PARAM, "overSeconds"): Explanation(
        "over_seconds",
        _("A number from 1, less than the valid period; not beside a number of messages a second or a local time."),
    ),
    (_Code.INVALID_PARAM, "smsStrategy"): Explanation(
        "sms", _("The workspace has no SMS account that is in use. Push without an SMS, or set one up.")
    ),
    (_Code.INVALID_PARAM, "smsTemplateCode"): Explanation(
        "sms_template_code",
        _("Enter the code of a template of the provider: Alibaba Cloud takes no other SMS, Twilio's begin with HX."),
    ),
    (_Code.INVALID_PARAM, "smsSignName"): Explanation(
        "sms_sign_name", _("Enter a signature: the account has none of its own.")
    ),
    (_Code.INVALID_PARAM, "smsTemplateParam"): Explanation(
        "sms_template_param", _("Enter the values as a JSON object of texts and numbers.")
    ),
    (_Code.INVALID_PARAM, "smsDelaySeconds"): Explanation(
        "sms_delay_seconds", _("A number from 1 to the valid period.")
    ),
    (_Code.INVALID_PARAM, "fixedTime"): Explanation(
        "sending.at", _("Choose a time that is still to come, {days} days ahead at most.")
    ),
    (_Code.INVALID_PARAM, "startTime"): Explanation(
        "sending.first_day", _("Choose a day before the last one, {days} days ahead at most.")
    ),
    (_Code.INVALID_PARAM, "endTime"): Explanation(
        "sending.last_day", _("No time of sending is left by then, or the last is more than {days} days ahead.")
    ),
    (_Code.INVALID_PARAM, "circleValue"): Explanation(
        "sending.monthdays", _("Numbers from 1 to 31, separated by commas.")
    ),
    (_Code.INVALID_PARAM, "scheduled files"): Explanation(
        "file", _("{files} files of this workspace are waiting for their time already. Cancel a schedule first.")
    ),
    (_Code.INVALID_PARAM, "schedules"): Explanation(
        "", _("{schedules} schedules of this workspace are waiting already. Cancel one first.")
    ),
}  # fmt: skip


Explanations = Mapping[tuple[ResultCode, str], Explanation]


def explain(error: ResultError, explanations: Explanations = EXPLANATIONS) -> Explanation:
    """Return what to tell an operator of a refusal, and where; what the table does not know in the service's words."""
    found = explanations.get((error.result, error.parameter)) or explanations.get((error.result, ""))
    if found is None:
        return Explanation("", capfirst(translated(error.result, error.message)))
    return Explanation(found.field, _filled(found.sentence))


def _filled(sentence: str | Promise) -> str:
    return str(sentence).format(**_figures())


# For class attributes, which are evaluated before the user's language is known.
_filled_lazy = lazy(_filled, str)


def required(result: ResultCode) -> dict[str, str]:
    """Return the `error_messages` of a field whose absence the API refuses with the given code."""
    return {"required": _filled_lazy(EXPLANATIONS[result, ""].sentence)}


def _figures() -> dict[str, str]:
    """Return the limits that the sentences name."""
    figures = {
        "task_name": limits.MAX_TASK_NAME_LENGTH,
        "title": limits.MAX_TITLE_LENGTH,
        "body": limits.MAX_CONTENT_LENGTH,
        "url": limits.MAX_URI_LENGTH,
        "valid_seconds": settings.MAX_EXPIRED_SECONDS,
        "parameters": limits.MAX_EXTENDED_PARAMS,
        "payload": limits.MAX_PAYLOAD_BYTES,
        "file": settings.MAX_FILE_BYTES,
        "files": upload.MAX_OPEN,
        "broadcasts": broadcasts.MAX_ACTIVE,
        "audience_pushes": walks.MAX_OPEN,
        "messages_per_second": limits.MAX_MESSAGES_PER_SECOND,
        "best_time_hours": limits.MAX_BEST_TIME_HOURS,
        "schedules": service.MAX_OPEN,
        "days": times.MAX_AHEAD.days,
        "template": templates.MAX_LENGTH,
        "templates": templates.MAX_TEMPLATES,
        "variables": templates.MAX_VARIABLES,
        "variable": placeholders.MAX_NAME,
    }
    return {name: intcomma(figure) for name, figure in figures.items()}
