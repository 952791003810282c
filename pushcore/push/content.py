"""From a request to what devices get: the content of a task, and the part of it that is a message's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushcore.models import Template
from pushcore.push.requests import BroadcastPush, FilePush, MultiplePush, Push, SimplePush, TemplatePush
from pushcore.push.templates import Rendered


def of_simple(request: SimplePush) -> dict[str, Any]:
    """The content of a simple push (`bData`, less what differs by message)."""
    return _content(
        Rendered(request.title, request.content, request.uri),
        request,
        action=request.push_action,
        silent=request.silent,
        style=request.push_style,
        icon=request.icon_urls,
        image=request.image_urls,
    )


def of_template(
    template: Template, rendered: Rendered, request: TemplatePush | MultiplePush | BroadcastPush | FilePush
) -> dict[str, Any]:
    """The content of a push made from a template; what the request leaves open is the template's."""
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


def own(rendered: Rendered, params: Mapping[str, str]) -> dict[str, Any]:
    """The part of the content a message of a multiple push has for itself."""
    return {
        "title": rendered.title,
        "content": rendered.content,
        "url": rendered.uri,
        "params": dict(params),
        "badge": params.get("badge", ""),
        "sound": params.get("sound", ""),
    }


def _content(
    rendered: Rendered,
    request: Push,
    *,
    action: int,
    silent: int,
    style: int,
    icon: Mapping[str, str],
    image: Mapping[str, str],
) -> dict[str, Any]:
    return (
        own(rendered, request.extended_params)
        | {
            "action": action,
            "silent": silent,
            "style": style,
            "icon": dict(icon),
            "image": dict(image),
            "templateCode": "",
            "notifyType": request.notify_type,
        }
        | ({"channelId": channel_id} if (channel_id := request.vendor_options.get("channelId")) else {})
    )
