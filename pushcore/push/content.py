"""Compose what is shown on a device: `bData`, from a request and its template.

A task keeps the content that its messages share, a message what is its own. The bytes that travel to a device are made
from both when they are sent (`pushcore.delivery.payload`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from pushcore.models import Template, Workspace
from pushcore.push import templates
from pushcore.push.requests import (
    AnyPush,
    AudiencePush,
    BroadcastPush,
    FilePush,
    MultiplePush,
    PushRequest,
    SimplePush,
    TemplatePush,
)
from pushcore.push.templates import Rendered


class Content(NamedTuple):
    """The content of a push.

    Attributes:
        shared: What all its messages have in common.
        own: Of a multiple push, what is each recipient's own, of an audience push each variant's; in the order of the
            request.
        message_category: The template's, which counts where the request names none; empty for none.
    """

    shared: dict[str, Any]
    own: list[dict[str, Any]]
    message_category: str = ""


def compose(workspace: Workspace, request: AnyPush | FilePush) -> Content:
    """Make the content of a push. Of a multiple push the task keeps the template as it stands, each message the rest.

    Raises:
        ResultError: There is no such template, or a value is missing for it.
    """
    if isinstance(request, AudiencePush) and request.variants:
        return _with_variants(workspace, request)
    if isinstance(request, SimplePush) or (isinstance(request, AudiencePush) and not request.template_name):
        return Content(of_simple(request), [])
    template = templates.named(workspace, request.template_name)
    if isinstance(request, TemplatePush | BroadcastPush | AudiencePush):
        rendered_once = templates.render(template, request.template_key_value)
        return Content(of_template(template, rendered_once, request), [], template.message_category)
    targets = request.target_msg if isinstance(request, MultiplePush) else ()
    rendered = [templates.render(template, target.template_key_value) for target in targets]
    return Content(
        as_it_stands(template, request),
        [
            _own(texts, {**request.extended_params, **target.extended_params})
            for texts, target in zip(rendered, targets, strict=True)
        ],
        template.message_category,
    )


def _with_variants(workspace: Workspace, request: AudiencePush) -> Content:
    """Make the content of a push as it is without variants, and what each of these changes in it."""
    plain = replace(request, variants=())
    of_all = compose(workspace, plain)
    variants = [
        compose(
            workspace,
            replace(
                plain,
                title=variant.title or request.title,
                content=variant.content or request.content,
                uri=variant.uri or request.uri,
                template_key_value={**request.template_key_value, **variant.template_key_value},
            ),
        ).shared
        for variant in request.variants
    ]
    return of_all._replace(
        own=[{name: value for name, value in variant.items() if of_all.shared[name] != value} for variant in variants]
    )


def as_it_stands(template: Template, request: TemplatePush | MultiplePush | FilePush) -> dict[str, Any]:
    """Make the content of a push with a template's placeholders left in it."""
    return of_template(template, Rendered(template.title, template.body, template.uri), request)


def of_simple(request: SimplePush | AudiencePush) -> dict[str, Any]:
    """Make the content of a push without a template."""
    return _content(
        Rendered(request.title, request.content, request.uri),
        request,
        action=request.push_action or 0,
        silent=request.silent or 0,
        style=request.push_style,
        icon=request.icon_urls,
        image=request.image_urls,
    )


def of_template(
    template: Template,
    rendered: Rendered,
    request: TemplatePush | MultiplePush | BroadcastPush | AudiencePush | FilePush,
) -> dict[str, Any]:
    """Make the content of a push with a template; what the request leaves open is the template's."""
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
    request: PushRequest,
    *,
    action: int,
    silent: int,
    style: int,
    icon: Mapping[str, str],
    image: Mapping[str, str],
) -> dict[str, Any]:
    content = _own(rendered, request.extended_params) | {
        "action": action,
        "silent": silent,
        "style": style,
        "icon": dict(icon),
        "image": dict(image),
        "templateCode": "",
        "notifyType": request.notify_type,
    }
    if channel_id := request.vendor_options.get("channelId"):
        content["channelId"] = channel_id
    return content


def _own(rendered: Rendered, params: Mapping[str, str]) -> dict[str, Any]:
    """Make the part of the content that a message of a multiple push has for itself."""
    return {
        "title": rendered.title,
        "content": rendered.content,
        "url": rendered.uri,
        "params": dict(params),
        "badge": params.get("badge", ""),
        "sound": params.get("sound", ""),
    }
