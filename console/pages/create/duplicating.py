"""A copy of an earlier push: the page filled in with all that is known of it, to be changed and pushed again.

The customer message ID is not copied, because the same one would push nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from console.pages.create import sms, variants
from console.pages.create.explanations import PARAMETERS
from console.pages.create.fields import ICONS, IMAGES, MAX_PARAMETER_ROWS, RICH_STYLE
from pushcore.audience import wave_times
from pushcore.models import AbTest, AudienceWalk, Broadcast, FileImport, PushTask, Segment, TaskLoad
from pushcore.models.pushes import NAMED_TARGETS, DeliveryType
from pushcore.push import templates

# The choices of "Logout period", the shortest first; what is longer is 4, "Permanent".
_PERIODS = ((timedelta(days=7), "1"), (timedelta(days=15), "2"), (timedelta(days=60), "3"))
_PERMANENT = "4"


@dataclass(frozen=True, slots=True)
class Copy:
    """An earlier push as the page is filled in with it.

    Attributes:
        typed: The fields.
        notes: What could not be copied, in sentences for the operator.
    """

    typed: QueryDict
    notes: list[str]


def copy_of(task: PushTask) -> Copy:
    """Return a copy of a task's push."""
    values = _common(task)
    notes = []
    if task.content.get("templateCode"):
        found, missing = _of_template(task)
        values |= found
        notes += missing
    else:
        values |= _content(task.content)
    if task.kind == PushTask.Kind.BROADCAST:
        values |= _audience(task)
    elif task.kind == PushTask.Kind.AUDIENCE:
        found, missing = _segment(task)
        walk = AudienceWalk.objects.filter(pk=task.pk).first()
        values |= found | _pace(walk)
        if walk is not None and walk.has_times:
            values |= _wave_times(task, walk)
        notes += missing + _pace_url(walk)
        found, missing = _variants(walk)
        values |= found
        notes += missing
    elif task.kind == PushTask.Kind.MULTIPLE:
        file = FileImport.objects.filter(pk=task.pk).first()
        values |= _pace(file)
        notes += _pace_url(file)
        notes.append(_("The targets are not copied: upload a file of them."))
    else:
        target, others = _target(task)
        values["target"] = target
        values |= sms.typed_of(task)
        notes += others
    if options := sorted(set(task.options) - {"androidChannel"}):
        notes.append(_("Options that only the API sets are not copied: %(names)s.") % {"names": ", ".join(options)})
    typed = QueryDict(mutable=True)
    typed.update({name: str(value) for name, value in values.items()})
    return Copy(typed, notes)


def _common(task: PushTask) -> dict[str, Any]:
    """Return what every kind of push has: name, target type, validity, channel, extension parameters."""
    is_user = task.delivery_type == DeliveryType.USER
    known = not is_user and task.delivery_type in NAMED_TARGETS
    parameters: Mapping[str, Any] = task.content.get("params") or {}
    rows = list(parameters.items())[:MAX_PARAMETER_ROWS]
    return {
        "task_name": task.name,
        "target_type": "user" if is_user else "device",
        "valid_seconds": max(1, round((task.expire_at - task.created_at).total_seconds())),
        "message_category": task.message_category,
        "inbox": int(task.inbox),
        "android_channel": int(task.options.get("androidChannel") == 1),
        f"{PARAMETERS}-TOTAL_FORMS": len(rows),
        **({"platform": task.delivery_type} if known else {}),
        **{f"{PARAMETERS}-{number}-key": key for number, (key, _value) in enumerate(rows)},
        **{f"{PARAMETERS}-{number}-value": value for number, (_key, value) in enumerate(rows)},
    }


