"""What a push request says, once an API or a form has read it. Its limits are checked by `pushcore.push.validation`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar

from pushcore.models.pushes import DeliveryType, PushTask


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """What all pushes have in common. Field names follow the API (version 2020-10-28).

    Attributes:
        android_channel: 1 for the self-built channel only; 0 and 2 are the default.
        vendor_options: What only vendors' channels read, by the API's names.
        message_category: The name of the workspace's category, whose rules it follows; empty for none.
        ignore_quiet_hours: Whether it is delivered in quiet hours too, though its category keeps them.
        inbox: Whether its messages are in the inboxes of their targets (docs/inbox.md).
        sms: The parameters of the SMS complement that are given, by the API's names (`pushcore.push.sms`).
        task_name_required: Whether a push without a name is refused, as the older API version does.
    """

    kind: ClassVar[PushTask.Kind]

    delivery_type: int
    expired_seconds: int
    task_name: str = ""
    extended_params: Mapping[str, str] = field(default_factory=dict)
    notify_type: str = ""
    android_channel: int = 0
    vendor_options: Mapping[str, Any] = field(default_factory=dict)
    message_category: str = ""
    ignore_quiet_hours: bool = False
    inbox: bool = False
    sms: Mapping[str, Any] = field(default_factory=dict)
    task_name_required: bool = False

    def fingerprint(self) -> bytes:
        """Return what two requests have in common if they are the same: all parameters, but for the API's version."""
        parameters = {name: value for name, value in asdict(self).items() if name != "task_name_required"}
        canonical = json.dumps([self.kind, parameters], sort_keys=True, default=str, separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SimplePush(PushRequest):
    """The same content to up to 10 targets. `target_msgkey` maps target to msgkey."""

    kind = PushTask.Kind.SIMPLE
    title: str
    content: str
    target_msgkey: Mapping[str, str]
    push_action: int = 0
    uri: str = ""
    silent: int = 0
    push_style: int = 0
    icon_urls: Mapping[str, str] = field(default_factory=dict)
    image_urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePush(PushRequest):
    """A template, rendered once, to up to 10 targets. `push_action` and `silent`: None for the template's own."""

    kind = PushTask.Kind.TEMPLATE
    template_name: str
    target_msgkey: Mapping[str, str]
    template_key_value: Mapping[str, str] = field(default_factory=dict)
    push_action: int | None = None
    silent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMessage:
    """One target of a multiple push, with its own values and extension parameters."""

    target: str
    msgkey: str
    template_key_value: Mapping[str, str] = field(default_factory=dict)
    extended_params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplePush(PushRequest):
    """A template, rendered for each of up to 400 targets."""

    kind = PushTask.Kind.MULTIPLE
    template_name: str
    target_msg: Sequence[TargetMessage]
    push_action: int | None = None
    silent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastPush(PushRequest):
    """A template, rendered once, to every device of a platform.

    Attributes:
        push_status: Whose devices, where the audience is chosen by login: 0 bound, 1 bound or unbound, 2 unbound.
        bind_period: Bound within the last 7 (1), 15 (2) or 60 days (3), or at any time (4).
        unbind_period: Likewise, unbound.
        bind_window: Bound between two moments (aware).
        unbind_window: Likewise, unbound.
        time_mode: 0 if a period goes before a window; else the window does.
    """

    kind = PushTask.Kind.BROADCAST
    template_name: str
    msgkey: str
    template_key_value: Mapping[str, str] = field(default_factory=dict)
    push_status: int = 0
    bind_period: int | None = None
    unbind_period: int | None = None
    bind_window: tuple[datetime, datetime] | None = None
    unbind_window: tuple[datetime, datetime] | None = None
    time_mode: int = 1
    push_action: int | None = None
    silent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A variant of an audience push: a share of the audience, in percent, and what of the content is its own."""

    name: str
    share: int
    title: str = ""
    content: str = ""
    uri: str = ""
    template_key_value: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePush(PushRequest):
    """The same content to every device that meets a condition, of all platforms.

    Attributes:
        condition: Its JSON form, or text (`pushcore.audience.conditions`); None where a segment has it.
        segment_name: The segment whose condition they meet.
        template_name: The template that is rendered; without one, title and content are the request's own.
        messages_per_second: Its pace; None for as fast as it goes.
        over_seconds: The period over which it is spread, in the place of a pace.
        pace_url: The URL that is asked whether it may go on; empty for none.
        local_time: The time on each device's own clock at which it gets the push (`09:00`); empty for now.
        local_date: The date there (`2026-06-01`); empty for the next time that it is `local_time`.
        best_time_hours: Each user gets it at the best time for it within so many hours; None for now.
        variants: The variants of its A/B test; none for the same content to all (`pushcore.ab_tests`).
        winner: What decides which variant those get that test none: "opens" (also where empty) or "manual".
        test_seconds: How long open rates are awaited before they decide.
        require_significance: Whether somebody is to decide where the difference of open rates may be chance.
    """

    kind = PushTask.Kind.AUDIENCE
    delivery_type: int = DeliveryType.AUDIENCE.value
    condition: Mapping[str, Any] | str | None = None
    segment_name: str = ""
    messages_per_second: int | None = None
    over_seconds: int | None = None
    pace_url: str = ""
    local_time: str = ""
    local_date: str = ""
    best_time_hours: int | None = None
    variants: Sequence[Variant] = ()
    winner: str = ""
    test_seconds: int | None = None
    require_significance: bool = False
    msgkey: str
    template_name: str = ""
    template_key_value: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    content: str = ""
    push_action: int | None = None
    uri: str = ""
    silent: int | None = None
    push_style: int = 0
    icon_urls: Mapping[str, str] = field(default_factory=dict)
    image_urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePush(PushRequest):
    """A template, rendered for each target of a file.

    Attributes:
        sha256: Of the file, hex.
        messages_per_second: Its pace; None for as fast as it goes.
        over_seconds: The period over which it is spread, in the place of a pace.
        pace_url: The URL that is asked whether it may go on; empty for none.
    """

    kind = PushTask.Kind.MULTIPLE
    template_name: str
    sha256: str
    messages_per_second: int | None = None
    over_seconds: int | None = None
    pace_url: str = ""
    push_action: int | None = None
    silent: int | None = None


NamedPush = SimplePush | TemplatePush | MultiplePush
AnyPush = NamedPush | BroadcastPush | AudiencePush

# By kind; a multiple push whose targets are in a file is told apart by the file's digest.
_CLASSES: dict[str, type[AnyPush]] = {
    request.kind: request for request in (SimplePush, TemplatePush, MultiplePush, BroadcastPush, AudiencePush)
}


def as_json(request: AnyPush | FilePush) -> dict[str, Any]:
    """Return the request as JSON can hold it, for `from_json`: a schedule keeps it so."""
    values = asdict(request)
    for name in ("bind_window", "unbind_window"):
        if values.get(name) is not None:
            values[name] = [moment.isoformat() for moment in values[name]]
    return values


def from_json(kind: str, values: Mapping[str, Any]) -> AnyPush | FilePush:
    """Return the request that `as_json` was given. Fields that other versions of this service wrote are ignored."""
    of_kind: type[AnyPush | FilePush] = FilePush if "sha256" in values else _CLASSES[kind]
    known = {field.name for field in fields(of_kind)}
    given = {name: value for name, value in values.items() if name in known}
    if "target_msg" in given:
        given["target_msg"] = [TargetMessage(**entry) for entry in given["target_msg"]]
    if "variants" in given:
        given["variants"] = tuple(Variant(**entry) for entry in given["variants"])
    for name in ("bind_window", "unbind_window"):
        if given.get(name) is not None:
            given[name] = tuple(datetime.fromisoformat(moment) for moment in given[name])
    return of_kind(**given)
