"""The push forms. Each turns its fields into the push request that the API would take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from console.pages.create.explanations import required
from console.pages.create.fields import (
    ChannelPart,
    ContentPart,
    InboxPart,
    LocalTimePart,
    MessageIdPart,
    PacePart,
    PlaceholdersPart,
    SegmentPart,
    TargetPart,
    TargetTypePart,
    TemplatePart,
    radio,
)
from console.pages.create.sms import SmsPart
from console.pages.create.variants import VariantPart
from pushcore.channels import Platform
from pushcore.codes.results import ResultCode
from pushcore.models.pushes import DeliveryType
from pushcore.push import limits
from pushcore.push.requests import AudiencePush, BroadcastPush, FilePush, SimplePush, TemplatePush

Params = Mapping[str, str]


def _task_name(given: Mapping[str, Any], otherwise: str) -> str:
    """Return the name typed, else one made of the form's content, so that a form sent twice is the same request."""
    return given["task_name"] or f"Console {otherwise}"[: limits.MAX_TASK_NAME_LENGTH]


class SimpleForm(TargetPart, ContentPart, ChannelPart, InboxPart, SmsPart):
    """Push to one target, with the content typed in."""

    kind = "simple"

    def request(self, extended_params: Params) -> SimplePush:
        """Build the push request of this valid form."""
        given = self.cleaned_data
        return SimplePush(
            task_name=_task_name(given, given["msgkey"]),
            delivery_type=self.delivery_type,
            target_msgkey={given["target"]: given["msgkey"]},
            expired_seconds=given["valid_seconds"],
            extended_params=extended_params,
            inbox=self.is_in_inbox,
            **self.category_rules(),
            sms=self.sms_wish(),
            android_channel=self.channel(self.delivery_type),
            **self.content(),
        )


class TemplatePushForm(TargetPart, PlaceholdersPart, InboxPart, SmsPart):
    """Push to one target, with the content of a template."""

    kind = "template"

    def request(self, extended_params: Params) -> TemplatePush:
        """Build the push request of this valid form."""
        given = self.cleaned_data
        template = given["template"]
        return TemplatePush(
            task_name=_task_name(given, given["msgkey"]),
            template_name=template.name,
            template_key_value=self.values(given),
            delivery_type=self.delivery_type,
            target_msgkey={given["target"]: given["msgkey"]},
            expired_seconds=given["valid_seconds"],
            extended_params=extended_params,
            inbox=self.is_in_inbox,
            **self.category_rules(),
            sms=self.sms_wish(),
            android_channel=self.channel(self.delivery_type, silent=template.silent),
        )


class MultipleForm(TargetTypePart, TemplatePart, InboxPart, PacePart):
    """Push a template to the targets in a file that was uploaded before (see `files`)."""

    kind = "multiple"

    file = forms.CharField(
        label=_("File"),
        max_length=20,
        widget=forms.HiddenInput(),
        error_messages=required(ResultCode.NEED_FILE),
    )
    file_name = forms.CharField(max_length=1000, required=False, widget=forms.HiddenInput())
    # The signed findings (see `files`), so that the file is not read again for the review.
    findings = forms.CharField(max_length=1000, required=False, widget=forms.HiddenInput())

    def request(self, extended_params: Params, *, sha256: str = "0" * 64) -> FilePush:
        """Build the push request of this valid form; `sha256` is that of the stored file."""
        given = self.cleaned_data
        template = given["template"]
        return FilePush(
            task_name=_task_name(given, given["file_name"] or given["file"]),
            template_name=template.name,
            sha256=sha256,
            **self.pace(),
            delivery_type=self.delivery_type,
            expired_seconds=given["valid_seconds"],
            extended_params=extended_params,
            inbox=self.is_in_inbox,
            **self.category_rules(),
            android_channel=self.channel(self.delivery_type, silent=template.silent),
        )


class BroadcastForm(MessageIdPart, PlaceholdersPart):
    """Push a template to all devices of a platform."""

    kind = "broadcast"

    platform = forms.TypedChoiceField(
        label=_("Push platform"),
        choices=Platform.choices,
        coerce=int,
        initial=Platform.ANDROID,
        widget=radio(),
        help_text=_(
            "Every device that connects while the message is valid, and those that vendors reach. iOS: the devices "
            "of users, chosen by login status."
        ),
    )
    login_status = forms.TypedChoiceField(
        label=_("Login status"),
        choices=[(0, _("Login users")), (1, _("Login users + logout users"))],
        coerce=int,
        initial=0,
        required=False,
        widget=radio(**{"data-shown-when": f"platform={Platform.IOS.value}"}),
    )
    logout_period = forms.TypedChoiceField(
        label=_("Logout period"),
        choices=[(1, _("7 days")), (2, _("15 days")), (3, _("60 days")), (4, _("Permanent"))],
        coerce=int,
        initial=1,
        required=False,
        empty_value=None,
        widget=radio(**{"data-shown-when": f"platform={Platform.IOS.value} login_status=1"}),
        help_text=_("Users who logged out within this time get the message too."),
    )

    @property
    def delivery_type(self) -> DeliveryType:
        """The platform as a target type; also available while the form is not valid."""
        return DeliveryType(self.cleaned_data.get("platform") or Platform.ANDROID)

    def request(self, extended_params: Params) -> BroadcastPush:
        """Build the push request of this valid form; the login status matters for iOS only."""
        given = self.cleaned_data
        template = given["template"]
        by_login = (given["login_status"] or 0) if self.delivery_type == DeliveryType.IOS else 0
        return BroadcastPush(
            task_name=_task_name(given, given["msgkey"]),
            template_name=template.name,
            template_key_value=self.values(given),
            msgkey=given["msgkey"],
            delivery_type=self.delivery_type,
            expired_seconds=given["valid_seconds"],
            extended_params=extended_params,
            **self.category_rules(),
            android_channel=self.channel(self.delivery_type, silent=template.silent),
            push_status=by_login,
            unbind_period=given["logout_period"] if by_login else None,
        )


class AudienceForm(
    MessageIdPart, SegmentPart, ContentPart, ChannelPart, InboxPart, PacePart, LocalTimePart, VariantPart
):
    """Push to the devices of a segment, with the content typed in."""

    kind = "audience"
    delivery_type = DeliveryType.AUDIENCE

    def request(self, extended_params: Params) -> AudiencePush:
        """Build the push request of this valid form."""
        given = self.cleaned_data
        return AudiencePush(
            task_name=_task_name(given, given["msgkey"]),
            segment_name=given["segment"].name if given["segment"] else "",
            **self.pace(),
            local_time=self.local_time_text,
            best_time_hours=given.get("best_time_hours"),
            msgkey=given["msgkey"],
            expired_seconds=given["valid_seconds"],
            extended_params=extended_params,
            inbox=self.is_in_inbox,
            **self.category_rules(),
            android_channel=self.channel(self.delivery_type),
            **self.content(),
            **self.variants(),
        )


AnyForm = SimpleForm | TemplatePushForm | MultipleForm | BroadcastForm | AudienceForm
# Without a template: the content is typed in.
ContentForm = SimpleForm | AudienceForm

FORMS: dict[str, type[AnyForm]] = {
    form.kind: form for form in (SimpleForm, TemplatePushForm, MultipleForm, BroadcastForm, AudienceForm)
}
