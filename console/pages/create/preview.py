"""The preview beside the form: what the device would get.

It is built by the same code as the real message, from a form that need not be valid yet.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from channels_vendor.apns.payload import request_template
from channels_vendor.base.contract import Account
from channels_vendor.base.delivery import Shown
from channels_vendor.base.errors import TooBigError
from channels_vendor.base.notifications import deliveries_of
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from console.pages.create.advice import Advice, advice_on
from console.pages.create.fields import DEFAULT_VALIDITY_SECONDS, PlaceholdersPart
from console.pages.create.forms import AnyForm, ContentForm
from pushcore.channels import Channel, Platform
from pushcore.delivery.payload import device_payload
from pushcore.models import PushTask, Workspace
from pushcore.ports import OutgoingMessage
from pushcore.push import content, templates
from pushcore.push.requests import TemplatePush
from pushcore.storage import clock, ids


def channel_choices(workspace: Workspace) -> list[tuple[int, str]]:
    """Return the channels that the preview may be shown as by, those that are set up in the workspace first."""
    own = set(VendorAccount.objects.filter(workspace=workspace, enabled=True).values_list("channel", flat=True))
    vendors = sorted(VENDORS, key=lambda channel: (channel not in own, channel))
    titles = [(int(channel), gettext(VENDORS[channel].title)) for channel in vendors]
    return [(int(Channel.SELF_BUILT), gettext("Self-built channel")), *titles]


@dataclass(frozen=True, slots=True)
class ChannelPreview:
    """What one channel shows.

    Attributes:
        channel: The channel's number.
        title: The title as it travels.
        body: The text as it travels.
        icon: The icon's URL; empty where none is shown.
        image: The large image's URL; empty where none is shown.
        note: What the vendor cuts, in a sentence; empty if nothing.
    """

    channel: int
    title: str = ""
    body: str = ""
    icon: str = ""
    image: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """The values the page's script shows.

    Attributes:
        title: The message's title.
        body: The message's text.
        silent: Whether nothing is displayed on the device.
        style: The display style, as in the API.
        channels: What each channel shows of it, the self-built one first; empty for a silent message.
        advice: What the operator had better change.
        android: The body for the self-built channel as JSON, with example IDs.
        ios: The body for APNs as JSON, with example IDs; empty if APNs would refuse it.
        placeholders: Of a template, the names of its placeholders, in alphabetical order.
    """

    title: str = ""
    body: str = ""
    silent: bool = False
    style: int = 0
    channels: list[ChannelPreview] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)
    android: str = ""
    ios: str = ""
    placeholders: list[str] = field(default_factory=list)

    def remarks(self, channels: Collection[int]) -> list[str]:
        """Return what the given channels cut, and the advice on the message, in sentences."""
        cut = [shown.note for shown in self.channels if shown.note and shown.channel in channels]
        return cut + [advice.text for advice in self.advice]


def preview_of(form: AnyForm, params: Mapping[str, str]) -> Preview:
    """Return the preview of a bound form; an empty one while no template is selected."""
    form.is_valid()
    made = _content(form, params)
    if made is None:
        return Preview()
    given = form.cleaned_data
    example = Example(
        PushTask.Kind(form.kind),
        given.get("target", ""),
        given.get("msgkey", ""),
        given.get("valid_seconds") or DEFAULT_VALIDITY_SECONDS,
    )
    return preview_of_content(form.workspace, made, example, has_template=not isinstance(form, ContentForm))


@dataclass(frozen=True, slots=True)
class Example:
    """What surrounds the content in the message bodies, as far as it is known."""

    kind: PushTask.Kind = PushTask.Kind.TEMPLATE
    target: str = ""
    msgkey: str = ""
    valid_seconds: int = DEFAULT_VALIDITY_SECONDS


def preview_of_content(workspace: Workspace, made: dict[str, Any], example: Example, *, has_template: bool) -> Preview:
    """Return the preview of a content.

    Args:
        workspace: Whose vendor accounts count.
        made: The content (`pushcore.push.content`).
        example: What surrounds it.
        has_template: Advice stands at the choice of a template, and not at the fields of the content.
    """
    outgoing = _outgoing(workspace, made, example)
    return Preview(
        title=made["title"],
        body=made["content"],
        silent=bool(made["silent"]),
        style=made["style"],
        channels=[] if made["silent"] else list(_channels(workspace, outgoing)),
        advice=list(dict.fromkeys(advice_on(made, has_template=has_template))),
        android=_pretty(device_payload(outgoing)),
        ios=_ios(outgoing),
    )


def _channels(workspace: Workspace, outgoing: OutgoingMessage) -> Iterator[ChannelPreview]:
    """Yield what each channel shows of a message, by the adapters' own payloads."""
    accounts = {row.channel: row for row in VendorAccount.objects.filter(workspace=workspace)}
    content = outgoing.content
    icon, image = (content[name].get("defaultUrl", "") for name in ("icon", "image"))
    yield ChannelPreview(Channel.SELF_BUILT, content["title"], content["content"], icon, image)
    for channel, vendor in VENDORS.items():
        row = accounts.get(channel)
        # Secrets stay sealed: no limit depends on one.
        account = Account(workspace.pk, channel, row.public_values if row else {})
        [delivery] = deliveries_of([outgoing], channel)
        try:
            shown = vendor.shown(delivery.notification, account)
        except TooBigError:
            shown = None
        yield _of_vendor(channel, content, shown)


