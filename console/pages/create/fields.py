"""Building blocks of the push forms.

The forms only gather values. Business limits are checked by the service, so that the console and the API refuse the
same requests; `explanations` says them in an operator's words.

`data-shown-when="field=value"` on a widget hides its row while the other field has another value. Several conditions
are separated by spaces and must all hold.
"""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib.admin.options import HORIZONTAL
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from console.pages.create.explanations import required
from pushcore.audience import segments
from pushcore.channels import Platform
from pushcore.codes.results import ResultCode
from pushcore.models import MessageCategory, Segment, Template, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import limits, recipients, templates

DEFAULT_VALIDITY_SECONDS = 180
# Rows of parameters that the page offers and reads. The service refuses more than 20, so this only bounds the page.
MAX_PARAMETER_ROWS = 40
RICH_STYLE = 2

# Icons and images by channel: the name in the API, the field's label, what the channel requires.
ICONS = (
    ("defaultUrl", _("Default icon"), _("140 x 140 pixels, at most 50 KB.")),
    ("oppoUrl", _("OPPO icon"), _("140 x 140 pixels, at most 50 KB.")),
    ("miuiUrl", _("Xiaomi icon"), _("120 x 120 pixels, at most 50 KB.")),
    ("hmsUrl", _("Huawei icon"), _("40 x 40 dp, at most 512 KB.")),
)
IMAGES = (
    ("defaultUrl", _("Default image"), _("876 x 324 pixels, at most 1 MB.")),
    ("oppoUrl", _("OPPO image"), _("876 x 324 pixels, at most 1 MB.")),
    ("miuiUrl", _("Xiaomi image"), _("876 x 324 pixels, at most 1 MB.")),
    ("iosUrl", _("iOS image"), _("Any size.")),
)


def new_msgkey() -> str:
    """Return a random customer message ID, the default in a new form."""
    return f"console_{secrets.token_hex(16)}"


def radio(**attrs: Any) -> UnfoldAdminRadioSelectWidget:
    """Build a widget of radio buttons in a row."""
    return UnfoldAdminRadioSelectWidget(radio_style=HORIZONTAL, attrs=attrs)


def text(**attrs: Any) -> UnfoldAdminTextInputWidget:
    """Build a text input without the browser's autocompletion."""
    return UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"} | attrs)


