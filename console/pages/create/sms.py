"""The part of the push forms that asks for an SMS, where the workspace has an account that sends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget

from console.pages.create.fields import PushForm, radio, text
from pushcore.models import PushTask
from pushcore.ports import SmsWish, sms_complement
from pushcore.push import content
from pushcore.push import sms as wishes
from pushcore.push.requests import SimplePush, TemplatePush
from pushcore.push.sms import SmsStrategy
from sms.models import SmsAccount

_WANTED = {"data-shown-when": "sms=1"}
# By field: the API's name of what it holds.
_NAMES = {
    "sms_delay_seconds": "smsDelaySeconds",
    "sms_sign_name": "smsSignName",
    "sms_template_code": "smsTemplateCode",
    "sms_template_param": "smsTemplateParam",
    "sms_text": "smsText",
}


class SmsPart(PushForm):
    """Whether an SMS is sent, when and which."""

    sms = forms.TypedChoiceField(
        label=_("SMS"),
        choices=[(0, _("No SMS")), (1, _("Send an SMS"))],
        coerce=int,
        initial=0,
        required=False,
        widget=radio(),
        help_text=_("To the phone number that the user was bound with; the provider charges for it."),
    )
    sms_when = forms.TypedChoiceField(
        label=_("When it is sent"),
        choices=[
            (SmsStrategy.SUPPLEMENT.value, _("If the message does not arrive")),
            (SmsStrategy.CONCURRENT.value, _("Beside the message")),
        ],
        coerce=int,
        initial=SmsStrategy.SUPPLEMENT.value,
        required=False,
        widget=radio(**_WANTED),
    )
    sms_delay_seconds = forms.IntegerField(
        label=_("Seconds to arrive"),
        required=False,
        initial=wishes.DEFAULT_DELAY_SECONDS,
        widget=UnfoldAdminIntegerFieldWidget(
            attrs={"min": 1, "data-shown-when": f"sms=1 sms_when={SmsStrategy.SUPPLEMENT.value}"}
        ),
    )
    sms_sign_name = forms.CharField(
        label=_("SMS signature"),
        required=False,
        max_length=64,
        widget=text(**_WANTED),
        help_text=_("Empty: the account's own."),
    )
    sms_template_code = forms.CharField(
        label=_("SMS template"),
        required=False,
        max_length=64,
        widget=text(spellcheck="false", **_WANTED),
        help_text=_("Its code at the provider; empty: the text is sent."),
    )
    sms_template_param = forms.CharField(
        label=_("Values of the SMS template"),
        required=False,
        max_length=wishes.MAX_PARAM_LENGTH,
        widget=text(spellcheck="false", placeholder='{"code": "1234"}', **_WANTED),
    )
    sms_text = forms.CharField(
        label=_("SMS text"),
        required=False,
        max_length=wishes.MAX_TEXT_LENGTH,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 2, "data-counted": "", "maxlength": wishes.MAX_TEXT_LENGTH} | _WANTED
        ),
        help_text=_("Where there is no template; empty: the message's body."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not SmsAccount.objects.filter(workspace=self.workspace, enabled=True).exists():
            for name in ("sms", "sms_when", *_NAMES):
                del self.fields[name]

    def sms_wish(self) -> dict[str, Any]:
        """Return what is asked for by the names of the API, as push requests have it."""
        given = self.cleaned_data
        if not given.get("sms"):
            return {}
        strategy = given.get("sms_when") or SmsStrategy.SUPPLEMENT.value
        wish = {api: given.get(name) for name, api in _NAMES.items() if given.get(name) not in (None, "")}
        if strategy != SmsStrategy.SUPPLEMENT:
            wish.pop("smsDelaySeconds", None)
        return {"smsStrategy": strategy, **wish}


def shown_sms(form: SmsPart, request: SimplePush | TemplatePush) -> Iterator[tuple[str, str]]:
    """Yield what would be sent by SMS, for the review; nothing where none is wanted."""
    given = form.sms_wish()
    if given:
        wish = SmsWish(0, *(str(given.get(name) or "") for name in list(_NAMES.values())[1:]))
        body = wishes.text_of(wish, content.compose(form.workspace, request).shared)
        yield gettext("Sent by SMS"), sms_complement().render(form.workspace.pk, wish, body)


def typed_of(task: PushTask) -> dict[str, Any]:
    """Return what the fields of an earlier push's SMS are filled in with."""
    wish = wishes.of_task(task)
    if wish is None:
        return {}
    strategy = SmsStrategy.SUPPLEMENT if wish.delay_seconds else SmsStrategy.CONCURRENT
    values = {name: value for name, value in zip(_NAMES, wish, strict=True) if value}
    return {"sms": 1, "sms_when": strategy.value, **values}
