"""What a push request says, once a door has read it. Limits are checked later (`pushcore.push.limits`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from pushcore.models.pushes import PushTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What all pushes have in common. Field names follow the API (version 2020-10-28).

    `android_channel`: 1 self-built only; 0 and 2 default. `vendor_options` holds what only vendors' channels read.
    `task_name_required`: the older API version insists on a name.
    """

    delivery_type: int
    expired_seconds: int
    task_name: str = ""
    extended_params: Mapping[str, str] = field(default_factory=dict)
    notify_type: str = ""
    android_channel: int = 0
    vendor_options: Mapping[str, Any] = field(default_factory=dict)
    task_name_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SimplePush(Push):
    """The same content to up to 10 targets. `target_msgkey` maps target to msgkey."""

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
class TemplatePush(Push):
    """A template, filled in once, to up to 10 targets. `push_action` and `silent`: None for the template's own."""

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
class MultiplePush(Push):
    """A template, filled in for each of up to 400 targets."""

    template_name: str
    target_msg: Sequence[TargetMessage]
    push_action: int | None = None
    silent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastPush(Push):
    """A template, filled in once, to every device of a platform.

    `push_status`, where the audience is chosen by login: 0 bound, 1 bound or unbound, 2 unbound. `bind_period` and
    `unbind_period`: within the last 1: 7, 2: 15, 3: 60 days, 4: ever. Windows are (from, to), aware, and go before
    periods where `time_mode` is not 0.
    """

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
class FilePush(Push):
    """A template, filled in for each target of a file. `sha256`: of the file, hex."""

    template_name: str
    sha256: str
    push_action: int | None = None
    silent: int | None = None


NamedPush = SimplePush | TemplatePush | MultiplePush
AnyPush = NamedPush | BroadcastPush

_CLASSES: dict[str, type[AnyPush]] = {
    PushTask.Kind.SIMPLE: SimplePush,
    PushTask.Kind.TEMPLATE: TemplatePush,
    PushTask.Kind.MULTIPLE: MultiplePush,
    PushTask.Kind.BROADCAST: BroadcastPush,
}


def as_json(request: AnyPush) -> dict[str, Any]:
    """The request as JSON can hold it, for `from_json`."""
    values = asdict(request)
    for name in ("bind_window", "unbind_window"):
        if values.get(name) is not None:
            values[name] = [moment.isoformat() for moment in values[name]]
    return values


def from_json(kind: str, values: Mapping[str, Any]) -> AnyPush:
    """The request that `as_json` was given. Fields of other versions of this service are passed over."""
    known = {field.name for field in fields(_CLASSES[kind])}
    given = {name: value for name, value in values.items() if name in known}
    if "target_msg" in given:
        given["target_msg"] = [TargetMessage(**entry) for entry in given["target_msg"]]
    for name in ("bind_window", "unbind_window"):
        if given.get(name) is not None:
            given[name] = tuple(datetime.fromisoformat(moment) for moment in given[name])
    return _CLASSES[kind](**given)
