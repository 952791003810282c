"""Taking a push. The way of one message starts here.

accept: limits, content                                     (draft_of)
    -> acceptance: claim keys, task and messages in ONE transaction
        -> (commit) -> dispatch.to_lanes
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pushcore.broadcast import broadcasts
from pushcore.models import PushTask, Workspace
from pushcore.push import acceptance, content, limits, templates
from pushcore.push.acceptance import Addressed, Draft
from pushcore.push.idempotency import KeyedTarget
from pushcore.push.requests import AnyPush, BroadcastPush, MultiplePush, Push, SimplePush, TemplatePush
from pushcore.push.target_names import clean_target
from pushcore.push.templates import Rendered


def accept(workspace: Workspace, request: AnyPush, *, source: PushTask.Source, author: str) -> PushTask:
    """Accept a push: check it, commit it, hand it over. Returns the committed task.

    The same request again (same msgkeys and targets, within 24 hours) returns the first task and sends nothing.
    Raises `ResultError` with the code of the limit it breaks; INVALID_PARAM for a msgkey used by another request.
    """
    return acceptance.accept(workspace, draft_of(workspace, request), source=source, author=author)


def draft_of(workspace: Workspace, request: AnyPush) -> Draft:
    """The push, checked against all limits and with its content made. Raises `ResultError`."""
    match request:
        case SimplePush():
            return _simple(request)
        case TemplatePush():
            return _template(workspace, request)
        case MultiplePush():
            return _multiple(workspace, request)
        case BroadcastPush():
            return _broadcast(workspace, request)


def _simple(request: SimplePush) -> Draft:
    """One message to each of up to 10 targets."""
    limits.check_simple(request)
    addressed = _addressed(request)
    return _draft(PushTask.Kind.SIMPLE, request, content.of_simple(request), addressed)


def _template(workspace: Workspace, request: TemplatePush) -> Draft:
    """A template, filled in once, to each of up to 10 targets."""
    limits.check_template_push(request)
    template = templates.named(workspace, request.template_name)
    made = content.of_template(template, templates.render(template, request.template_key_value), request)
    addressed = _addressed(request)
    return _draft(PushTask.Kind.TEMPLATE, request, made, addressed)


def _addressed(request: SimplePush | TemplatePush) -> list[Addressed]:
    return [
        Addressed(clean_target(request.delivery_type, target), msgkey)
        for target, msgkey in request.target_msgkey.items()
    ]


def _multiple(workspace: Workspace, request: MultiplePush) -> Draft:
    """A template, filled in for each of up to 400 targets.

    The task keeps the template as it stands; each message keeps only what is its own.
    """
    limits.check_multiple(request)
    template = templates.named(workspace, request.template_name)
    made = content.of_template(template, Rendered(template.title, template.body, template.uri), request)
    addressed = []
    for entry in request.target_msg:
        rendered = templates.render(template, entry.template_key_value)
        override = content.own(rendered, {**request.extended_params, **entry.extended_params})
        limits.check_payload(made | override, request.vendor_options)
        addressed.append(Addressed(clean_target(request.delivery_type, entry.target), entry.msgkey, override))
    return _draft(PushTask.Kind.MULTIPLE, request, made, addressed)


def _broadcast(workspace: Workspace, request: BroadcastPush) -> Draft:
    """A template, filled in once, to every device of a platform."""
    limits.check_broadcast(request)
    template = templates.named(workspace, request.template_name)
    made = content.of_template(template, templates.render(template, request.template_key_value), request)
    audience = broadcasts.audience_of(workspace, request, silent=bool(made["silent"]))
    return _draft(PushTask.Kind.BROADCAST, request, made, (), audience)


def _draft(
    kind: PushTask.Kind,
    request: AnyPush,
    made: dict[str, Any],
    addressed: Sequence[Addressed],
    audience: broadcasts.Audience | None = None,
) -> Draft:
    limits.check_payload(made, request.vendor_options)
    keys: Sequence[KeyedTarget] = [broadcasts.keyed(audience.msgkey)] if audience else addressed
    return Draft(
        kind=kind,
        task_name=request.task_name,
        delivery_type=request.delivery_type,
        content=made,
        options={"androidChannel": request.android_channel, **request.vendor_options},
        expired_seconds=request.expired_seconds,
        fingerprint=fingerprint_of(kind, request),
        keys=keys,
        addressed=addressed,
        audience=audience,
    )


def fingerprint_of(kind: PushTask.Kind, request: Push) -> bytes:
    """What makes two requests the same: every parameter, in any order; not the version they came in."""
    parameters = {name: value for name, value in asdict(request).items() if name != "task_name_required"}
    canonical = json.dumps([kind, parameters], sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).digest()