class PushForm(forms.Form):
    """Base of the push forms, and the fields they all have. `workspace` is where the push is sent from."""

    # The choice of no category.
    no_category = _("No category")

    task_name = forms.CharField(
        label=_("Name"),
        required=False,
        widget=text(maxlength=limits.MAX_TASK_NAME_LENGTH),
        help_text=_("The push is found by it among the push tasks. Devices do not get it."),
    )
    valid_seconds = forms.IntegerField(
        label=_("Valid period (seconds)"),
        error_messages=required(ResultCode.EXPIREDSECONDS_WRONG),
        initial=DEFAULT_VALIDITY_SECONDS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("Sent again while valid, when the device connects or the user is bound."),
    )
    message_category = forms.ChoiceField(
        label=_("Message category"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text=_("Its caps, its consent and its quiet hours count."),
    )
    ignore_quiet_hours = forms.TypedChoiceField(
        label=_("In quiet hours"),
        choices=[(0, _("As the category says")), (1, _("Deliver at once"))],
        coerce=int,
        initial=0,
        required=False,
        widget=radio(),
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        names = list(
            MessageCategory.objects.filter(workspace=workspace).order_by("name").values_list("name", flat=True)
        )
        if names:
            choice = self.fields["message_category"]
            assert isinstance(choice, forms.ChoiceField)
            choice.choices = [("", self.no_category), *((name, name) for name in names)]
        else:
            del self.fields["message_category"], self.fields["ignore_quiet_hours"]

    def category_rules(self) -> dict[str, Any]:
        """Return the category and what is said of its rules, by the names that push requests have for it."""
        given = self.cleaned_data
        return {
            "message_category": given.get("message_category") or "",
            "ignore_quiet_hours": bool(given.get("ignore_quiet_hours")),
        }


class MessageIdPart(PushForm):
    """The customer message ID, for pushes that have one."""

    msgkey = forms.CharField(
        label=_("Customer message ID"),
        max_length=recipients.MAX_MSGKEY_LENGTH,
        initial=new_msgkey,
        widget=text(maxlength=recipients.MAX_MSGKEY_LENGTH, spellcheck="false"),
        help_text=_("Unique in your own system. The same ID to the same target is delivered once within 24 hours."),
    )


class TargetTypePart(PushForm):
    """The kind of target: users, or devices of a platform."""

    target_type = forms.ChoiceField(
        label=_("Target ID type"),
        choices=[("user", _("User ID")), ("device", _("Device ID"))],
        initial="user",
        widget=radio(),
    )
    platform = forms.TypedChoiceField(
        label=_("Push platform"),
        choices=Platform.choices,
        coerce=int,
        initial=Platform.ANDROID,
        required=False,
        widget=radio(**{"data-shown-when": "target_type=device"}),
    )

    @property
    def delivery_type(self) -> DeliveryType:
        """The target type in the API's terms; also available while the form is not valid."""
        given = self.cleaned_data
        if given.get("target_type") != "device":
            return DeliveryType.USER
        return DeliveryType(given.get("platform") or Platform.ANDROID)


class TargetPart(TargetTypePart, MessageIdPart):
    """A single target and its message ID."""

    target = forms.CharField(
        label=_("Target ID"),
        error_messages=required(ResultCode.TOKEN_OR_USERID_NULL),
        widget=text(spellcheck="false"),
        help_text=_("The user ID that was bound; for devices the Ad-token, but for iOS devices the APNs device token."),
    )

    def clean_target(self) -> str:
        """Remove spaces from a device's token, as copied from logs; user IDs may contain spaces and keep them."""
        target: str = self.cleaned_data["target"]
        return "".join(target.split()) if self.cleaned_data.get("target_type") == "device" else target


class SegmentPart(PushForm):
    """The choice of one of the workspace's segments."""

    segment = forms.ModelChoiceField(
        label=_("Segment"),
        queryset=Segment.objects.none(),
        to_field_name="name",
        empty_label=_("Select a segment"),
        error_messages={"required": _("Select a segment.")},
        widget=UnfoldAdminSelectWidget(),
        help_text=_("Every device that meets its condition when the push is sent, of any platform."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["segment"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = segments.of_workspace(self.workspace)


class InboxPart(PushForm):
    """Whether the messages are in inboxes, for pushes whose messages may be."""

    inbox = forms.TypedChoiceField(
        label=_("Inbox"),
        choices=[(0, _("Not in the inbox")), (1, _("Keep in the inbox of the app"))],
        coerce=int,
        initial=0,
        required=False,
        widget=radio(),
        help_text=_("Users find it in the message center of the app, whether the notification reached them or not."),
    )

    @property
    def is_in_inbox(self) -> bool:
        """Whether the messages are kept in inboxes."""
        return bool(self.cleaned_data.get("inbox"))


class PacePart(PushForm):
    """The pace of a push to many devices."""

    messages_per_second = forms.IntegerField(
        label=_("Messages a second"),
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": limits.MAX_MESSAGES_PER_SECOND}),
        help_text=_(
            "At most so many; empty for as fast as it goes. The valid period counts from the start of the push."
        ),
    )
    over_seconds = forms.IntegerField(
        label=_("Spread over (seconds)"),
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1}),
        help_text=_("Evenly over this period, in the place of a number a second. It is shorter than the valid period."),
    )

    pace_url = forms.CharField(
        label=_("Pace URL"),
        required=False,
        widget=text(maxlength=limits.MAX_PACE_URL_LENGTH, spellcheck="false", inputmode="url"),
        help_text=_(
            "An address of your backend that is asked, again and again, whether the push may go on; or nothing."
        ),
    )

    def pace(self) -> dict[str, Any]:
        """Return the pace by the names that push requests have for it."""
        given = self.cleaned_data
        numbers = {name: given.get(name) for name in ("messages_per_second", "over_seconds")}
        return numbers | {"pace_url": given.get("pace_url") or ""}


class LocalTimePart(PushForm):
    """The time on each device's own clock at which it gets the push."""

    local_time = forms.TimeField(
        label=_("At the local time"),
        required=False,
        widget=text(type="time"),
        help_text=_(
            "Each device gets it when it is that time in its own time zone, within 24 hours; empty for at once. "
            "Devices without a time zone: that of the workspace."
        ),
    )

    best_time_hours = forms.IntegerField(
        label=_("At the best time within (hours)"),
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": limits.MAX_BEST_TIME_HOURS}),
        help_text=_(
            "Each user gets it at the hour at which the user opens most messages, within so many hours; empty for at "
            "once."
        ),
    )

    @property
    def local_time_text(self) -> str:
        """The time as requests have it; empty for at once."""
        given = self.cleaned_data.get("local_time")
        return f"{given:%H:%M}" if given is not None else ""


class ChannelPart(PushForm):
    """The choice between vendor and self-built channel on Android."""

    android_channel = forms.TypedChoiceField(
        label=_("Android message channel"),
        choices=[(0, _("Default channel")), (1, _("Self-built channel"))],
        coerce=int,
        initial=0,
        required=False,
        widget=radio(),
        help_text=_(
            "Default: the device vendor's channel where it is set up and fits the device, else the self-built."
        ),
    )

    def channel(self, delivery_type: DeliveryType, *, silent: bool = False) -> int:
        """Return the API's channel number: 0 for iOS, which has no choice, and 1 (self-built) for a silent template."""
        if delivery_type == DeliveryType.IOS:
            return 0
        return 1 if silent else int(self.cleaned_data.get("android_channel") or 0)


class ContentPart(forms.Form):
    """The content of a push without a template, or of a template: text, display, action, icons and images."""

    silent = forms.TypedChoiceField(
        label=_("Display type"),
        choices=[(0, _("Show message")), (1, _("Silent push"))],
        coerce=int,
        initial=0,
        widget=radio(),
    )
    style = forms.TypedChoiceField(
        label=_("Display style"),
        choices=[(0, _("Default")), (1, _("Big text")), (RICH_STYLE, _("Rich text"))],
        coerce=int,
        initial=0,
        widget=radio(),
    )
    title = forms.CharField(
        label=_("Message title"),
        error_messages={"required": _("Enter a title.")},
        widget=text(maxlength=limits.MAX_TITLE_LENGTH, **{"data-counted": ""}),
    )
    body = forms.CharField(
        label=_("Message body"),
        error_messages={"required": _("Enter a body.")},
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "maxlength": limits.MAX_CONTENT_LENGTH, "data-counted": ""}),
    )
    action = forms.TypedChoiceField(
        label=_("Action upon click"),
        choices=[(0, _("Open web URL")), (1, _("Open intent activity"))],
        coerce=int,
        initial=0,
        widget=radio(),
    )
    url = forms.CharField(
        label=_("URL"),
        required=False,
        widget=text(spellcheck="false"),
        help_text=_(
            "The web page, or the native page (Android: activity name, iOS: view controller name). The app acts on it."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind, materials in (("icon", ICONS), ("image", IMAGES)):
            for name, label, advice in materials:
                self.fields[f"{kind}_{name}"] = forms.URLField(
                    label=label,
                    required=False,
                    assume_scheme="https",
                    widget=text(placeholder="https://", **{"data-shown-when": f"style={RICH_STYLE}"}),
                    help_text=advice,
                )

    def clean_body(self) -> str:
        """Turn CRLF line breaks, which browsers submit, into single characters."""
        return self.cleaned_data["body"].replace("\r\n", "\n")

    @property
    def icons(self) -> list[forms.BoundField]:
        """The icon fields, the default one first."""
        return [self[f"icon_{name}"] for name, *_rest in ICONS]

    @property
    def images(self) -> list[forms.BoundField]:
        """The image fields, the default one first."""
        return [self[f"image_{name}"] for name, *_rest in IMAGES]

    @property
    def material_errors(self) -> bool:
        """Whether an icon or image field other than the defaults has an error; the page then unfolds them."""
        return any(field.errors for field in (*self.icons[1:], *self.images[1:]))

    def content(self) -> dict[str, Any]:
        """Return the content by the names that `SimplePush` has for it."""
        given = self.cleaned_data
        return {
            "title": given["title"],
            "content": given["body"],
            "push_action": given["action"],
            "uri": given["url"],
            "silent": given["silent"],
            "push_style": given["style"],
            "icon_urls": self.material("icon"),
            "image_urls": self.material("image"),
        }

    def material(self, kind: str) -> dict[str, str]:
        """Return the URLs by channel name in the API's terms; none unless the style is rich text.

        Args:
            kind: "icon" or "image".
        """
        given = self.cleaned_data
        if given.get("style") != RICH_STYLE:
            return {}
        names = [name for name, *_rest in (ICONS if kind == "icon" else IMAGES)]
        return {name: given[f"{kind}_{name}"] for name in names if given.get(f"{kind}_{name}")}


class TemplatePart(ChannelPart):
    """The choice of one of the workspace's templates.

    What a template fixes, such as the display type and the action, is shown on the page but not asked.
    """

    no_category = _("As the template says")

    template = forms.ModelChoiceField(
        label=_("Template"),
        queryset=Template.objects.none(),
        to_field_name="name",
        empty_label=_("Select a template"),
        error_messages=required(ResultCode.NEED_TEMPLATE),
        widget=UnfoldAdminSelectWidget(attrs={"data-reloads": "template"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["template"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = templates.of_workspace(self.workspace)

    @property
    def chosen(self) -> Template | None:
        """The selected template, also while the form is not valid; None when nothing or an unknown name is selected."""
        name = self["template"].value()
        if not name or not isinstance(name, str) or "\0" in name:
            return None
        return templates.of_workspace(self.workspace).filter(name=name[: templates.MAX_LENGTH]).first()


class PlaceholdersPart(TemplatePart):
    """A field for each placeholder of the selected template."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        template = self.chosen
        self._names = sorted(templates.placeholder_names(template)) if template else []
        for number, name in enumerate(self._names):
            self.fields[f"value_{number}"] = forms.CharField(
                label=f"#{name}#",
                strip=False,
                error_messages=required(ResultCode.TEMPLATEKV_NOT_ENOUGH),
                widget=text(),
            )

    @property
    def placeholders(self) -> list[forms.BoundField]:
        """The placeholders' fields, in alphabetical order."""
        return [self[f"value_{number}"] for number in range(len(self._names))]

    def values(self, given: dict[str, Any]) -> dict[str, str]:
        """Return the placeholders' values by name, empty for those missing from `given`, the cleaned data."""
        return {name: given.get(f"value_{number}") or "" for number, name in enumerate(self._names)}


class ExtensionParameterForm(forms.Form):
    """A row of the extension parameters."""

    key = forms.CharField(required=False, widget=text(**{"placeholder": _("Key"), "aria-label": _("Key")}))
    value = forms.CharField(
        required=False, strip=False, widget=text(**{"placeholder": _("Value"), "aria-label": _("Value")})
    )


class ExtensionParameters(
    forms.formset_factory(ExtensionParameterForm, extra=1, max_num=MAX_PARAMETER_ROWS, absolute_max=MAX_PARAMETER_ROWS)  # type: ignore[misc]
):
    """The extension parameters as rows of key and value; rows without a key and a value are ignored."""

    def clean(self) -> None:
        """Refuse values without a key, and keys given twice."""
        seen: set[str] = set()
        for form in self.forms:
            row = getattr(form, "cleaned_data", {})
            if row.get("value") and not row.get("key"):
                form.add_error("key", _("A value needs a key."))
            if row.get("key") in seen:
                form.add_error("key", _("This key is there already."))
            if row.get("key"):
                seen.add(row["key"])

    def refuse(self, key: str, sentence: str) -> None:
        """Add an error to the row with a key; to the rows as a whole if none has it."""
        for form in self.forms:
            if getattr(form, "cleaned_data", {}).get("key") == key:
                form.add_error("key", sentence)
                return
        self.non_form_errors().append(sentence)

    def as_mapping(self) -> dict[str, str]:
        """Return the parameters of these valid rows."""
        return {row["key"]: row["value"] for row in self.cleaned_data if row.get("key")}