def _content(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a push without a template."""
    names = {
        "title": "title",
        "body": "content",
        "url": "url",
        "silent": "silent",
        "style": "style",
        "action": "action",
    }
    values = {field: content[name] for field, name in names.items() if name in content}
    if content.get("style") == RICH_STYLE:
        for kind, materials in (("icon", ICONS), ("image", IMAGES)):
            urls: Mapping[str, str] = content.get(kind) or {}
            values |= {f"{kind}_{name}": urls[name] for name, *_rest in materials if name in urls}
    return values


def _of_template(task: PushTask) -> tuple[dict[str, Any], list[str]]:
    """Return the template and the values it was filled in with, as far as the texts show them, and what is missing."""
    name = str(task.content["templateCode"])
    template = templates.of_workspace(task.workspace).filter(name=name).first()
    if template is None:
        return {}, [_("The template %(name)s does not exist any more.") % {"name": name}]
    values = {"template": name}
    if task.kind == PushTask.Kind.MULTIPLE:
        return values, []
    rendered = templates.Rendered(
        str(task.content.get("title", "")), str(task.content.get("content", "")), str(task.content.get("url", ""))
    )
    found = templates.values_of(template, rendered)
    names = sorted(templates.placeholder_names(template))
    values |= {f"value_{number}": found[one] for number, one in enumerate(names) if one in found}
    missing = [one for one in names if one not in found]
    if not missing:
        return values, []
    return values, [_("Enter these values again: %(names)s.") % {"names": ", ".join(missing)}]


def _target(task: PushTask) -> tuple[str, list[str]]:
    """Return the first target, and a note if there are more."""
    targets = list(task.own_messages().order_by("pk").values_list("target", flat=True)[:100])
    others = len(set(targets)) - 1
    if others <= 0:
        return targets[0] if targets else "", []
    return targets[0], [_("Only the first of %(count)s targets is copied.") % {"count": others + 1}]


def _segment(task: PushTask) -> tuple[dict[str, Any], list[str]]:
    """Return the segment that an audience push went to; without one that still exists, a note."""
    walk = AudienceWalk.objects.filter(pk=task.pk).first()
    name = walk.segment_name if walk else ""
    if name and Segment.objects.filter(workspace=task.workspace_id, name=name).exists():
        return {"segment": name}, []
    if name:
        return {}, [_("The segment %(name)s does not exist any more.") % {"name": name}]
    return {}, [_("Its condition is not copied: save it as a segment, and select that.")]


def _pace(load: TaskLoad | None) -> dict[str, Any]:
    """Return the pace of a push to many devices, if it had one."""
    names = ("messages_per_second", "over_seconds")
    return {name: value for name in names if (value := getattr(load, name, None))}


def _pace_url(load: TaskLoad | None) -> list[str]:
    """Note that a URL, parts of which may be secret, is not shown to whoever pushes again."""
    return [_("Its pace URL is not copied.")] if load and load.pace_url else []


def _variants(walk: AudienceWalk | None) -> tuple[dict[str, Any], list[str]]:
    """Return the A/B test of a push and how long a message of it is valid; a note where the form has none for it."""
    test = AbTest.objects.filter(walk=walk).first() if walk else None
    if test is None:
        return {}, []
    values = {"valid_seconds": test.expired_seconds}
    typed = variants.typed_of(test)
    return (values, [_("Its variants are not copied.")]) if typed is None else (values | typed, [])


def _wave_times(task: PushTask, walk: AudienceWalk) -> dict[str, Any]:
    """Return when devices get a push, and how long its messages are valid from then on."""
    validity = task.expire_at - wave_times.last_moment_of(walk)
    values: dict[str, Any] = {"valid_seconds": max(1, round(validity.total_seconds()))}
    if walk.local_time is not None:
        values["local_time"] = f"{walk.local_time:%H:%M}"
    if walk.best_time_hours is not None:
        values["best_time_hours"] = walk.best_time_hours
    return values


def _audience(task: PushTask) -> dict[str, Any]:
    """Return the platform of a broadcast, and the users it is for by their login."""
    values: dict[str, Any] = {"platform": task.delivery_type, "login_status": 0}
    broadcast = Broadcast.objects.filter(task=task).first()
    if broadcast is not None and broadcast.unbound is not None:
        values |= {"login_status": 1, "logout_period": _period(task.created_at, broadcast.unbound[0])}
    return values


def _period(created_at: datetime, since: str | None) -> str:
    """Return the choice of "Logout period" that reaches back from a broadcast's creation to `since` (ISO 8601)."""
    if since is None:
        return _PERMANENT
    length = created_at - datetime.fromisoformat(since)
    return next((choice for longest, choice in _PERIODS if length <= longest + timedelta(minutes=1)), _PERMANENT)
