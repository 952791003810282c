"""The settings of a push as text, for the review page.

They are read off the form, so that a new field is listed without a change here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from console.components.columns import moment_text
from console.pages.create.fields import ChannelPart, ExtensionParameters, TemplatePart
from console.pages.create.forms import AnyForm, BroadcastForm, SimpleForm, TemplatePushForm
from console.pages.create.sending import AGAIN, AT, SendingForm
from console.pages.create.sms import shown_sms
from pushcore.models import Template
from pushcore.models.pushes import DeliveryType
from pushcore.schedules.times import DAILY, Cyclic, moments
from pushcore.storage import clock

Detail = tuple[str, str]

# Shown apart, as the message itself.
_IN_THE_MESSAGE = ("title", "body")
# Listed if they say something.
_IF_GIVEN = ("message_category", "ignore_quiet_hours", "ab_test")
_LISTED_APART = ("android_channel", "template", "file", "findings", "valid_seconds")


def details(form: AnyForm, parameters: ExtensionParameters, sending: SendingForm, kind: str) -> Iterator[Detail]:
    """Yield the label and value of every setting of the valid forms.

    The title and body are left out: the review shows them apart, as the message itself.
    """
    yield _("Kind"), kind
    yield _("Workspace"), str(form.workspace)
    if isinstance(form, BroadcastForm):
        yield _("Target"), _("all devices: %(platform)s") % {"platform": form.delivery_type.label}
    for bound in form:
        if bound.name not in (*_IN_THE_MESSAGE, *_LISTED_APART) and is_asked(form, bound):
            value = shown(bound, form.cleaned_data.get(bound.name))
            # What says nothing of its own is not listed: no category, and nothing else than it says.
            if bound.name in _IF_GIVEN and not form.cleaned_data.get(bound.name):
                continue
            if value:
                yield str(bound.label) if bound.name != "file_name" else _("File"), value
    if isinstance(form, SimpleForm | TemplatePushForm):
        yield from shown_sms(form, form.request({}))
    if isinstance(form, TemplatePart):
        template: Template = form.cleaned_data["template"]
        yield from _of_template(template)
        if template.message_category and not form.cleaned_data.get("message_category"):
            yield _("Message category"), template.message_category
    if isinstance(form, ChannelPart):
        yield from _channel(form)
    for key, value in parameters.as_mapping().items():
        yield _("Extension parameter %(key)s") % {"key": key}, value
    yield _("Valid period"), _("%(seconds)s seconds") % {"seconds": intcomma(form.cleaned_data["valid_seconds"])}
    yield from _schedule(sending)


def is_asked(form: forms.Form, bound: forms.BoundField) -> bool:
    """Return whether the page shows the field, by its `data-shown-when` (see `console.pages.create.fields`)."""
    values = {one.html_name: str(one.value()) for one in form}
    conditions = str(bound.field.widget.attrs.get("data-shown-when", "")).split()
    return all(values.get(name) == value for name, _equals, value in (one.partition("=") for one in conditions))


def shown(bound: forms.BoundField, value: Any) -> str:
    """Return a field's value as text, by the label of its choice if it has choices; empty when nothing was given."""
    choices = getattr(bound.field, "choices", None)
    if choices is not None and not isinstance(bound.field, forms.ModelChoiceField):
        return str(dict(choices).get(value, "" if value is None else value))
    return "" if value is None else str(value)


def _of_template(template: Template) -> Iterator[Detail]:
    """Yield the settings that a template fixes, besides its texts."""
    yield _("Template"), template.name
    yield _("Display type"), _("Silent push") if template.silent else _("Show message")
    yield _("Display style"), str(template.get_style_display())
    action = str(template.get_action_display())
    yield _("Action upon click"), f"{action}: {template.uri}" if template.uri else action


def _channel(form: ChannelPart) -> Iterator[Detail]:
    """Yield the channel the push will take, which a silent template decides; iOS has none to choose."""
    delivery_type: DeliveryType = form.delivery_type  # type: ignore[attr-defined]
    if delivery_type == DeliveryType.IOS:
        return
    template = form.cleaned_data.get("template")
    chosen = form.channel(delivery_type, silent=bool(template and template.silent))
    field = form.fields["android_channel"]
    yield str(field.label), str(dict(field.choices)[chosen])  # type: ignore[attr-defined]


def _schedule(sending: SendingForm) -> Iterator[Detail]:
    """Yield when the push is sent, and of a repeated one how often."""
    yield _("Send"), _when(sending)
    strategy = sending.strategy()
    if isinstance(strategy, Cyclic):
        times = moments(strategy, sending.zone, clock.now())
        yield (
            _("Times of sending"),
            _("%(count)s, the first %(first)s")
            % {"count": intcomma(len(times)), "first": moment_text(times[0], sending.zone)},
        )


def _when(sending: SendingForm) -> str:
    """Describe when the push is sent."""
    given = sending.cleaned_data
    if given["when"] == AT:
        return moment_text(given["at"], sending.zone)
    if given["when"] == AGAIN:
        days = shown(sending["circle"], given["circle"] or DAILY)
        on = ", ".join(str(dict(sending.fields["weekdays"].choices)[day]) for day in given["weekdays"])  # type: ignore[attr-defined]
        on = on if is_asked(sending, sending["weekdays"]) else ""
        on = given["monthdays"] if is_asked(sending, sending["monthdays"]) else on
        between = f"{date_format(given['first_day'])} - {date_format(given['last_day'])}"
        repeat = f"{days} ({on})" if on else days
        return f"{repeat}, {given['time_of_day']:%H:%M} ({sending.zone.key}), {between}"
    return _("at once")
