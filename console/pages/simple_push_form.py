"""The form of a simple push (source document, 6.1.1), and which field a result code speaks of.

The form only gathers: business limits are the service's, so that console and API refuse the same things with the same
codes.
"""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib.admin.options import HORIZONTAL
from django.db.models import QuerySet
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from pushcore import limits
from pushcore.channels import Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.requests import SimplePush

DEFAULT_VALIDITY_SECONDS = 180
# Rows the page offers and reads; the service's own limit (20) answers with its code before this one matters.
MOST_ROWS = 40

RICH_STYLE = 2

FIELD_OF_CODE: dict[ResultCode, str] = {
    ResultCode.TOKEN_OR_USERID_NULL: "target",
    ResultCode.DELIVERYTOKEN_INVALID: "target",
    ResultCode.DELIVERY_TYPE_NOT_SUPPORTED: "target_type",
    ResultCode.SINGLE_PUSH_CONTENT_TOO_LONG: "body",
    ResultCode.EXPIREDSECONDS_WRONG: "valid_seconds",
    ResultCode.EXPIREDTIME_TOO_LONG: "valid_seconds",
    ResultCode.ANDROID_CHANNEL_PARAM_INVALID: "android_channel",
}


def coded(result: ResultCode, message: str = "") -> str:
    """A refusal as an operator reads it: in words, with the code the API would answer."""
    return f"{message or result.meaning} (code {result.code}, {result.name})"


def _required(result: ResultCode) -> dict[str, str]:
    return {"required": coded(result)}


def new_msgkey() -> str:
    """A customer message ID nobody has used: the form's default."""
    return f"console_{secrets.token_hex(16)}"


def _radio() -> UnfoldAdminRadioSelectWidget:
    return UnfoldAdminRadioSelectWidget(radio_style=HORIZONTAL)


def _text(**attrs: Any) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs=attrs)