def _of_vendor(channel: Channel, content: Mapping[str, Any], shown: Shown | None) -> ChannelPreview:
    """Return the preview of a vendor's channel, with what the vendor cuts in words."""
    name = gettext(VENDORS[channel].title)
    if shown is None:
        return ChannelPreview(channel, note=gettext("%(vendor)s: too large to be sent.") % {"vendor": name})
    cuts = []
    if shown.title != content["title"]:
        cuts.append(gettext("the title to %(count)s characters") % {"count": len(shown.title)})
    if shown.body != content["content"]:
        cuts.append(gettext("the body to %(count)s characters") % {"count": len(shown.body)})
    note = gettext("%(vendor)s cuts %(what)s.") % {"vendor": name, "what": gettext(", ").join(cuts)} if cuts else ""
    return ChannelPreview(channel, shown.title, shown.body, shown.icon, shown.image, note)


def _content(form: AnyForm, params: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the message's content, with unfilled placeholders left as they are; None without a template."""
    if isinstance(form, ContentForm):
        form.cleaned_data = _untouched(form) | form.cleaned_data
        return content.of_simple(form.request(params))
    template = form.chosen
    if template is None:
        return None
    typed = form.values(form.cleaned_data) if isinstance(form, PlaceholdersPart) else {}
    values = {name: typed.get(name) or f"#{name}#" for name in templates.placeholder_names(template)}
    request = TemplatePush(
        delivery_type=0, expired_seconds=0, template_name=template.name, target_msgkey={}, extended_params=params
    )
    return content.of_template(template, templates.render(template, values), request)


def _untouched(form: ContentForm) -> dict[str, Any]:
    """Return the initial values of the fields, which stand in for those that are not valid yet."""
    initial = {name: field.initial for name, field in form.fields.items()}
    return {name: "" if value is None or callable(value) else value for name, value in initial.items()}


def _outgoing(workspace: Workspace, made: dict[str, Any], example: Example) -> OutgoingMessage:
    """Build an outgoing message with example IDs around the content."""
    now = clock.now()
    example_id = ids.first_id_at(now)
    return OutgoingMessage(
        message_id=example_id,
        workspace_id=workspace.pk,
        task_id=example_id,
        kind=example.kind,
        target=example.target,
        msgkey=example.msgkey,
        expire_at=now + timedelta(seconds=max(1, min(example.valid_seconds, settings.MAX_EXPIRED_SECONDS))),
        content=made,
        options={},
        device_id=0,
        platform=Platform.ANDROID,
        third_channel=Channel.APNS,
        third_token="",
    )


def _ios(outgoing: OutgoingMessage) -> str:
    """Render the APNs body; empty if APNs would refuse it."""
    [delivery] = deliveries_of([outgoing], Channel.APNS)
    ios = request_template(delivery.notification, topic="", msgkey=delivery.msgkey)
    return _pretty(ios.template.render(delivery)) if ios else ""


def _pretty(body: bytes) -> str:
    """Indent a JSON body."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
