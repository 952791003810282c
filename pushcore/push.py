"""Taking a push. The way of one message starts here.

accept_simple | accept_template | accept_multiple: limits, content
    -> acceptance.accept: claim keys, task and messages in ONE transaction
        -> (commit) -> delivery.hand_over
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pushcore import limits, templates
from pushcore.acceptance import Addressed, Draft, accept
from pushcore.models import PushTask, Template, Workspace
from pushcore.templates import Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class _Push:
    """What pushes to named targets have in common. Field names follow the API (version 2020-10-28).

    `android_channel`: 0 default, 1 self-built only. `vendor_options` holds what only vendors' channels read.
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
class SimplePush(_Push):
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
class TemplatePush(_Push):
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
class MultiplePush(_Push):
    """A template, filled in for each of up to 400 targets."""

    template_name: str
    target_msg: Sequence[TargetMessage]
    push_action: int | None = None
    silent: int | None = None


def accept_simple(workspace: Workspace, request: SimplePush, *, source: PushTask.Source, author: str) -> PushTask:
    """Accept a simple push: one message to each of up to 10 targets. Returns the committed task.

    The same request again (same msgkeys and targets, within 24 hours) returns the first task and sends nothing.
    Raises `ResultError` with the code of the limit it breaks; INVALID_PARAM for a msgkey used by another request.
    """
    limits.check_simple(request)
    content = _content(
        Rendered(request.title, request.content, request.uri),
        request,
        action=request.push_action,
        silent=request.silent,
        style=request.push_style,
        icon=request.icon_urls,
        image=request.image_urls,
    )
    addressed = [Addressed(target, msgkey) for target, msgkey in request.target_msgkey.items()]
    return _accept(workspace, PushTask.Kind.SIMPLE, request, content, addressed, source, author)


def accept_template(workspace: Workspace, request: TemplatePush, *, source: PushTask.Source, author: str) -> PushTask:
    """Accept a template push; as `accept_simple`, and NEED_TEMPLATE, TEMPLATE_NOT_EXIST, TEMPLATEKV_NOT_ENOUGH."""
    limits.check_template_push(request)
    template = templates.named(workspace, request.template_name)
    content = _templated(template, templates.render(template, request.template_key_value), request)
    addressed = [Addressed(target, msgkey) for target, msgkey in request.target_msgkey.items()]
    return _accept(workspace, PushTask.Kind.TEMPLATE, request, content, addressed, source, author)


def accept_multiple(workspace: Workspace, request: MultiplePush, *, source: PushTask.Source, author: str) -> PushTask:
    """Accept a multiple push of up to 400 targets; codes as `accept_template`.

    The task keeps the template as it stands; each message keeps only what is its own.
    """
    limits.check_multiple(request)
    template = templates.named(workspace, request.template_name)
    content = _templated(template, Rendered(template.title, template.body, template.uri), request)
    addressed = []
    for entry in request.target_msg:
        rendered = templates.render(template, entry.template_key_value)
        params = {**request.extended_params, **entry.extended_params}
        override = _own(rendered, params)
        limits.check_payload(content | override)
        addressed.append(Addressed(entry.target, entry.msgkey, override))
    return _accept(workspace, PushTask.Kind.MULTIPLE, request, content, addressed, source, author)


def _accept(
    workspace: Workspace,
    kind: PushTask.Kind,
    request: SimplePush | TemplatePush | MultiplePush,
    content: dict[str, Any],
    addressed: Sequence[Addressed],
    source: PushTask.Source,
    author: str,
) -> PushTask:
    limits.check_payload(content)
    draft = Draft(
        kind=kind,
        task_name=request.task_name,
        delivery_type=request.delivery_type,
        content=content,
        options={"androidChannel": request.android_channel, **request.vendor_options},
        expired_seconds=request.expired_seconds,
        fingerprint=_fingerprint(kind, request),
        addressed=addressed,
    )
    return accept(workspace, draft, source=source, author=author)


def _templated(template: Template, rendered: Rendered, request: TemplatePush | MultiplePush) -> dict[str, Any]:
    content = _content(
        rendered,
        request,
        action=template.action if request.push_action is None else request.push_action,
        silent=int(template.silent) if request.silent is None else request.silent,
        style=template.style,
        icon=template.icon,
        image=template.image,
    )
    return content | {"templateCode": template.name}


def _content(
    rendered: Rendered,
    request: _Push,
    *,
    action: int,
    silent: int,
    style: int,
    icon: Mapping[str, str],
    image: Mapping[str, str],
) -> dict[str, Any]:
    """What the device gets as bData, but for what differs by message."""
    return _own(rendered, request.extended_params) | {
        "action": action,
        "silent": silent,
        "style": style,
        "icon": dict(icon),
        "image": dict(image),
        "templateCode": "",
        "notifyType": request.notify_type,
    }


def _own(rendered: Rendered, params: Mapping[str, str]) -> dict[str, Any]:
    """The part of the content a message of a multiple push has for itself."""
    return {
        "title": rendered.title,
        "content": rendered.content,
        "url": rendered.uri,
        "params": dict(params),
        "badge": params.get("badge", ""),
        "sound": params.get("sound", ""),
    }


def _fingerprint(kind: PushTask.Kind, request: _Push) -> bytes:
    """What makes two requests the same: every parameter, in any order."""
    canonical = json.dumps([kind, asdict(request)], sort_keys=True, default=dict, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).digest()