class SimplePushForm(forms.Form):
    """`data-shown-when="field=value"` on a widget hides its row while the other field has another value."""

    workspace = forms.ModelChoiceField(
        queryset=Workspace.objects.none(), widget=UnfoldAdminSelectWidget(), empty_label="Select a workspace"
    )
    target_type = forms.ChoiceField(
        label="Target ID type",
        choices=[("user", "User ID"), ("device", "Device ID")],
        initial="user",
        widget=_radio(),
    )
    platform = forms.TypedChoiceField(
        label="Push platform",
        choices=[(Platform.ANDROID, "Android"), (Platform.IOS, "iOS"), (Platform.HARMONYOS, "HarmonyOS")],
        coerce=int,
        initial=Platform.ANDROID,
        required=False,
        widget=_radio(),
    )
    target = forms.CharField(
        label="Target ID",
        error_messages=_required(ResultCode.TOKEN_OR_USERID_NULL),
        widget=_text(autocomplete="off", spellcheck="false"),
        help_text="The user ID that was bound; for Android and HarmonyOS devices the Ad-token, for iOS devices the "
        "APNs device token.",
    )
    msgkey = forms.CharField(
        label="Customer message ID",
        error_messages=_required(ResultCode.INVALID_PARAM),
        initial=new_msgkey,
        widget=_text(maxlength=limits.MAX_MSGKEY_LENGTH, autocomplete="off", spellcheck="false"),
        help_text="Unique in your own system. The same ID to the same target is delivered once within 24 hours.",
    )
    android_channel = forms.TypedChoiceField(
        label="Android message channel",
        choices=[(0, "Default channel"), (1, "Self-built channel")],
        coerce=int,
        initial=0,
        widget=_radio(),
        help_text="Default: the device vendor's channel where it is set up and fits the device, else the self-built.",
    )
    silent = forms.TypedChoiceField(
        label="Display type",
        choices=[(0, "Show message"), (1, "Silent push")],
        coerce=int,
        initial=0,
        widget=_radio(),
    )
    style = forms.TypedChoiceField(
        label="Display style",
        choices=[(0, "Default"), (1, "Big text"), (RICH_STYLE, "Rich text")],
        coerce=int,
        initial=0,
        widget=_radio(),
    )
    title = forms.CharField(
        label="Message title",
        error_messages=_required(ResultCode.PAYLOAD_NOT_ENOUGH),
        widget=_text(maxlength=limits.MAX_TITLE_LENGTH, autocomplete="off"),
    )
    body = forms.CharField(
        label="Message body",
        error_messages=_required(ResultCode.PAYLOAD_NOT_ENOUGH),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "maxlength": limits.MAX_CONTENT_LENGTH}),
    )
    icon_url = forms.URLField(
        label="Icon URL",
        required=False,
        assume_scheme="https",
        widget=_text(placeholder="https://", **{"data-shown-when": f"style={RICH_STYLE}"}),
        help_text="JPG or PNG anyone can fetch, 140 x 140 pixels, at most 50 KB.",
    )
    image_url = forms.URLField(
        label="Large image URL",
        required=False,
        assume_scheme="https",
        widget=_text(placeholder="https://", **{"data-shown-when": f"style={RICH_STYLE}"}),
        help_text="JPG or PNG anyone can fetch, 876 x 324 pixels, at most 1 MB.",
    )
    action = forms.TypedChoiceField(
        label="Action upon click",
        choices=[(0, "Open web URL"), (1, "Open intent activity")],
        coerce=int,
        initial=0,
        widget=_radio(),
    )
    url = forms.CharField(
        label="URL",
        required=False,
        widget=_text(autocomplete="off", spellcheck="false"),
        help_text="The web page, or the native page (Android: activity name, iOS: view controller name). The app acts "
        "on it.",
    )
    valid_seconds = forms.IntegerField(
        label="Valid period (seconds)",
        error_messages=_required(ResultCode.EXPIREDSECONDS_WRONG),
        initial=DEFAULT_VALIDITY_SECONDS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Sent again while valid, when the device connects or the user is bound.",
    )

    def __init__(self, *args: Any, workspaces: QuerySet[Workspace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["workspace"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = workspaces
        only = list(workspaces[:2])
        if len(only) == 1:
            field.initial = only[0].pk
        self.fields["platform"].widget.attrs["data-shown-when"] = "target_type=device"

    def clean_target(self) -> str:
        target: str = self.cleaned_data["target"]
        # Tokens copied out of logs come with spaces in them; user IDs may have some.
        return "".join(target.split()) if self.cleaned_data.get("target_type") == "device" else target

    def refuse(self, error: ResultError) -> None:
        """Show what the service answered, at the field it speaks of where there is one."""
        self.add_error(FIELD_OF_CODE.get(error.result), coded(error.result, error.message))

    def request(self, extended_params: dict[str, str]) -> SimplePush:
        """The push this valid form stands for."""
        given = self.cleaned_data
        delivery_type = (
            DeliveryType.USER if given["target_type"] == "user" else DeliveryType(given["platform"] or Platform.ANDROID)
        )
        rich = given["style"] == RICH_STYLE
        return SimplePush(
            # Made of the message ID alone, so that the same form sent twice is the same request.
            task_name=f"Console {given['msgkey']}"[: limits.MAX_TASK_NAME_LENGTH],
            title=given["title"],
            content=given["body"],
            delivery_type=delivery_type,
            target_msgkey={given["target"]: given["msgkey"]},
            expired_seconds=given["valid_seconds"],
            extended_params=extended_params,
            push_action=given["action"],
            uri=given["url"],
            silent=given["silent"],
            push_style=given["style"],
            icon_urls={"defaultUrl": given["icon_url"]} if rich and given["icon_url"] else {},
            image_urls={"defaultUrl": given["image_url"]} if rich and given["image_url"] else {},
            android_channel=0 if delivery_type == DeliveryType.IOS else given["android_channel"],
        )


class ExtensionParameterForm(forms.Form):
    key = forms.CharField(label="Key", required=False, widget=_text(placeholder="Key", autocomplete="off"))
    value = forms.CharField(
        label="Value", required=False, strip=False, widget=_text(placeholder="Value", autocomplete="off")
    )


class ExtensionParameters(
    forms.formset_factory(ExtensionParameterForm, extra=1, max_num=MOST_ROWS, absolute_max=MOST_ROWS)  # type: ignore[misc]
):
    """Key and value rows; rows without either are no rows."""

    def clean(self) -> None:
        seen: set[str] = set()
        for form in self.forms:
            row = getattr(form, "cleaned_data", {})
            if row.get("value") and not row.get("key"):
                form.add_error("key", "A value needs a key.")
            if row.get("key") in seen:
                form.add_error("key", "This key is there already.")
            if row.get("key"):
                seen.add(row["key"])

    def as_mapping(self) -> dict[str, str]:
        return {row["key"]: row["value"] for row in self.cleaned_data if row.get("key")}
